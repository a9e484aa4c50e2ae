"""The words of mien: photo, face, crop, pose and head code. Arrays are NumPy; pixels are (x, y), x right, y down."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.aus import AUVector


@dataclass(frozen=True, eq=False)
class Photo:
    """A whole picture, upright, sRGB, 8 bits a channel."""

    rgb: UInt8[np.ndarray, "h w 3"]
    alpha: UInt8[np.ndarray, "h w"] | None = None  #: kept as it came; None for an opaque picture
    path: Path | None = None  #: where it was read from
    sha256: str = ""  #: of the source file's bytes, or of the pixels when there is no file
    time: float = 0.0  #: seconds from the start of the video; 0 for a still

    def __repr__(self) -> str:
        return f"Photo({self.path or 'in memory'}, {self.size[0]} x {self.size[1]})"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]


@dataclass(frozen=True, eq=False)
class Face:
    """A person's face in a photo; all coordinates are photo pixels."""

    box: tuple[float, float, float, float]  #: x, y, width, height
    score: float  #: face presence, 0..1
    landmarks: Float[np.ndarray, "468 3"]  #: MediaPipe's topology; x right, y down, z away from the viewer, one scale


@dataclass(frozen=True)
class CropSpec:
    """How a face is cut out: at the photo's own pixels (`size` None, no resampling), or aligned to a square of `size` pixels."""

    size: int | None = None
    margin: float = 0.6  #: of the landmarks' extent, on every side; native crops only


@dataclass(frozen=True, eq=False)
class Crop:
    """A cut-out of a photo around one face, with the way back."""

    rgb: UInt8[np.ndarray, "h w 3"]
    to_photo: Float[np.ndarray, "3 3"]  #: homogeneous crop pixel -> photo pixel
    face: Face  #: in **photo** pixels


@dataclass(frozen=True, eq=False)
class Drawn:
    """What an engine drew for a crop: where `matte` is 0 the photo keeps its own pixels, bit for bit."""

    rgb: UInt8[np.ndarray, "h w 3"]
    matte: Float32[np.ndarray, "h w"]
    landmarks: Float[np.ndarray, "468 3"] | None = None  #: where the face's landmarks are now, in crop pixels; None where nobody knows


@dataclass(frozen=True, eq=False)
class Pose:
    """A scaled-orthographic camera on a head.

    Head space is in cm: x to the subject's left, y up, z towards the viewer of a frontal face. A point X of it appears at
    ``u = scale * (R X)_x + tx``, ``v = -scale * (R X)_y + ty``; ``(R X)_z`` is its nearness.
    """

    rotation: Float[np.ndarray, "3 3"]
    scale: float  #: photo pixels per cm
    translation: Float[np.ndarray, " 2"]  #: photo pixel of the head's origin

    def project(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Photo pixels u, v and nearness in pixels (bigger is nearer) of head-space points in cm."""
        turned = points @ self.rotation.T * self.scale
        turned[..., 1] *= -1
        turned[..., :2] += self.translation
        return turned


@dataclass(frozen=True, eq=False)
class HeadCode:
    """A head in a photo as numbers: who (shape), what expression, and how it is seen."""

    shape: Float[np.ndarray, " k"]  #: identity coefficients, unit variance
    expression: AUVector  #: AU intensities 0..5, measured against the person's own neutral when that is known
    pose: Pose
    neutral: AUVector = field(default_factory=AUVector.neutral)  #: what the resting face of this person already shows


class Presence(NamedTuple):
    """Whether an action unit is there, which is no intensity: a trace can be certain and a strong movement in doubt."""

    probability: float  #: 0..1: of the faces of which p is said, about the share p shows the unit
    present: bool  #: whether the probability reaches the unit's threshold, which is in the reader's weights
    spread: float = math.nan  #: standard deviation of the probability between the readers of an ensemble; NaN where there is one reader


@dataclass(frozen=True, eq=False)
class Reading:
    """All that a reader says of one face."""

    face: Face
    aus: AUVector  #: intensities 0..5; NaN where it does not measure
    emotions: Mapping[str, float]  #: scores 0..1 of `mien.aus.EMOTIONS`, which sum to 1; empty where it tells none
    angles: tuple[float, float, float]  #: pitch, yaw, roll in degrees; see `mien.geometry.rotation`
    presence: Mapping[str, Presence] = field(default_factory=dict[str, Presence])  #: of units such as AU12, and of sides such as AU12L
    spread: Mapping[str, float] = field(
        default_factory=dict[str, float]
    )  #: by axis: deviation of intensities between an ensemble's readers
