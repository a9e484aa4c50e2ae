"""What an edit did: commanded against achieved, what else moved, and whether it is still the same face."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from mien import aus, registry
from mien.aus import AUVector
from mien.faces import align, landmarks
from mien.faces.identity import Recognizer, cosine
from mien.protocols import ComparingReader, CropSpec, Reader
from mien.types import Crop, Photo, Reading


def measure_again(before: Photo, after: Photo, crops: Sequence[Crop], reader: Reader) -> list[Reading | None]:
    """The faces of `crops`, cut from `before`, as a reader sees them in `after`; None where no face is found any more.

    Both pictures are looked at through the same squares and what differs is added to what the crops show: a picture that did not change
    measures the same, however a look through another square would shift its landmarks.
    """
    pairs = [_followed(before, after, crop) for crop in crops]
    found = [(crop, *pair) for crop, pair in zip(crops, pairs, strict=True) if pair is not None]
    shown, then = (reader.measure([part[i] for part in found]) for i in (0, 1))
    now = compare(reader, [again for _, _, again in found], [was for _, was, _ in found])
    readings = iter([replace(n, aus=s.aus + (n.aus - t.aus)) for s, t, n in zip(shown, then, now, strict=True)])
    return [None if pair is None else next(readings) for pair in pairs]


def _followed(before: Photo, after: Photo, crop: Crop) -> tuple[Crop, Crop] | None:
    """A face as one more look finds it in either picture; None where it is lost."""
    was, now = (landmarks.track(photo, crop.face) for photo in (before, after))
    return (align.cut(before, was, CropSpec()), align.cut(after, now, CropSpec())) if was and now else None


def compare(reader: Reader, crops: Sequence[Crop], references: Sequence[Crop]) -> list[Reading]:
    """Faces that other pictures of the same people are known of: by what changed, where the reader can tell."""
    return reader.measure_against(crops, references) if isinstance(reader, ComparingReader) else reader.measure(crops)


def shape_similarity(before: Photo, after: Photo, crop: Crop) -> float:
    """The cosine between the identity coefficients that the usual capture finds of a face in both pictures; NaN where it is lost."""
    pair = _followed(before, after, crop)
    if pair is None:
        return math.nan
    was, now = (code.shape for code in registry.capture(registry.CAPTURE).capture(pair))
    return float(was @ now / (np.linalg.norm(was) * np.linalg.norm(now)))


def identity_similarity(before: Photo, after: Photo, crop: Crop, network: Recognizer) -> float:
    """The cosine between the codes that a network for identity has of a face in both pictures; NaN where it is lost."""
    pair = _followed(before, after, crop)
    if pair is None:
        return math.nan
    return cosine(network.code(before, pair[0].face), network.code(after, pair[1].face))


@dataclass(frozen=True)
class Line:
    """What happened to one unit of one face; intensities 0..5, NaN for `achieved` where no face was found any more."""

    face: int
    au: str
    role: Literal["commanded", "related", "off-target"]  #: related: moves together with a commanded unit, see `mien.aus.TOGETHER`
    before: float
    commanded: float  #: of a unit that is not: what it was before
    achieved: float

    @property
    def error(self) -> float:
        """Achieved less commanded."""
        return self.achieved - self.commanded


def report(face: int, before: AUVector, after: AUVector, target: AUVector) -> list[Line]:
    """A line for each unit that is measured, commanded ones first; both sides of a unit when they are commanded differently."""
    lines: list[Line] = []
    told = [unit for unit in aus.NAMES if not all(math.isnan(target[axis]) for axis in aus.axes(aus.column(unit)))]
    for unit in aus.NAMES:
        other = "related" if any(aus.together(unit, one) for one in told) else "off-target"
        sides = aus.axes(aus.column(unit))
        asked, was = np.array([target[axis] for axis in sides]), np.array([before[axis] for axis in sides])
        for name in (aus.column(unit),) if _alike(asked) or _alike(asked - was) else sides:
            if not math.isnan(before[name]):
                commanded = not math.isnan(target[name])
                goal = target[name] if commanded else before[name]
                lines.append(Line(face, name, "commanded" if commanded else other, before[name], goal, after[name]))
    return sorted(lines, key=lambda line: ("commanded", "related", "off-target").index(line.role))


def _alike(values: Float[np.ndarray, " sides"]) -> bool:
    """Whether both sides are the same, or both NaN."""
    return bool(np.allclose(values, values[0], equal_nan=True))
