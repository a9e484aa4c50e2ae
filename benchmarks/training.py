"""The training core: processor time of a step, against the same learning written out as a bare PyTorch loop.

    python benchmarks/training.py [--steps N] [--batch N]

Both loops train the landmark network on the same batches with AdamW, a cosine rate, clipped gradients and an average of the weights. The
core adds what a bare loop lacks: a clock of images, exact sampling, a progress bar, `metrics.jsonl`. The loops take turns in short
stretches and the fastest step of each counts, one thread. Prints the overhead and writes `results/training.json` and `.png`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from mien import plots
from mien.nn.landmarks import LandmarkNet
from mien.training import Run, RunOptions, launch
from mien.training.schedule import cosine

RESULTS = Path(__file__).parent / "results"
RATE, CLIP, KEPT, STRETCH = 1e-3, 1.0, 0.999, 5


class Squares(Dataset[tuple[Tensor, Tensor]]):
    """Pictures and the points to learn, at random: a step costs the same whatever they show."""

    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self._pictures = torch.rand(count, 3, 128, 128, generator=generator)
        self._points = torch.rand(count, 468, 3, generator=generator)

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._pictures[index % len(self)], self._points[index % len(self)]


def loss_of(network: Callable[[Tensor], tuple[Tensor, Tensor]], pictures: Tensor, points: Tensor) -> Tensor:
    """What both loops minimise."""
    return (network(pictures)[0] - points).abs().mean()


def bare(samples: Squares, batch: int, total: int) -> Iterator[None]:
    """The loop as one writes it for one network and no more."""
    network = LandmarkNet()
    average = deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE)
    drawn = RandomSampler(samples, replacement=True, num_samples=total * batch)
    for step, (pictures, points) in enumerate(DataLoader(samples, batch, sampler=drawn)):
        optimizer.param_groups[0]["lr"] = RATE * cosine(step, total, warmup=0)
        optimizer.zero_grad(set_to_none=True)
        loss_of(network, pictures, points).backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        with torch.no_grad():
            now = network.state_dict()
            for name, value in average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(now[name], 1 - KEPT)
        yield


def core(samples: Squares, batch: int, total: int, folder: Path) -> Iterator[None]:
    """The same through `mien.training`, as recipes do."""
    fabric = launch(RunOptions())
    network = LandmarkNet()
    run = Run(fabric, folder, total=total, batch=batch)
    learner = run.learner(network, torch.optim.AdamW(network.parameters(), lr=RATE), memory=1000.0, warmup=0)
    for pictures, points in run.steps(run.batches(samples), what="core"):
        loss = loss_of(learner.network, pictures, points)
        learner.learn(loss, clip=CLIP)
        if run.due(50):
            run.log(loss=loss.detach())
        yield


def fastest(loops: dict[str, Iterator[None]], steps: int) -> dict[str, float]:
    """Milliseconds of processor time of the fastest stretch of each loop, a step."""
    best = dict.fromkeys(loops, float("inf"))
    for _ in range(steps // STRETCH):
        for name, loop in loops.items():
            begin = time.process_time()
            for _ in range(STRETCH):
                next(loop)
            best[name] = min(best[name], (time.process_time() - begin) * 1000 / STRETCH)
    return best


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    samples = Squares(4 * options.batch)
    with tempfile.TemporaryDirectory() as folder:
        total = options.steps + 1
        times = fastest(
            {"bare": bare(samples, options.batch, total), "core": core(samples, options.batch, total, Path(folder))}, options.steps
        )
    overhead = times["core"] / times["bare"] - 1
    for name, value in times.items():
        print(f"{name:5s} {value:7.1f} ms a step of {options.batch} pictures")
    print(f"overhead of the core: {overhead:+.1%}")
    RESULTS.mkdir(exist_ok=True)
    result = {"batch": options.batch, "milliseconds a step": times, "overhead": overhead}
    (RESULTS / "training.json").write_text(json.dumps(result, indent=1) + "\n")
    figure = Figure(figsize=(6, 1.6), layout="constrained")
    axes = figure.add_subplot()
    axes.bar_label(axes.barh(list(times)[::-1], list(times.values())[::-1], color="#3b6fb6"), fmt="%.0f", padding=3)
    axes.margins(x=0.12)
    axes.set_xlabel(f"milliseconds a step of {options.batch} pictures, one core")
    plots.write(figure, RESULTS / "training.png")


if __name__ == "__main__":
    main()
