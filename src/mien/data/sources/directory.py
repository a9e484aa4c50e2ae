"""A folder of pictures, with all folders below it."""

import os
from collections.abc import Sequence
from pathlib import Path

from mien import files
from mien.data.problems import Problem
from mien.data.sources.protocol import stamp_of


class Directory:
    """The store of a folder. Pictures are known by suffix; names are paths below it with forward slashes, sorted."""

    def __init__(self, folder: Path, names: Sequence[str] | None = None) -> None:
        """All pictures of a folder, hidden ones left out, or those of `names`, which must be there."""
        self._folder = folder.absolute()
        found = sorted(_below(self._folder)) if names is None else names
        empty = {name for name in found if (self._folder / name).stat().st_size == 0}
        self.names = tuple(name for name in found if name not in empty)
        self.problems = tuple(Problem(name, "the file is empty") for name in found if name in empty)

    def fetch(self, index: int) -> bytes:
        """The bytes of a file."""
        return (self._folder / self.names[index]).read_bytes()

    def stamp(self, index: int) -> str:
        """Changes when the file is written."""
        return stamp_of(self._folder / self.names[index])


def _below(folder: Path) -> list[str]:
    names: list[str] = []
    for where, folders, here in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            (Path(where) / name).relative_to(folder).as_posix()
            for name in here
            if not name.startswith(".") and Path(name).suffix.lower() in files.PICTURES and (Path(where) / name).is_file()
        ]
    return names
