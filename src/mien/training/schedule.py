"""What is a function of the step alone: learning rate, memory of the average, and which samples are seen."""

import math
from collections.abc import Iterator


def cosine(step: int, total: int, *, warmup: int) -> float:
    """Factor of the learning rate: a linear rise over `warmup` steps, then half a cosine down to 0 (Loshchilov & Hutter 2017)."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def constant(step: int, total: int, *, warmup: int) -> float:
    """Factor of the learning rate: a linear rise over `warmup` steps, then 1."""
    return min(1.0, (step + 1) / max(1, warmup))


def kept(images: int, batch: int, half_life: float) -> float:
    """How much of an average stays at a step that learns from `batch` images, `images` having been seen before it.

    Half of it is forgotten in `half_life` images; at first in a twentieth of those seen: the start is not worth keeping.
    """
    return 0.5 ** (batch / max(min(half_life, 0.05 * (images + batch)), 1e-8))


class StepSampler:
    """Batches of sample numbers from step `start` to `stop`: step s of rank r draws the same numbers in every run."""

    def __init__(self, start: int, stop: int, batch: int, *, rank: int = 0, world: int = 1) -> None:
        """`batch` is that of one rank; the ranks together draw what one rank with `world` times the batch would."""
        self.steps = range(start, stop)
        self.batch, self.rank, self.world = batch, rank, world

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            first = (step * self.world + self.rank) * self.batch
            yield list(range(first, first + self.batch))
