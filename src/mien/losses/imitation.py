"""The terms of a mapper that learns from two pictures of each person, whose expressions differ by known steps.

What a generator draws of a face is never quite the face. So it is to draw its own picture of it changed as the real one changes from the
first picture to the second: what it cannot draw is the same on both sides, and the change alone is learned.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.losses import units
from mien.losses.reconstruction import Reconstruction
from mien.losses.units import Reader
from mien.nn.mapper import LevelsMapper
from mien.nn.sizing import sized
from mien.nn.stylegan2 import Generator

Codes = Float[Tensor, "b k l d"]
Pictures = Float[Tensor, "b 3 s s"]


class Changed(NamedTuple):
    """People, each by `k` pairs of codes; the first pair is drawn too."""

    before: Codes
    after: Codes
    change: Float[Tensor, "b k n"]  #: from the one to the other, 1 = five steps
    real: Pictures  #: of the first pair the one, -1..1,
    changed: Pictures  #: and the other


class Imitation(nn.Module):
    """Frozen networks, and what they say of moved codes."""

    def __init__(self, generator: Generator, reconstruction: Reconstruction, reader: Reader, spread: float) -> None:
        """`spread`: the mean squared difference of two codes of a person."""
        super().__init__()
        self.generator, self.reconstruction = generator.requires_grad_(False), reconstruction.requires_grad_(False)
        self.reader, self.spread = reader, spread

    def moved(self, mapper: LevelsMapper, pairs: Changed) -> Codes:
        """What a mapper moves the codes by."""
        count = pairs.change.shape[:2]
        return mapper.reach * mapper(mapper.repeated(pairs.change.flatten(0, 1))).unflatten(0, count)

    def forward(self, pairs: Changed, moved: Codes) -> Mapping[str, Float[Tensor, ""]]:
        """The terms: of all codes, where 1 is what a mapper that moves nothing has; and of the first pair's picture."""
        reached = pairs.before + moved
        made = self._drawn(reached)
        with torch.no_grad():
            goal = self._goal(pairs)
            shown = self.reader(goal)
        apart = {"units": units.apart(self.reader(made), shown), "codes": (reached - pairs.after).square().mean() / self.spread}
        return {**self.reconstruction(made, goal)._asdict(), **apart, "length": moved.square().mean() / self.spread}

    def read(self, pairs: Changed, moved: Codes) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"]]:
        """Of the first pair: the change that is read in the generator's pictures, and the one that was asked for."""
        before, made = (self.reader(self._drawn(codes)) for codes in (pairs.before, pairs.before + moved))
        return made - before, pairs.change[:, 0]

    def shown(self, pairs: Changed, moved: Codes) -> list[Pictures]:
        """What the generator draws of the first code, and of the moved one, -1..1; and what that was to be."""
        return [self._drawn(pairs.before), self._drawn(pairs.before + moved), self._goal(pairs)]

    def _drawn(self, codes: Codes) -> Pictures:
        return self.generator(codes[:, 0])

    def _goal(self, pairs: Changed) -> Pictures:
        drawn = self._drawn(pairs.before)
        return drawn + sized(pairs.changed - pairs.real, drawn.shape[2])
