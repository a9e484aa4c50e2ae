"""Benchmarks of edits: through the same path as `mien.edit`, measured by a judge that the engine does not know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from mien import aus, images
from mien.api import registry
from mien.api.portrait import Portrait
from mien.api.solving import solve_for
from mien.data import folder
from mien.data.crops import open_crops
from mien.data.teacher import REACH, Teacher
from mien.edits import parse
from mien.errors import DataError, FaceError
from mien.faces import align, landmarks
from mien.faces.align import Square
from mien.faces.landmarks import face_of
from mien.metrics.edits import DOSES, UNITS, Response
from mien.protocols import CropSpec, Reader
from mien.types import Face, Photo


@dataclass(frozen=True, eq=False)
class Judge:
    """Landmarks of an edited face: the teacher's when its file is there, else mien's own; and the reader that measures them."""

    teacher: Teacher | None
    reader: Reader

    @staticmethod
    def of(data: Path) -> "Judge":
        """The best judge that a folder has."""
        path = data / "face_landmark.tflite"
        return Judge(Teacher(path) if path.is_file() else None, registry.reader("geometry"))

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

    def units(self, photo: Photo, near: Face) -> Float[np.ndarray, " units"]:
        """Intensities along `aus.NAMES`; NaN when the face is not seen."""
        face = self.look(photo, near)
        if face is None:
            return np.full(len(aus.NAMES), np.nan)
        (reading,) = self.reader.measure([align.cut(photo, face, CropSpec())])
        return np.array([reading.aus[aus.column(unit)] for unit in aus.NAMES])


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
    portraits: Sequence[Portrait], judge: Judge, unit: int, *, solve: bool = False, on_picture: Callable[[], None] | None = None
) -> Response:
    """Set a unit to each of `DOSES` on every face and measure all units."""
    measured = np.full((len(portraits), len(DOSES), len(aus.NAMES)), np.nan)
    for row, portrait in zip(measured, portraits, strict=True):
        for i, dose in enumerate(DOSES):
            row[i] = judge.units(images.read(_dosed(portrait, unit, dose, solve)), portrait.crops[0].face)
            if on_picture is not None:
                on_picture()
    return Response(unit, measured)


def _dosed(portrait: Portrait, unit: int, dose: float, solve: bool) -> UInt8[np.ndarray, "h w 3"]:
    wanted = parse(f"AU{unit}={dose:g}")
    return solve_for(portrait, wanted, registry.reader("geometry")).rgb if solve else portrait.draw([wanted])


__all__ = ["DOSES", "UNITS", "Judge", "portraits", "respond"]
