"""Faces of a photo with their 468 landmarks, by the bundled network."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from mien import weights
from mien.faces.align import Square, carry, sample
from mien.faces.details import Details
from mien.faces.detect import candidates, distinct
from mien.nn.fusing import fused
from mien.nn.landmarks import LandmarkNet
from mien.types import Face, Photo

PRESENT = 0.5  #: presence from which something counts as a face
CERTAIN = 0.95  #: presence that faces have where the detector is sure (all of 1026); less is looked at again, as a doubtful place is
PRESENT_IN_DOUBT = 0.97  #: the same where the detector was not sure itself
STEADY = 0.9  #: presence that such a face keeps in both other looks: faces kept 0.98, what was none lost a quarter in one
CLOSER = 0.8  #: of a look's square
ALIKE = 0.16  #: of half the side, of the size, and in radians: squares differed so in training
NOTHING = 0.05  #: presence below which a second pass would be a waste
MARGIN = 1.25  #: of the landmarks' extent: how much the network sees around them


class Landmarker:
    """The landmark networks with their weights. Faces go through one at a time, so no face depends on what else is in the picture."""

    def __init__(self, path: Path | None = None, details: Path | None = None) -> None:
        """Load the bundled weights, or those of `path` and `details`; raises `WeightsError` when they are of another network."""
        stored = weights.load(path or weights.bundled("landmarks"))
        self._network = fused(weights.built(lambda: LandmarkNet(**stored.config), stored, "network of landmarks (`mien train landmarks`)"))
        self._size = self._network.size
        self._details = Details(details)

    def look(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """One pass: landmarks in pixels of `rgb`, and presence 0..1, of the face in a square."""
        picture = torch.from_numpy(sample(rgb, square, self._size)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            points, logit = self._network(picture.contiguous(memory_format=torch.channels_last))
        inside = points[0].double().numpy() + np.array([0.5, 0.5, 0.0])  # half sides from the centre -> pixels of a crop of 2 x 2
        return carry(square.to_photo(2), inside), float(logit.sigmoid())

    def place(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> Face:
        """The face near a square: a first look says where it is, a second looks there, unless the first one did so already; a last one
        looks closely at eyes and mouth.

        The score is the lesser presence.
        """
        landmarks, presence = self.look(rgb, square)
        there = Square.around(landmarks, MARGIN)
        if presence >= NOTHING and not _alike(square, there):
            landmarks, again = self.look(rgb, there)
            presence = min(presence, again)
        return face_of(self._details.refined(rgb, landmarks) if presence >= NOTHING else landmarks, presence)

    def steady(self, rgb: UInt8[np.ndarray, "h w 3"], face: Face) -> bool:
        """Whether a face stays one when looked at more closely, and with red and blue exchanged.

        What merely resembles a face (an emblem, dithered cloth) does so in one framing or in its own colours; a real face in all of them.
        """
        there = Square.around(face.landmarks, MARGIN)
        if self.look(rgb, there.scaled(CLOSER))[1] < STEADY:
            return False
        return self.look(np.ascontiguousarray(rgb[:, :, ::-1]), there)[1] >= STEADY


def _alike(a: Square, b: Square) -> bool:
    """Whether a look through one square is as good as through the other: they differ less than squares did in training."""
    shift = math.hypot(a.x - b.x, a.y - b.y) / b.half
    turn = math.remainder(a.roll - b.roll, 2 * math.pi)
    return max(shift, abs(math.log(a.half / b.half)), abs(turn)) < ALIKE


def face_of(landmarks: Float[np.ndarray, "468 3"], score: float) -> Face:
    """A face whose box is the extent of its landmarks."""
    (x, y), (width, height) = landmarks[:, :2].min(axis=0), np.ptp(landmarks[:, :2], axis=0)
    return Face((float(x), float(y), float(width), float(height)), score, landmarks)


def find(photo: Photo) -> list[Face]:
    """All faces of a photo, from left to right; an empty list when there is none."""
    network = landmarker()
    seen = [(network.place(photo.rgb, candidate.square), candidate.doubtful) for candidate in candidates(photo.rgb)]
    present = [face for face, doubtful in seen if _is_face(photo, face, doubtful=doubtful)]
    faces = distinct(present, square=lambda face: Square.around(face.landmarks))
    return sorted(faces, key=lambda face: face.box[0] + face.box[2] / 2)


def _is_face(photo: Photo, face: Face, *, doubtful: bool) -> bool:
    """Whether a place shows a face: one that detector or network is unsure of must look like one however it is looked at."""
    if face.score < (PRESENT_IN_DOUBT if doubtful else PRESENT):
        return False
    return (face.score >= CERTAIN and not doubtful) or landmarker().steady(photo.rgb, face)


def track(photo: Photo, previous: Face) -> Face | None:
    """The same face a frame later, looked for where it was, without detection; None when it is not there any more."""
    face = landmarker().place(photo.rgb, Square.around(previous.landmarks, MARGIN))
    return face if face.score >= PRESENT else None


@cache
def landmarker() -> Landmarker:
    """The bundled landmarker, loaded once."""
    return Landmarker()
