"""A crop set (`mien.data.crops`) as a source."""

from functools import partial
from pathlib import Path

from mien.data.crops import CropSet, open_crops
from mien.data.problems import Problem
from mien.data.sources.protocol import PerProcess, stamp_of


class Crops:
    """The store of a crop set, or of a split of one; its pictures are named by their number: ``000000.jpg``."""

    def __init__(self, path: Path, split: str | None = None) -> None:
        """Open it; raises `DataError` when it is something else, or has no such split."""
        self._set = PerProcess[CropSet](partial(open_crops, path.absolute()))
        self._stamp = stamp_of(path)
        wanted = self._set().where(split=split).tolist()
        self._index = tuple(index for index in wanted if self._set().jpegs[index].size)
        self.names = tuple(f"{index:06d}.jpg" for index in self._index)
        empty = sorted(set(wanted) - set(self._index))
        self.problems = tuple(Problem(f"{index:06d}.jpg", "the file is empty") for index in empty)

    def fetch(self, index: int) -> bytes:
        """The bytes of a JPEG."""
        return self._set().jpegs[self._index[index]].tobytes()

    def stamp(self, index: int) -> str:
        """Changes when the set is written."""
        return f"{self._stamp}|{self.names[index]}"
