"""A photo whose faces an engine has read into codes: edit and draw it as often as you like."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from numbers import Integral
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8

from mien.edits import Edit
from mien.errors import FaceError, UsageError
from mien.faces import align, landmarks
from mien.faces.paste import paste
from mien.protocols import Engine
from mien.types import Crop, Face, Photo

Choice = int | Literal["all"] | None


def check(choice: object) -> None:
    """Raise `UsageError` for what is no `Choice`."""
    if not (choice is None or choice == "all" or isinstance(choice, Integral)):
        raise UsageError(f"face={choice!r}: give a number from 0, counted from the left, 'all', or None for the largest face")


def chosen(faces: Sequence[Face], choice: Choice, where: str) -> list[int]:
    """The numbers of the faces meant: one, all of them, or the largest (None). Faces count from 0, left to right.

    Raises `FaceError` when there is none, or none of that number, and `UsageError` for another type.
    """
    check(choice)
    if not faces:
        raise FaceError(f"{where}: no face was found; it should be at least 60 pixels high and turned by less than 45 degrees")
    if choice == "all":
        return list(range(len(faces)))
    if choice is None:
        return [max(range(len(faces)), key=lambda i: faces[i].box[2] * faces[i].box[3])]
    if not 0 <= choice < len(faces):
        there = "face 0" if len(faces) == 1 else f"faces 0 to {len(faces) - 1}, counted from the left"
        raise FaceError(f"{where}: there is no face {choice}; it has {there}")
    return [choice]


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo, the chosen faces of it, and their codes."""

    photo: Photo
    engine: Engine[Any]
    numbers: Sequence[int]  #: of the chosen faces, 0 the leftmost
    crops: Sequence[Crop]
    codes: Sequence[Any]

    @staticmethod
    def of(photo: Photo, engine: Engine[Any], face: Choice = None) -> "Portrait":
        """Find the faces of a photo and read the chosen ones; raises `FaceError` when they are not there."""
        faces = landmarks.find(photo)
        numbers = chosen(faces, face, str(photo.path or "the picture"))
        crops = [align.cut(photo, faces[n], engine.crop) for n in numbers]
        return Portrait(photo, engine, numbers, crops, engine.encode(crops))

    def draw(self, edits: Sequence[Sequence[Edit]]) -> UInt8[np.ndarray, "h w 3"]:
        """The whole photo with each chosen face edited by its own edits, one after the other.

        Raises `EditError` for what the engine cannot do. Pixels that belong to no face are those of the photo.
        """
        return paste(self.photo, self.crops, self.engine.decode(self.shifted(edits), seeds=self.numbers))

    def shifted(self, edits: Sequence[Sequence[Edit]]) -> list[Any]:
        """The codes of the chosen faces after their own edits; raises `EditError` for what the engine cannot do."""
        return [reduce(self.engine.shift, wanted, code) for code, wanted in zip(self.codes, edits, strict=True)]
