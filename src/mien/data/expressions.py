"""Many expressions of each photo, as `mien data synth --photos` draws them, with what each shows along independent axes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from mien.aus import MAX_INTENSITY, AUShift
from mien.data.crops import open_crops
from mien.data.squares import middle
from mien.data.synth.store import ABOUT, SynthFaces
from mien.errors import DataError
from mien.faces.landmarks import face_of
from mien.geometry.fitting.measured import SOLVED, SOLVED_ROWS, independent
from mien.nn.levels import signed
from mien.types import Face, Pose

AXES: tuple[str, ...] = SOLVED  #: of what is shown
_STILL = 0.25  # steps that do not show
_HELD = 10  # where the photos have no splits, every so manieth validates


@dataclass(frozen=True, eq=False)
class Sitter:
    """A face about at rest, in a picture in FFHQ's framing."""

    rgb: UInt8[np.ndarray, "s s 3"]
    face: Face  #: in its pixels
    pose: Pose
    code: Float[Tensor, "1 l d"]


@dataclass(frozen=True, eq=False)
class Expressions:
    """Pictures of people, each with several expressions that differ by known steps."""

    faces: SynthFaces
    numbers: Int[np.ndarray, " n"]  #: of the pictures in their folder
    people: Int[np.ndarray, " n"]  #: whose photo each is made of
    shown: Float32[np.ndarray, "n s"]  #: along `AXES`, 1 = intensity 5: what was read in the photo, and exactly the steps from there
    still: Bool[np.ndarray, " n"]  #: whether it differs from the photo along `AXES` alone: eyes look, and all else is, as there
    own: Bool[np.ndarray, " n"]  #: whether it does not differ at all: it is the photo

    def __len__(self) -> int:
        return len(self.numbers)

    def picture(self, index: int, size: int) -> Float32[Tensor, "3 s s"]:
        """A picture in FFHQ's framing, -1..1."""
        rgb = middle(self.faces.picture(int(self.numbers[index])), size)
        return signed(rgb)

    def landmarks(self, index: int) -> Float32[np.ndarray, "468 2"]:
        """Where they are in a picture, x and y in shares of its side."""
        number = int(self.numbers[index])
        points = self.faces.label(number)["landmarks"][:, :2]
        return ((points + 0.5) / self.faces.about["size"]).astype(np.float32)

    def sitter(self, index: int, code: Float[Tensor, "1 l d"]) -> Sitter:
        """A picture with what is known of it; `code` is its own."""
        number = int(self.numbers[index])
        label, rgb = self.faces.label(number), self.faces.picture(number)
        turn, place = label["rotation"].astype(np.float64), label["translation"].astype(np.float64)
        return Sitter(rgb, face_of(label["landmarks"].astype(np.float64), 1.0), Pose(turn, float(label["scale"]), place), code)

    def of_person(self, *, still: bool = False) -> list[Int[np.ndarray, " k"]]:
        """The indices of each person's pictures, or of the `still` ones; people with a single one are left out."""
        order = np.argsort(self.people, kind="stable")
        order = order[self.still[order]] if still else order
        groups = np.split(order, np.flatnonzero(np.diff(self.people[order])) + 1)
        return [group for group in groups if len(group) > 1]


def open_expressions(folder: Path, split: str = "train") -> Expressions:
    """Those of a folder that are made of photos of a split: of a crop set its own, of other photos every tenth is for ``val``.

    Raises `DataError` for a folder of something else, of drawn heads, or without two pictures of anybody of the split.
    """
    if not (folder / ABOUT).is_file():
        raise DataError(f"{folder} has no {ABOUT}: `mien data synth --photos PHOTOS -o {folder}` fills it with expressions of people")
    faces = SynthFaces(folder)
    photos = faces.column("photo").astype(np.int64)
    if (photos < 0).any():
        raise DataError(f"{folder} has drawn heads, each with one expression: make one with `mien data synth --photos PHOTOS`")
    numbers = np.flatnonzero(np.isin(photos, _of_split(Path(faces.about["photos"]), photos, split)))
    shows, read = (np.nan_to_num(faces.column(field)[numbers].astype(np.float64)) for field in ("aus", "read"))
    steps = np.array([independent(AUShift(change)).values for change in shows - read]).reshape(len(numbers), -1)
    shown = (read[:, SOLVED_ROWS] + steps[:, SOLVED_ROWS]) / MAX_INTENSITY
    still = np.delete(np.abs(steps), SOLVED_ROWS, axis=1).max(axis=1) < _STILL
    found = Expressions(faces, numbers, photos[numbers], shown.astype(np.float32), still, np.abs(steps).max(axis=1) == 0)
    if not found.of_person():
        held = f"{len(faces)} pictures of {len(np.unique(photos))} photos"
        raise DataError(
            f"{folder} has no two pictures of anybody of the split {split} in {held}: "
            "give several to a photo, `mien data synth --photos PHOTOS -n N`"
        )
    return found


def _of_split(source: Path, photos: Int[np.ndarray, " n"], split: str) -> Int[np.ndarray, " k"]:
    """The numbers of the photos of a split."""
    if source.suffix.lower() == ".npz":
        return open_crops(source).where(split=split)
    known = np.unique(photos)
    return known[(known % _HELD == 0) == (split == "val")]
