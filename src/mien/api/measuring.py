"""What an edit did: commanded against achieved, what else moved, and whether it is still the same face."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from mien import aus, registry
from mien.aus import AUVector
from mien.faces import align, landmarks
from mien.protocols import ComparingReader, CropSpec, Reader
from mien.types import Crop, Photo, Reading


def measure_again(photo: Photo, crops: Sequence[Crop], reader: Reader) -> list[Reading | None]:
    """The faces of `crops` as a reader sees them in another version of their photo; None where no face is found any more."""
    faces = [landmarks.track(photo, crop.face) for crop in crops]
    found = [(align.cut(photo, face, CropSpec()), crop) for face, crop in zip(faces, crops, strict=True) if face is not None]
    readings = iter(compare(reader, [crop for crop, _ in found], [crop for _, crop in found]))
    return [None if face is None else next(readings) for face in faces]


def compare(reader: Reader, crops: Sequence[Crop], references: Sequence[Crop]) -> list[Reading]:
    """Faces that other pictures of the same people are known of: by what changed, where the reader can tell."""
    return reader.measure_against(crops, references) if isinstance(reader, ComparingReader) else reader.measure(crops)


def shape_similarity(crop: Crop, after: Photo) -> float:
    """The cosine between the identity coefficients that the capture ``fit`` finds of a face before and after; NaN where it is lost."""
    face = landmarks.track(after, crop.face)
    if face is None:
        return math.nan
    was, now = (code.shape for code in registry.capture("fit").capture([crop, align.cut(after, face, CropSpec())]))
    return float(was @ now / (np.linalg.norm(was) * np.linalg.norm(now)))


@dataclass(frozen=True)
class Line:
    """What happened to one unit of one face; intensities 0..5, NaN for `achieved` where no face was found any more."""

    face: int
    au: str
    role: Literal["commanded", "off-target"]
    before: float
    commanded: float  #: of an off-target unit: what it was before
    achieved: float

    @property
    def error(self) -> float:
        """Achieved less commanded."""
        return self.achieved - self.commanded


def report(face: int, before: AUVector, after: AUVector, target: AUVector) -> list[Line]:
    """A line for each unit that is measured, commanded ones first; both sides of a unit when they are commanded differently."""
    lines: list[Line] = []
    for unit in aus.NAMES:
        sides = aus.axes(aus.column(unit))
        asked, was = np.array([target[axis] for axis in sides]), np.array([before[axis] for axis in sides])
        for name in (aus.column(unit),) if _alike(asked) or _alike(asked - was) else sides:
            if not math.isnan(before[name]):
                commanded = not math.isnan(target[name])
                goal = target[name] if commanded else before[name]
                lines.append(Line(face, name, "commanded" if commanded else "off-target", before[name], goal, after[name]))
    return sorted(lines, key=lambda line: line.role)


def _alike(values: Float[np.ndarray, " sides"]) -> bool:
    """Whether both sides are the same, or both NaN."""
    return bool(np.allclose(values, values[0], equal_nan=True))
