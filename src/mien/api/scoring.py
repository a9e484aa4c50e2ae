"""Benchmarks of edits: through the same path as `mien.edit`, measured on landmarks that the engine does not know, or by another reader."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from mien import artefacts, aus, images, registry
from mien.api.keeping import Original
from mien.api.measuring import compare
from mien.api.portrait import Portrait
from mien.api.solving import solve_for
from mien.aus import MAX_INTENSITY, AUVector
from mien.data.teacher import REACH, Teacher
from mien.edits import parse
from mien.errors import DataError, UsageError
from mien.faces import align, landmarks
from mien.faces.align import Square
from mien.faces.identity import Recognizer
from mien.faces.landmarks import face_of
from mien.geometry.fitting import fit, neutral
from mien.geometry.head import bundled
from mien.metrics.edits import COMPARING, DOSES, UNITS, Response
from mien.protocols import ComparingReader, CropSpec, DetectingReader, Reader
from mien.types import Crop, Face, Photo, Reading

_TEACHER = "face_landmark.tflite"


@dataclass(frozen=True, eq=False)
class Judge:
    """Measures edited faces: against their photo on mien's own landmarks, and on the teacher's when its file is there; or, by a reader that
    cannot compare, each on its own.
    """

    teacher: Teacher | None
    reader: Reader
    alone: str = ""  #: why there is no teacher

    @staticmethod
    def of(data: Path | None = None, name: str = registry.READER) -> "Judge":
        """The best judge there is by the reader of that name: the teacher's file is looked for in `data`, in what MIEN_DATA names, and
        among fetched artefacts.
        """
        named = os.environ.get("MIEN_DATA")
        folders = [*([data] if data else []), *([Path(named)] if named else []), artefacts.folder()]
        path = next((path for folder in folders if (path := folder / _TEACHER).is_file()), None)
        reader = registry.reader(name)
        if path is None:
            return Judge(None, reader, f"{_TEACHER} is not on this machine (mien weights get facemesh)")
        try:
            return Judge(Teacher(path), reader)
        except DataError as error:  # its runtime is missing
            return Judge(None, reader, str(error))

    @property
    def names(self) -> tuple[str, ...]:
        """Whose numbers there are: on whose landmarks pictures are compared, the teacher's first; or the reader's that reads each alone."""
        if not isinstance(self.reader, ComparingReader):
            return (self.reader.name,)
        return COMPARING if self.teacher else COMPARING[1:]

    def units(self, wanted: Sequence[int]) -> tuple[int, ...]:
        """Those of some units of which its reader says anything; raises `UsageError` when there are none."""
        detects = self.reader.detects if isinstance(self.reader, DetectingReader) else ()
        columns = {unit: aus.column(unit) for unit in wanted}
        told = tuple(unit for unit, name in columns.items() if name in detects or self.reader.measures >= {*aus.axes(name)})
        if not told:
            raise UsageError(f"reader {self.reader.name} says nothing of {', '.join(columns.values())}: name others by --aus")
        return told

    def look(self, photo: Photo, near: Face) -> list[Face | None]:
        """The face near where it was, on the teacher's landmarks if there are any and on mien's own; None when it is not seen any more."""
        own = landmarks.track(photo, near)
        if self.teacher is None:
            return [own]
        points, presence = self.teacher.settled(photo.rgb, Square.around(near.landmarks, REACH))
        return [face_of(points, presence) if presence > landmarks.PRESENT else None, own]

    def readings(
        self, photo: Photo, faces: Sequence[Face | None], reference: Crop, seen: Sequence[Face | None]
    ) -> dict[str, Reading | None]:
        """What each of `names` says of an edited picture, of whose face and that of the photo it has one more look; None without a face."""
        if not isinstance(self.reader, ComparingReader):
            return {self.reader.name: self._alone(photo, faces[-1])}
        looks = zip(self.names, faces, seen, strict=True)
        return {name: self._compared(photo, face, reference, before or reference.face) for name, face, before in looks}

    def _alone(self, photo: Photo, face: Face | None) -> Reading | None:
        return self.reader.measure([align.cut(photo, face, CropSpec())])[0] if face else None

    def _compared(self, photo: Photo, face: Face | None, reference: Crop, seen: Face) -> Reading | None:
        """What counts is how the judge saw the landmarks go from `seen`, those of the unedited photo: laid onto the landmarks that mien
        read there, so that all start from what `mien read` says of the photo, as the command does.
        """
        if face is None:
            return None
        moved = face_of(reference.face.landmarks + (face.landmarks - seen.landmarks), face.score)
        return compare(self.reader, [align.cut(photo, moved, CropSpec())], [reference])[0]


def _numbers(reading: Reading | None) -> Float[np.ndarray, "2 units"]:
    """Intensities and probabilities along `aus.NAMES`: NaN without a face, and of units that are not measured, or not detected."""
    if reading is None:
        return np.full((2, len(aus.NAMES)), np.nan)
    strong = [reading.aus[aus.column(unit)] for unit in aus.NAMES]
    likely = [said.probability if (said := reading.presence.get(aus.column(unit))) else np.nan for unit in aus.NAMES]
    return np.array([strong, likely])


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


@dataclass(frozen=True, eq=False)
class _Answer:
    """What was measured when one unit of one face was set to each dose."""

    moved: Float[np.ndarray, " doses"]
    read: Mapping[str, Float[np.ndarray, "doses 2 units"]]  # intensities and probabilities
    kept: Mapping[str, Float[np.ndarray, " doses"]]


def respond(
    portraits: Sequence[Portrait],
    judge: Judge,
    units: Sequence[int] = UNITS,
    doses: Sequence[float] = DOSES,
    *,
    solve: bool = False,
    network: Recognizer | None = None,
    on_picture: Callable[[], None] = lambda: None,
) -> list[Response]:
    """Set each unit to each dose on every face and measure all units, and by `network` whose face it still is; every picture is drawn
    and looked at once.
    """
    answers: dict[int, list[_Answer]] = {unit: [] for unit in units}
    for portrait in portraits:
        sitting = _Sitting.of(portrait, judge, network)
        for unit in units:
            answers[unit].append(sitting.answer(unit, doses, solve, on_picture))
    return [_response(unit, of_faces, judge) for unit, of_faces in answers.items()]


@dataclass(frozen=True, eq=False)
class _Sitting:
    """One face and whoever judges it."""

    portrait: Portrait
    judge: Judge
    seen: Sequence[Face | None]  #: the unedited face as the judge sees it
    original: Original

    @staticmethod
    def of(portrait: Portrait, judge: Judge, network: Recognizer | None) -> "_Sitting":
        face = portrait.crops[0].face
        seen = judge.look(portrait.photo, face)
        return _Sitting(portrait, judge, seen, Original(portrait.photo, seen[-1] or face, network))

    def answer(self, unit: int, doses: Sequence[float], solve: bool, on_picture: Callable[[], None]) -> _Answer:
        """Set one unit to each dose, and measure."""
        reference = self.portrait.crops[0]
        read: dict[str, list[Float[np.ndarray, "2 units"]]] = {name: [] for name in self.judge.names}
        faces: list[Face | None] = []
        kept: list[dict[str, float]] = []
        for dose in doses:
            photo = images.read(_dosed(self.portrait, unit, dose, registry.reader(registry.READER) if solve else None))
            looks = self.judge.look(photo, reference.face)
            for name, reading in self.judge.readings(photo, looks, reference, self.seen).items():
                read[name].append(_numbers(reading))
            faces.append(looks[0])
            kept.append(self.original.kept(photo, looks[-1]))
            on_picture()
        return _Answer(
            moved(faces, unit),
            {name: np.stack(numbers) for name, numbers in read.items()},
            {name: np.array([each[name] for each in kept]) for name in kept[0]},
        )


def _response(unit: int, answers: Sequence[_Answer], judge: Judge) -> Response:
    """The answers of all faces to one unit."""
    read = {name: np.stack([answer.read[name] for answer in answers]) for name in judge.names}
    return Response(
        unit,
        np.stack([answer.moved for answer in answers]),
        {name: numbers[:, :, 0] for name, numbers in read.items()},
        {name: np.stack([answer.kept[name] for answer in answers]) for name in answers[0].kept},
        {name: numbers[:, :, 1] for name, numbers in read.items()} if isinstance(judge.reader, DetectingReader) else {},
    )


def _dosed(portrait: Portrait, unit: int, dose: float, solver: Reader | None) -> UInt8[np.ndarray, "h w 3"]:
    wanted = parse(f"AU{unit}={dose:g}")
    return solve_for(portrait, wanted, solver).rgb if solver else portrait.draw([wanted])
