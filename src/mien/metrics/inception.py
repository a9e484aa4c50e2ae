"""The features that published FIDs are on: 2,048 numbers of Inception v3, from the network that ``mien weights import inception`` makes.

Pictures go in as in the graph of Heusel et al. 2017, down to how TensorFlow 1 resized: bilinear, without averaging when it shrinks, and
with the grid of the result laid on the corner of the first pixel, not on its middle.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8

from mien import artefacts, weights
from mien.nn.fusing import fused
from mien.nn.inception import KIND, SIZE, WIDTH, Inception

NONE = "FID's own Inception is not on this machine: `mien weights get inception-fid`, then `mien weights import inception FILE`"
_BATCH = 16
_MIDDLE = 128.0  # grey levels: what the graph takes for 0, and how many are 1


class InceptionCode:
    """``pool3`` of the network of 2015-12-05: whole pictures of any size."""

    name = "Inception v3 of 2015-12-05, pool3 of 2048, resized as TensorFlow 1 did"
    width = WIDTH

    def __init__(self, path: Path) -> None:
        """Load the imported file; raises `WeightsError` when it is of another network."""
        self._network = fused(weights.fill(Inception(), weights.load(path)))

    def prepared(self, rgb: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "299 299 3"]:
        """See `mien.metrics.features.Features`; numbers in -1..1."""
        return (resized(rgb, SIZE) - _MIDDLE) / np.float32(_MIDDLE)

    def features(self, pictures: Float32[np.ndarray, "n 299 299 3"]) -> Float64[np.ndarray, "n 2048"]:
        """See `mien.metrics.features.Features`."""
        return np.concatenate([np.zeros((0, WIDTH)), *self._codes(pictures)])

    def _codes(self, pictures: Float32[np.ndarray, "n 299 299 3"]) -> Iterator[Float64[np.ndarray, "b 2048"]]:
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(pictures[start : start + _BATCH]).permute(0, 3, 1, 2)
            with torch.inference_mode():
                yield self._network(batch.contiguous(memory_format=torch.channels_last)).double().numpy()


def resized(rgb: UInt8[np.ndarray, "h w 3"], size: int) -> Float32[np.ndarray, "{size} {size} 3"]:
    """The picture as TensorFlow 1's ``resize_bilinear`` has it (``align_corners`` false): pixel i is at ``i * extent / size``."""
    rows = _between(rgb, size, 0)
    return _between(rows, size, 1)


def _between(picture: np.ndarray, size: int, axis: int) -> Float32[np.ndarray, "..."]:
    extent = picture.shape[axis]
    at = np.arange(size, dtype=np.float32) * np.float32(extent / size)
    first = at.astype(np.int64)
    share = (at - first).reshape([-1 if i == axis else 1 for i in range(3)]).astype(np.float32)
    low, high = (picture.take(np.minimum(first + step, extent - 1), axis).astype(np.float32) for step in (0, 1))
    return low + (high - low) * share


def installed() -> Sequence[Path]:
    """The files of the network that were imported; none ships."""
    return artefacts.weight_files(KIND)


@cache
def opened(path: Path) -> InceptionCode:
    """The network of a file, loaded once."""
    return InceptionCode(path)
