"""Pictures in an LMDB: those of StyleGAN2's and DiffusionRig's tools, and of any other that keeps encoded pictures under keys."""

import importlib
import re
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from mien.data.problems import Problem
from mien.data.sources.protocol import PerProcess, stamp_of
from mien.errors import DataError

#: How encoded pictures begin: PNG, JPEG, WebP (RIFF), GIF, BMP, TIFF.
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
#: Keys under which there must be a picture: ``image_000000`` (DiffusionRig) and ``256-00000`` (StyleGAN2, rosinality).
_PROMISED = re.compile(rb"image_\d+|\d+-\d{5}|.*\.(png|jpe?g|webp|bmp|tiff?)", re.IGNORECASE)
_OPEN: WeakValueDictionary[str, Any] = WeakValueDictionary()


class Lmdb:
    """The store of an LMDB, a folder with ``data.mdb`` or a single file; pictures are named by their keys, sorted by byte.

    Every value is a picture that begins like one; where a key promises a picture and there is none, or ``length`` counts others
    than there are, that is a problem.
    """

    def __init__(self, path: Path) -> None:
        """Walk through the keys; raises `DataError` without the package ``lmdb`` and for a damaged database."""
        self._path = path.absolute()
        self._environment = PerProcess(partial(environment, self._path))
        names: list[str] = []
        problems: list[Problem] = []
        length = None
        with self._environment().begin(buffers=True) as transaction:
            for key, value in transaction.cursor():
                name = bytes(key).decode(errors="backslashreplace")
                if bytes(value[:4]).startswith(_STARTS):
                    names.append(name)
                elif key == b"length":
                    length = bytes(value)
                elif _PROMISED.fullmatch(bytes(key)):
                    problems.append(
                        Problem(name, "there is no picture under this key" if len(value) else "there is nothing under this key")
                    )
        if length is not None and not (length.isdigit() and int(length) in _counts(names)):
            problems.append(Problem("length", f"it says {length.decode(errors='replace')}, but there are {len(names)} pictures"))
        self.names, self.problems = tuple(names), tuple(problems)
        self._stamp = stamp_of(self._path / "data.mdb" if self._path.is_dir() else self._path)

    def fetch(self, index: int) -> bytes:
        """The bytes under a key."""
        return value_of(self._environment(), self.names[index], self._path)

    def stamp(self, index: int) -> str:
        """Changes when the database is written."""
        return f"{self._stamp}|{self.names[index]}"


def is_lmdb(path: Path) -> bool:
    """Whether a path looks like an LMDB: a folder with ``data.mdb``, or a file named ``.mdb`` or ``.lmdb``."""
    return (path / "data.mdb").is_file() or (path.is_file() and path.suffix.lower() in {".mdb", ".lmdb"})


def environment(path: Path) -> Any:
    """The open database, to read only; raises `DataError` when it cannot be had."""
    try:
        lmdb = importlib.import_module("lmdb")
    except ImportError:
        raise DataError(f"{path} is an LMDB, and the package lmdb is not installed: pip install 'mien[lmdb]'") from None
    key = str(path.absolute())
    if key in _OPEN:  # a database may be open once in a process; read without locks, it may be shared with forked ones
        return _OPEN[key]
    try:
        _OPEN[key] = opened = lmdb.open(
            str(path), subdir=path.is_dir(), readonly=True, lock=False, readahead=False, create=False, max_readers=1
        )
        return opened
    except lmdb.Error as problem:
        raise DataError(f"{path} is not a whole LMDB ({problem}): copy it again") from problem


def value_of(database: Any, key: str, path: Path) -> bytes:
    """What is under a key; raises `DataError` that names it when there is nothing."""
    with database.begin() as transaction:
        value = transaction.get(key.encode())
    if not value:
        raise DataError(f"{key}: there is nothing under this key in {path.name}")
    return value


def _counts(names: list[str]) -> set[int]:
    """The numbers of pictures that ``length`` may mean: all, or those of one resolution (``SIZE-NUMBER``)."""
    sizes = [name.partition("-")[0] for name in names]
    return {len(names), *(sizes.count(size) for size in set(sizes))}
