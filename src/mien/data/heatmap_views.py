"""What FG-Net sees of faces, in FFHQ's framing, and what it is to draw of them; see `mien.data.heatmaps`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.heatmaps import targets
from mien.data.keptfaces import Framed, Framing
from mien.data.mirror import mirrored_landmarks, mirrored_picture
from mien.data.occurrences import Occurrences
from mien.nn.levels import signed
from mien.tables import LANDMARK68

_BEYOND = 0.2  # of the side of a picture: so far its mirror image goes on


class View(NamedTuple):
    """A face, or a batch of them."""

    picture: Float[Tensor, "*b 3 s s"]  #: -1..1
    targets: Float[Tensor, "*b n h h"]  #: heatmaps, -1..1; of a unit of which nobody knows whether it is there, as if it were not
    present: Float[Tensor, "*b n"]  #: 1, 0 or NaN
    intensities: Float[Tensor, "*b m"]  #: 0..5 or NaN


class Wide(Framing):
    """For pictures that show little more than the framing: beyond them is their mirror image, which FFHQ would blur into them."""

    def cut(self, rgb: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "468 3"]) -> Framed:
        """A face of a picture, by its landmarks in the picture's pixels."""
        beyond = round(_BEYOND * min(rgb.shape[:2]))
        wide = np.pad(rgb, ((beyond, beyond), (beyond, beyond), (0, 0)), "reflect")
        return super().cut(wide, points + np.array([beyond, beyond, 0]))


class Stills(Dataset[View]):
    """Faces as they are, in their order."""

    def __init__(self, faces: Occurrences, graded: Sequence[str], cells: int) -> None:
        """Intensities are those of the units `graded`, heatmaps have `cells` x `cells`."""
        self._faces, self._cells, self._graded = faces, cells, [faces.units.index(unit) for unit in graded]

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> View:
        """A face."""
        return self.view(index, mirrored=False)

    def view(self, index: int, *, mirrored: bool) -> View:
        """A face, or its mirror image, which shows the same units."""
        faces, (rgb, landmarks) = self._faces, self._faces.face(index)
        if mirrored:
            rgb, landmarks = mirrored_picture(rgb), mirrored_landmarks(landmarks, rgb.shape[1])
        present = faces.present[index]
        drawn = targets(landmarks[LANDMARK68, :2].astype(np.float64), present == 1, faces.units, self._cells, seen=rgb.shape[1])
        return View(signed(rgb), *(torch.from_numpy(each.copy()) for each in (drawn, present, faces.intensities[index, self._graded])))


class Views(Dataset[View]):
    """Faces without end: each comes once in so many samples as there are faces, in an order of its own."""

    def __init__(self, stills: Stills, seed: int, *, flips: bool) -> None:
        """`flips` mirrors half of all samples; sample n is the same in every run."""
        self._stills, self._seed, self._flips = stills, seed, flips
        self._round, self._order = -1, np.zeros(0, np.int64)

    def __len__(self) -> int:
        """How many faces there are; samples have no end."""
        return len(self._stills)

    def __getitem__(self, number: int) -> View:
        """A sample."""
        turn, place = divmod(number, len(self))
        mirrored = self._flips and np.random.default_rng([self._seed, number]).random() < 0.5
        return self._stills.view(int(self._shuffled(turn)[place]), mirrored=mirrored)

    def _shuffled(self, turn: int) -> Int[np.ndarray, " n"]:
        if turn != self._round:
            self._round, self._order = turn, np.random.default_rng([self._seed, turn]).permutation(len(self))
        return self._order
