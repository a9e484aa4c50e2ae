"""Benchmarks of edits: through the same path as `mien.edit`, measured on landmarks that the engine does not know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from mien import aus, images, registry
from mien.api.measuring import compare
from mien.api.portrait import Portrait
from mien.api.solving import solve_for
from mien.aus import MAX_INTENSITY, AUVector
from mien.data import folder
from mien.data.crops import open_crops
from mien.data.teacher import REACH, Teacher
from mien.edits import parse
from mien.errors import DataError, FaceError
from mien.faces import align, landmarks
from mien.faces.align import Square
from mien.faces.landmarks import face_of
from mien.geometry.fitting import fit, neutral
from mien.geometry.head import bundled
from mien.metrics.edits import DOSES, UNITS, Response
from mien.protocols import CropSpec, Reader
from mien.types import Crop, Face, Photo


@dataclass(frozen=True, eq=False)
class Judge:
    """Measures edited faces against their photo: on mien's own landmarks, and on the teacher's when its file is there."""

    teacher: Teacher | None
    reader: Reader

    @staticmethod
    def of(data: Path) -> "Judge":
        """The best judge that a folder has."""
        path = data / "face_landmark.tflite"
        return Judge(Teacher(path) if path.is_file() else None, registry.reader(registry.READER))

    @property
    def names(self) -> tuple[str, ...]:
        """Whose landmarks are measured: the teacher's first."""
        return ("teacher", "own") if self.teacher else ("own",)

    def look(self, photo: Photo, near: Face) -> list[Face | None]:
        """The face near where it was on the landmarks of each of `names`; None when it is not seen any more."""
        own = landmarks.track(photo, near)
        if self.teacher is None:
            return [own]
        points, presence = self.teacher.settled(photo.rgb, Square.around(near.landmarks, REACH))
        return [face_of(points, presence) if presence > landmarks.PRESENT else None, own]

    def units(self, photo: Photo, face: Face | None, reference: Crop, seen: Face) -> Float[np.ndarray, " units"]:
        """Intensities along `aus.NAMES`, NaN without a face.

        What counts is how the judge saw the landmarks go from `seen`, those of the unedited photo: laid onto the landmarks that mien
        read there, so that all start from what `mien read` says of the photo, as the command does.
        """
        if face is None:
            return np.full(len(aus.NAMES), np.nan)
        moved = face_of(reference.face.landmarks + (face.landmarks - seen.landmarks), face.score)
        (reading,) = compare(self.reader, [align.cut(photo, moved, CropSpec())], [reference])
        return np.array([reading.aus[aus.column(unit)] for unit in aus.NAMES])


@cache
def _directions() -> Mapping[int, Float[np.ndarray, "468 2"]]:
    """How the landmarks of the mean head go, across and up in cm, when a unit goes from 0 to 5."""
    head = bundled()
    rest = head.landmarks(head.mean)
    full = {unit: torch.from_numpy(AUVector.of({aus.column(unit): 5.0}).values.astype(np.float32)) for unit in UNITS}
    zero = torch.zeros(len(head.identity))
    return {unit: (head.landmarks(head.vertices(zero, values)) - rest)[:, :2].double().numpy() for unit, values in full.items()}


def moved(faces: Sequence[Face | None], unit: int) -> Float[np.ndarray, " n"]:
    """How far the landmarks have gone since the first face along a unit's direction, in steps; pose and size do not count."""
    away = np.full(len(faces), np.nan)
    seen = [i for i, face in enumerate(faces) if face is not None]
    if seen[:1] == [0]:
        landmarks = np.stack([face.landmarks for face in faces if face is not None]).astype(np.float64)
        frontal = fit.solve(landmarks, fit.landmark_basis(bundled()), neutral.bundled()).frontal[..., :2]
        direction = _directions()[unit]
        away[seen] = MAX_INTENSITY * ((frontal - frontal[0]) * direction).sum(axis=(1, 2)) / (direction**2).sum()
    return away


def portraits(data: Path, count: int, engine: str) -> list[Portrait]:
    """The first `count` faces of the test split of `sfhq_256` that are found, encoded by an engine."""
    crops = open_crops(folder.need(data, "sfhq_256.npz") / "sfhq_256.npz")
    found: list[Portrait] = []
    for index in crops.where(split="test"):
        try:
            found.append(Portrait.of(images.read(crops[int(index)]), registry.engine(engine)))
        except FaceError:
            continue
        if len(found) == count:
            return found
    raise DataError(f"{crops.path} has only {len(found)} faces in its test split that are found; ask for fewer with --faces")


def respond(
    portraits: Sequence[Portrait],
    judge: Judge,
    units: Sequence[int] = UNITS,
    doses: Sequence[float] = DOSES,
    *,
    solve: bool = False,
    on_picture: Callable[[], None] = lambda: None,
) -> list[Response]:
    """Set each unit to each dose on every face and measure all units; every picture is drawn and looked at once."""
    shape = (len(units), len(portraits), len(doses))
    measured = {name: np.full((*shape, len(aus.NAMES)), np.nan) for name in judge.names}
    away = np.full(shape, np.nan)
    for i, portrait in enumerate(portraits):
        reference = portrait.crops[0]
        seen = judge.look(portrait.photo, reference.face)
        for u, unit in enumerate(units):
            faces: list[Face | None] = []
            for d, dose in enumerate(doses):
                photo = images.read(_dosed(portrait, unit, dose, judge.reader if solve else None))
                looks = judge.look(photo, reference.face)
                for name, face, before in zip(judge.names, looks, seen, strict=True):
                    measured[name][u, i, d] = judge.units(photo, face, reference, before or reference.face)
                faces.append(looks[0])
                on_picture()
            away[u, i] = moved(faces, unit)
    return [Response(unit, away[u], {name: values[u] for name, values in measured.items()}) for u, unit in enumerate(units)]


def _dosed(portrait: Portrait, unit: int, dose: float, solver: Reader | None) -> UInt8[np.ndarray, "h w 3"]:
    wanted = parse(f"AU{unit}={dose:g}")
    return solve_for(portrait, wanted, solver).rgb if solver else portrait.draw([wanted])


__all__ = ["DOSES", "UNITS", "Judge", "moved", "portraits", "respond"]
