"""What readers of action units see: the square of `mien.faces.closeup`, as it is, or as other cameras would have it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.augment import degraded
from mien.data.labelled import jittered
from mien.data.mirror import mirrored_picture
from mien.data.occurrences import Occurrences
from mien.faces.align import sample
from mien.faces.closeup import square_of
from mien.nn.graphau import normalised, partners
from mien.nn.levels import signed


class View(NamedTuple):
    """A face, or a batch of them."""

    picture: Float[Tensor, "*b 3 s s"]  #: as networks of `mien.nn.graphau` see it
    present: Float[Tensor, "*b units"]  #: 1, 0 or NaN
    intensities: Float[Tensor, "*b graded"]  #: 0..5 or NaN


class Stills(Dataset[View]):
    """Faces as they are, in their order."""

    def __init__(self, faces: Occurrences, graded: Sequence[str], size: int) -> None:
        """Intensities are those of the units `graded`, pictures are of `size` x `size` pixels."""
        self._faces, self._size, self._graded = faces, size, [faces.units.index(unit) for unit in graded]

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> View:
        """A face."""
        return _view(self.picture(index), self._faces.present[index], self._faces.intensities[index, self._graded])

    def picture(self, index: int) -> UInt8[np.ndarray, "s s 3"]:
        """The picture of a face."""
        rgb, landmarks = self._faces.face(index)
        return sample(rgb, square_of(landmarks), self._size)


class Views(Dataset[View]):
    """Faces without end, each a little otherwise every time: shifted, turned, mirrored, lit, blurred.

    Sample n is the same in every run; each face comes once in so many samples as there are faces, in an order of its own.
    """

    def __init__(self, faces: Occurrences, graded: Sequence[str], size: int, seed: int) -> None:
        """See `Stills`."""
        self._faces, self._size, self._seed = faces, size, seed
        self._sides = partners(faces.units)
        self._graded = [faces.units.index(unit) for unit in graded]
        self._round, self._order = -1, np.zeros(0, np.int64)

    def __len__(self) -> int:
        """How many faces there are; samples have no end."""
        return len(self._faces)

    def __getitem__(self, number: int) -> View:
        """A sample."""
        turn, place = divmod(number, len(self))
        index, rng = int(self._shuffled(turn)[place]), np.random.default_rng([self._seed, number])
        rgb, landmarks = self._faces.face(index)
        square = jittered(square_of(landmarks), rng, shift=0.04, stretch=0.05, turn=0.05)  # as landmarks that are off have it
        picture = degraded(sample(rgb, square, self._size), rng)
        present, intensities = self._faces.present[index], self._faces.intensities[index]
        if rng.random() < 0.5:
            picture, present, intensities = mirrored_picture(picture), present[self._sides], intensities[self._sides]
        return _view(picture, present, intensities[self._graded])

    def _shuffled(self, turn: int) -> Int[np.ndarray, " n"]:
        if turn != self._round:
            self._round, self._order = turn, np.random.default_rng([self._seed, turn]).permutation(len(self))
        return self._order


def _view(rgb: UInt8[np.ndarray, "s s 3"], present: Float32[np.ndarray, " u"], intensities: Float32[np.ndarray, " g"]) -> View:
    return View(normalised(signed(rgb)[None])[0], torch.from_numpy(present.copy()), torch.from_numpy(intensities.copy()))
