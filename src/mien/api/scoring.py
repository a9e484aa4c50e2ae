"""Benchmarks of edits: through the same path as `mien.edit`, measured by a judge that the engine does not know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from mien import aus, images, registry
from mien.api.following import slim
from mien.api.portrait import Portrait
from mien.api.solving import solve_for
from mien.aus import MAX_INTENSITY, AUVector
from mien.data import folder
from mien.data.crops import open_crops
from mien.data.teacher import REACH, Teacher
from mien.edits import parse
from mien.errors import DataError, FaceError
from mien.faces import landmarks
from mien.faces.align import Square
from mien.faces.landmarks import face_of
from mien.geometry.fitting import fit, neutral
from mien.geometry.head import bundled
from mien.metrics.edits import DOSES, UNITS, Response
from mien.protocols import SequenceReader
from mien.types import Face, Photo


@dataclass(frozen=True, eq=False)
class Judge:
    """Landmarks of an edited face: the teacher's when its file is there, else mien's own; and the reader that measures them."""

    teacher: Teacher | None
    reader: SequenceReader

    @staticmethod
    def of(data: Path) -> "Judge":
        """The best judge that a folder has."""
        path = data / "face_landmark.tflite"
        reader = registry.reader("geometry")
        if not isinstance(reader, SequenceReader):
            raise TypeError("the judge reads the pictures of a person together")
        return Judge(Teacher(path) if path.is_file() else None, reader)

    @property
    def name(self) -> str:
        """Whose landmarks are measured."""
        return "MediaPipe's landmarks" if self.teacher else "mien's own landmarks"

    def look(self, photo: Photo, near: Face) -> Face | None:
        """The face near where it was; None when it is not seen any more."""
        if self.teacher is None:
            return landmarks.track(photo, near)
        points, presence = self.teacher.settled(photo.rgb, Square.around(near.landmarks, REACH))
        return face_of(points, presence) if presence > landmarks.PRESENT else None

    def units(self, faces: Sequence[Face | None]) -> Float[np.ndarray, "n units"]:
        """Intensities along `aus.NAMES` in pictures of one person, read together; NaN where no face is seen."""
        measured = np.full((len(faces), len(aus.NAMES)), np.nan)
        seen = [i for i, face in enumerate(faces) if face is not None]
        readings = self.reader.measure_sequence([slim(face) for face in faces if face is not None])
        measured[seen] = [[reading.aus[aus.column(unit)] for unit in aus.NAMES] for reading in readings]
        return measured


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
    *,
    solve: bool = False,
    on_picture: Callable[[], None] = lambda: None,
) -> list[Response]:
    """Set each unit to each of `DOSES` on every face and measure all units."""
    shape = (len(units), len(portraits), len(DOSES))
    read, away = np.full((*shape, len(aus.NAMES)), np.nan), np.full(shape, np.nan)
    for i, portrait in enumerate(portraits):
        faces: list[Face | None] = []
        for u, unit in enumerate(units):
            for dose in DOSES:
                faces.append(judge.look(images.read(_dosed(portrait, unit, dose, solve)), portrait.crops[0].face))
                on_picture()
            away[u, i] = moved(faces[-len(DOSES) :], unit)
        read[:, i] = judge.units(faces).reshape(len(units), len(DOSES), len(aus.NAMES))
    return [Response(unit, away[u], read[u]) for u, unit in enumerate(units)]


def _dosed(portrait: Portrait, unit: int, dose: float, solve: bool) -> UInt8[np.ndarray, "h w 3"]:
    wanted = parse(f"AU{unit}={dose:g}")
    return solve_for(portrait, wanted, registry.reader("geometry")).rgb if solve else portrait.draw([wanted])


__all__ = ["DOSES", "UNITS", "Judge", "moved", "portraits", "respond"]
