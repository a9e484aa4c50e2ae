"""What pictures look like in numbers: feature networks, on which sets of pictures are compared.

A distance on features means nothing without the name of the network: FID and KID of papers are on 2,048 features of Inception v3
(`pool3`, the weights of Heusel et al. 2017), which are not mien's to ship. What ships is `LandmarkCode`: it sees how faces are built,
turned and moved, and hardly texture or background.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from mien import weights
from mien.nn.fusing import fused
from mien.nn.landmarks import LandmarkNet

_BATCH = 32


@runtime_checkable
class Features(Protocol):
    """A network that describes pictures."""

    name: str  #: what a report calls it
    size: int  #: pixels of the square pictures that it takes
    width: int  #: numbers that it gives for each

    def features(self, pictures: UInt8[np.ndarray, "n h w 3"]) -> Float64[np.ndarray, "n d"]:
        """`width` numbers for each picture of `size` x `size` pixels; what else is in the batch does not matter."""
        ...


class LandmarkCode:
    """The 256 numbers from which the bundled landmark network reads its points: faces cut to squares of 128 pixels."""

    name = "mien landmark network, code of 256"

    def __init__(self, path: Path | None = None) -> None:
        """Load the bundled weights, or those of `path`; raises `WeightsError` when they are of another network."""
        stored = weights.load(path or weights.bundled("landmarks"))
        network = LandmarkNet(**stored.config)
        self.size, self.width = network.size, network.narrow.out_features
        self._network = fused(weights.fill(network, stored))

    def features(self, pictures: UInt8[np.ndarray, "n h w 3"]) -> Float64[np.ndarray, "n d"]:
        """See `Features`."""
        return np.concatenate([np.zeros((0, self.width)), *self._codes(pictures)])

    def _codes(self, pictures: UInt8[np.ndarray, "n h w 3"]) -> Iterator[Float64[np.ndarray, "b d"]]:
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(pictures[start : start + _BATCH]).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                yield self._network.code(batch.contiguous(memory_format=torch.channels_last)).double().numpy()


@cache
def bundled() -> LandmarkCode:
    """The features that ship with mien, loaded once."""
    return LandmarkCode()
