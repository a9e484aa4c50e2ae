"""The faces that edits are measured on: the user's own, or those of the crop set that every published number is of."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from numpy import ndarray

from mien import images
from mien.api.portrait import Portrait
from mien.data import folder
from mien.data.crops import open_crops
from mien.data.problems import Problem
from mien.data.sources import Source
from mien.errors import DataError, FaceError, NoDataError
from mien.metrics.pairs import opened
from mien.protocols import Engine

_SET = "sfhq_256.npz"

Pictures = Iterator[tuple[str, UInt8[ndarray, "h w 3"] | Problem]]


@dataclass(frozen=True, eq=False)
class Sitters:
    """Portraits whose codes an engine has read, and what was passed over on the way to them."""

    portraits: tuple[Portrait, ...]
    told: str  #: whose they are, for a report
    faceless: tuple[str, ...]  #: pictures in which no face was found
    problems: tuple[Problem, ...]  #: pictures that could not be read


def sitters(data: Path | None, count: int, engine: Engine[Any]) -> Sitters:
    """The first `count` faces that are found, the largest of each picture; fewer when there are no more.

    `data` is a zip of ``mien data faces``, a folder of photos or any other source of pictures; or the folder of third-party data, as is
    what MIEN_DATA names, of which the test split of `sfhq_256` is taken. Raises `NoDataError` when there is neither, and `DataError`
    when no face is found.
    """
    pictures, whose = _pictures(data)
    found: list[Portrait] = []
    faceless: list[str] = []
    problems: list[Problem] = []
    for name, picture in pictures:
        if isinstance(picture, Problem):
            problems.append(picture)
            continue
        try:
            found.append(Portrait.of(images.read(picture), engine))
        except FaceError:
            faceless.append(name)
        if len(found) == count:
            break
    if not found:
        why = f"; {problems[0]}" if problems else ""
        raise DataError(f"no face was found in {whose}{why}: faces should be at least 60 pixels high and turned by less than 45 degrees")
    one = "face" if len(found) == 1 else "faces"
    return Sitters(tuple(found), f"{len(found)} {one} of {whose}", tuple(faceless), tuple(problems))


def is_own(data: Path | None) -> bool:
    """Whether it names faces of the user's, and not the folder of third-party data."""
    return data is not None and not (data / _SET).is_file()


def _pictures(data: Path | None) -> tuple[Pictures, str]:
    if data is not None and is_own(data):
        return _read(opened(data)), data.name
    try:
        crops = open_crops(folder.need(data, _SET) / _SET)
    except NoDataError as error:
        raise NoDataError(f"{error}; or faces of your own: --data faces.zip of `mien data faces`, or a folder of photos") from error
    return ((f"{index}", crops[int(index)]) for index in crops.where(split="test")), "the test split of sfhq_256"


def _read(source: Source) -> Pictures:
    """The pictures of a source by name, or what is wrong with them."""

    def one(index: int, name: str) -> UInt8[ndarray, "h w 3"] | Problem:
        try:
            return source.read(index)
        except DataError as error:
            return Problem(name, str(error).removeprefix(f"{name}: "))

    unread = ((problem.name, problem) for problem in source.problems)
    return chain(unread, ((name, one(index, name)) for index, name in enumerate(source.names)))
