"""A crop set (`mien.data.crops`) as a source."""

from functools import partial
from pathlib import Path

from mien.data.crops import CropSet, open_crops
from mien.data.problems import Problem
from mien.data.sources.protocol import PerProcess, stamp_of


class Crops:
    """The store of a crop set; its pictures are named by their number: ``000000.jpg``."""

    def __init__(self, path: Path) -> None:
        """Open it; raises `DataError` when it is something else."""
        self._set = PerProcess[CropSet](partial(open_crops, path.absolute()))
        self._stamp = stamp_of(path)
        full = [index for index, jpeg in enumerate(self._set().jpegs) if jpeg.size]
        empty = set(range(len(self._set()))) - set(full)
        self._index = tuple(full)
        self.names = tuple(f"{index:06d}.jpg" for index in full)
        self.problems = tuple(Problem(f"{index:06d}.jpg", "the file is empty") for index in sorted(empty))

    def fetch(self, index: int) -> bytes:
        """The bytes of a JPEG."""
        return self._set().jpegs[self._index[index]].tobytes()

    def stamp(self, index: int) -> str:
        """Changes when the set is written."""
        return f"{self._stamp}|{self.names[index]}"
