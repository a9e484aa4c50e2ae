"""Photos of people that are to become other photos of them, without end: what a redrawer learns from."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.expressions import Expressions
from mien.geometry.facemesh import LID_LOWER, LID_UPPER, LIP_LOWER_OUTLINE, LIP_UPPER_OUTLINE

_EDITS = 0.5  # share of samples that begin with a photo, as edits do, and not with what was drawn of it
_ORGANS = (LIP_UPPER_OUTLINE + LIP_LOWER_OUTLINE, *(LID_UPPER[side] + LID_LOWER[side] for side in "RL"))
_AROUND = 0.03  # of the side: how wide the outline of an organ is


class Redrawing(NamedTuple):
    """Two pictures of a person that differ in what is known alone."""

    code: Float[Tensor, "*b l d"]  #: of the photo
    change: Float[Tensor, "*b n"]  #: from the one to the other, along `mien.data.expressions.AXES`, 1 = five steps
    photo: Float[Tensor, "*b 3 s s"]  #: -1..1
    goal: Float[Tensor, "*b 3 s s"]  #: the other one
    here: Float[Tensor, "*b 468 2"]  #: landmarks of the photo, x and y in shares of the side
    there: Float[Tensor, "*b 468 2"]  #: landmarks of the goal
    organs: Float[Tensor, "*b 1 s s"]  #: 1 where lips and lids of the goal are, what they surround, and a little around; else 0


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
        own = person[faces.own[person]]
        one = int(draw.choice(own if len(own) and draw.random() < _EDITS else person))
        other = int(draw.choice(person[person != one]))
        change = torch.from_numpy(faces.shown[other] - faces.shown[one])
        photo, goal = (faces.picture(index, self._size) for index in (one, other))
        here, there = (faces.landmarks(index) for index in (one, other))
        organs = torch.from_numpy(_organs(there, self._size))[None]
        return Redrawing(self._codes[one], change, photo, goal, torch.from_numpy(here), torch.from_numpy(there), organs)


def _organs(landmarks: Float32[np.ndarray, "468 2"], size: int) -> Float32[np.ndarray, "s s"]:
    """1 where the mouth and the eyes are, in a picture of that size."""
    mask = np.zeros((size, size), np.float32)
    for outline in _ORGANS:
        hull = np.rint(cv2.convexHull(landmarks[list(outline)]) * size).astype(np.int32)
        cv2.fillConvexPoly(mask, hull, 1.0)
        cv2.polylines(mask, [hull], isClosed=True, color=1.0, thickness=round(_AROUND * size))
    return mask
