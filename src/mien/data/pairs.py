"""Photos, and people with two expressions that differ by known steps, without end: what a generator learns expressions from."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.expressions import Expressions
from mien.data.squares import Squares
from mien.geometry.fitting.measured import MIRRORED


class Pair(NamedTuple):
    """A photo of somebody, and two pictures of somebody else, -1..1."""

    photo: Float[Tensor, "*b 3 s s"]
    before: Float[Tensor, "*b 3 s s"]
    after: Float[Tensor, "*b 3 s s"]
    change: Float[Tensor, "*b n"]  #: from the one to the other, along `mien.data.expressions.AXES`, 1 = five steps


class Pairs(Dataset[Pair]):
    """Sample n is the same in every run; half of the pairs are mirrored, with their sides changed."""

    def __init__(self, photos: Squares, faces: Expressions, size: int, seed: int) -> None:
        """`size` of the pictures in pixels; photos are mirrored as `photos` says."""
        self._photos, self._faces, self._size, self._seed = photos, faces, size, seed
        self._people = faces.of_person()

    def __getitem__(self, number: int) -> Pair:
        """A sample."""
        draw = np.random.default_rng([self._seed, number])
        person = self._people[draw.integers(len(self._people))]
        one, other = draw.choice(person, 2, replace=False)
        before, after = (self._faces.picture(int(index), self._size) for index in (one, other))
        change = torch.from_numpy(self._faces.shown[other] - self._faces.shown[one])
        if draw.random() < 0.5:
            before, after, change = before.flip(2), after.flip(2), change[MIRRORED]
        return Pair(self._photos[number], before, after, change)
