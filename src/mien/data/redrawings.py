"""Photos of people that are to become other photos of them, without end: what a redrawer learns from."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.expressions import Expressions


class Redrawing(NamedTuple):
    """Two pictures of a person that differ in what is known alone."""

    code: Float[Tensor, "*b l d"]  #: of the photo
    change: Float[Tensor, "*b n"]  #: from the one to the other, along `mien.data.expressions.AXES`, 1 = five steps
    photo: Float[Tensor, "*b 3 s s"]  #: -1..1
    goal: Float[Tensor, "*b 3 s s"]  #: the other one
    here: Float[Tensor, "*b 468 2"]  #: landmarks of the photo, x and y in shares of the side
    there: Float[Tensor, "*b 468 2"]  #: landmarks of the goal


class Redrawings(Dataset[Redrawing]):
    """Sample n is the same in every run: a person, and two of the pictures in which all but expressions is still."""

    def __init__(self, faces: Expressions, codes: Float[Tensor, "n l d"], size: int, seed: int) -> None:
        """`codes` of all the pictures; `size` of the pictures in pixels."""
        self._faces, self._codes, self._size, self._seed = faces, codes, size, seed
        self._people = faces.of_person(still=True)

    def __getitem__(self, number: int) -> Redrawing:
        """A sample."""
        draw, faces = np.random.default_rng([self._seed, number]), self._faces
        person = self._people[draw.integers(len(self._people))]
        one, other = (int(index) for index in draw.choice(person, 2, replace=False))
        change = torch.from_numpy(faces.shown[other] - faces.shown[one])
        pictures = [faces.picture(index, self._size) for index in (one, other)]
        return Redrawing(self._codes[one], change, *pictures, *(torch.from_numpy(faces.landmarks(index)) for index in (one, other)))
