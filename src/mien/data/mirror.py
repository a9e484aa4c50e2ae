"""The mirror image of a face, in which pixels, landmarks and action units change sides together."""

from functools import cache

import numpy as np
from jaxtyping import Float, Int, UInt8

from mien import aus
from mien.geometry import head

_SIDES = np.array([aus.AXES.index(aus.mirror(axis)) for axis in aus.AXES])

Picture = UInt8[np.ndarray, "h w 3"]
Points = Float[np.ndarray, "468 d"]


def mirrored(rgb: Picture, landmarks: Points, units: Float[np.ndarray, " axes"]) -> tuple[Picture, Points, Float[np.ndarray, " axes"]]:
    """A picture, its landmarks (pixels) and its action units along `mien.aus.AXES`, as the mirror shows them."""
    return mirrored_picture(rgb), mirrored_landmarks(landmarks, rgb.shape[1]), units[_SIDES]


def mirrored_picture(rgb: Picture) -> Picture:
    """A picture from right to left."""
    return np.ascontiguousarray(rgb[:, ::-1])


def mirrored_landmarks(landmarks: Points, width: int) -> Points:
    """Where the landmarks (pixels) of a picture so wide are in its mirror image: each has the name of its partner."""
    partner = landmarks[partners()]
    partner[:, 0] = width - 1 - partner[:, 0]
    return partner


@cache
def partners() -> Int[np.ndarray, " 468"]:
    """The landmark on the other side of the face for each of MediaPipe's 468; itself on the midline."""
    model = head.bundled()
    places = model.landmarks(model.mean).numpy()
    return np.linalg.norm(places[:, None] * (-1, 1, 1) - places[None], axis=2).argmin(axis=1)
