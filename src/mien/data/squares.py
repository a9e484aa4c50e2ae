"""Pictures of a source as squares of one size, without end: what a generator learns from."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.crops import open_crops
from mien.data.sources import Source, has_splits, open_source
from mien.data.synth.store import ABOUT, SynthFaces
from mien.nn.levels import signed


class Squares(Dataset[Float32[Tensor, "3 s s"]]):
    """Sample n is the same in every run: each picture comes once in so many samples as there are pictures, in an order of its own."""

    def __init__(self, source: Source, numbers: Sequence[int], size: int, *, flips: bool, seed: int) -> None:
        """The pictures of these `numbers`; `flips` mirrors half of all samples."""
        self._source, self._numbers, self._size, self._flips, self._seed = source, tuple(numbers), size, flips, seed
        self._round, self._order = -1, np.zeros(0, np.int64)

    def __len__(self) -> int:
        """How many pictures there are; samples have no end."""
        return len(self._numbers)

    def __getitem__(self, number: int) -> Float32[Tensor, "3 s s"]:
        """A sample, -1..1; raises `DataError` for a damaged picture."""
        turn, place = divmod(number, len(self))
        rgb = self.picture(int(self._shuffled(turn)[place]))
        mirrored = self._flips and np.random.default_rng([self._seed, number]).random() < 0.5
        return signed(rgb[:, ::-1] if mirrored else rgb)

    def shown(self, index: int) -> Float32[Tensor, "3 s s"]:
        """Picture `index` as it is, -1..1."""
        return signed(self.picture(index))

    def picture(self, index: int) -> UInt8[np.ndarray, "s s 3"]:
        """Picture `index` below the length, as it is; raises `DataError` for a damaged one."""
        return middle(self._source.read(self._numbers[index]), self._size)

    def _shuffled(self, turn: int) -> Int[np.ndarray, " n"]:
        if turn != self._round:
            self._round, self._order = turn, np.random.default_rng([self._seed, turn]).permutation(len(self))
        return self._order


def open_squares(path: Path, size: int, *, flips: bool, seed: int, split: str = "train") -> Squares:
    """Those of a source; of a crop set, and of a folder of variants of one (`mien data synth --photos`), those of a split.

    Raises `DataError` as `open_source` does.
    """
    source = open_source(path, split=split)
    numbers = np.arange(len(source))
    if (path / ABOUT).is_file():
        faces = SynthFaces(path)
        photos = faces.column("photo")
        if has_splits(crops := Path(faces.about["photos"])):
            numbers = np.flatnonzero(np.isin(photos, open_crops(crops).where(split=split)))
    return Squares(source, numbers.tolist(), size, flips=flips, seed=seed)


def middle(rgb: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The largest square about the middle, as `size` x `size` pixels without aliasing."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    square = rgb[y : y + side, x : x + side]
    if side == size:
        return square
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC), np.uint8)
