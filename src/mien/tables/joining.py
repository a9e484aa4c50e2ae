"""Two tables of the same faces, row by row."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from jaxtyping import Int

from mien.errors import DataError
from mien.tables.reading import KEYS, FaceTable

_Key = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Joined:
    """Which rows are of the same face."""

    on: tuple[str, ...]  #: the keys that both tables have
    rows: Int[np.ndarray, " n"]  #: of the first table, in its order
    others: Int[np.ndarray, " n"]  #: of the second: the same faces
    alone: tuple[str, ...]  #: faces that only the first table has, in words
    others_alone: tuple[str, ...]  #: faces that only the second has


def join(faces: FaceTable, others: FaceTable) -> Joined:
    """Join two tables on all of file, frame and face that both have.

    Files are compared by their names without folders where that leaves each table's files apart, else by the whole path. Raises
    `DataError` when there is nothing to join on, when a table has several rows for one face, and when no face is in both.
    """
    on = tuple(key for key in KEYS if key in faces.keys and key in others.keys)
    if not on:
        raise DataError(
            f"{faces.path} has {', '.join(faces.keys)}, {others.path} has {', '.join(others.keys)}: both need a key of one name"
        )
    short = "file" in on and all(_apart(table.keys["file"]) for table in (faces, others))
    here, there = (_index(table, on, short=short) for table in (faces, others))
    shared = [key for key in here if key in there]
    if not shared:
        raise DataError(
            f"no face is in both tables: {faces.path} begins with {_told(on, next(iter(here)))}, "
            f"{others.path} with {_told(on, next(iter(there)))}"
        )
    return Joined(
        on,
        np.array([here[key] for key in shared]),
        np.array([there[key] for key in shared]),
        tuple(_told(on, key) for key in here if key not in there),
        tuple(_told(on, key) for key in there if key not in here),
    )


def _apart(paths: Iterable[str | int]) -> bool:
    """Whether names without folders tell files apart."""
    return max(Counter(PurePath(str(path)).name for path in set(paths)).values()) == 1


def _index(table: FaceTable, on: Sequence[str], *, short: bool) -> dict[_Key, int]:
    """The row of each face; `short`: files by their names alone."""
    columns = [[PurePath(str(file)).name for file in table.keys[key]] if short and key == "file" else table.keys[key] for key in on]
    rows: dict[_Key, int] = {}
    for row, key in enumerate(zip(*columns, strict=True)):
        if key in rows:
            missing = [name for name in KEYS if name not in on]
            cure = f"both tables need a column {missing[-1]} to tell them apart" if missing else "keep one"
            raise DataError(f"{table.path} has several rows for {_told(on, key)}: {cure}")
        rows[key] = row
    return rows


def _told(on: Sequence[str], key: _Key) -> str:
    """``a.jpg, frame 3, face 0``."""
    return ", ".join(str(value) if name == "file" else f"{name} {value}" for name, value in zip(on, key, strict=True))
