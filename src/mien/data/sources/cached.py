"""Decode once: pictures kept on disk as they are in memory."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien import files
from mien.data.problems import Problem
from mien.data.sources.protocol import Picture, Source
from mien.errors import DataError


class Cached:
    """A source whose pictures are kept, decoded, in a folder: the second time they are only read.

    A picture is found by its stamp, so one that changed is decoded anew. Several processes and several sources may share a folder:
    each file appears whole or not at all. A picture takes width x height x 3 bytes.
    """

    def __init__(self, source: Source, folder: Path | str) -> None:
        self._source = source
        self._folder = Path(folder).expanduser().absolute()

    @property
    def names(self) -> Sequence[str]:
        """Those of the source."""
        return self._source.names

    @property
    def problems(self) -> Sequence[Problem]:
        """Those of the source."""
        return self._source.problems

    def __len__(self) -> int:
        return len(self._source)

    def read(self, index: int) -> Picture:
        """The picture from the folder, or from the source and then kept; raises `DataError` like the source."""
        key = hashlib.sha256(self.stamp(index).encode()).hexdigest()
        kept = self._folder / key[:2] / f"{key}.npy"
        try:
            return np.load(kept, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there yet, or not whole after a crash of the machine
            picture = self._source.read(index)
        with files.replacing(kept, inputs=(), error=DataError) as partial:
            np.save(partial, picture)
        return picture

    def stamp(self, index: int) -> str:
        """That of the source."""
        return self._source.stamp(index)
