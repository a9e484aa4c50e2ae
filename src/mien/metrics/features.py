"""What pictures look like in numbers: feature networks, on which sets of pictures are compared.

A distance on features means nothing without the name of the network: FID and KID of papers are on 2,048 features of Inception v3
(`mien.metrics.inception`), which are not mien's to ship, and are taken once they were imported. What ships is `LandmarkCode`: it sees how
faces are built, turned and moved, and hardly texture or background.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Float64, Shaped, UInt8

from mien import weights
from mien.errors import UsageError, WeightsError, one_of
from mien.metrics import inception
from mien.nn.fusing import fused
from mien.nn.landmarks import LandmarkNet

_BATCH = 32
NAMES = ("inception", "landmarks")  #: of the features that there are


@runtime_checkable
class Features(Protocol):
    """A network that describes pictures."""

    name: str  #: what a report calls it
    width: int  #: numbers that it gives for each

    def prepared(self, rgb: UInt8[np.ndarray, "h w 3"]) -> Shaped[np.ndarray, "s s 3"]:
        """The whole picture, of any size and shape, as `features` takes it."""
        ...

    def features(self, pictures: Shaped[np.ndarray, "n s s 3"]) -> Float64[np.ndarray, "n d"]:
        """`width` numbers for each picture that was `prepared`; what else is in the batch does not matter."""
        ...


class LandmarkCode:
    """The 256 numbers from which the bundled landmark network reads its points: faces cut to squares of 128 pixels."""

    name = "mien landmark network, code of 256"

    def __init__(self, path: Path | None = None) -> None:
        """Load the bundled weights, or those of `path`; raises `WeightsError` when they are of another network."""
        stored = weights.load(path or weights.bundled("landmarks"))
        self._network = fused(weights.built(lambda: LandmarkNet(**stored.config), stored, "network of landmarks (`mien train landmarks`)"))
        self.size, self.width = self._network.size, self._network.narrow.out_features

    def prepared(self, rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "s s 3"]:
        """See `Features`; averaged over areas where it shrinks, cubic where it grows, both without aliasing."""
        return squared(rgb, self.size)

    def features(self, pictures: UInt8[np.ndarray, "n h w 3"]) -> Float64[np.ndarray, "n d"]:
        """See `Features`."""
        return np.concatenate([np.zeros((0, self.width)), *self._codes(pictures)])

    def _codes(self, pictures: UInt8[np.ndarray, "n h w 3"]) -> Iterator[Float64[np.ndarray, "b d"]]:
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(pictures[start : start + _BATCH]).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                yield self._network.code(batch.contiguous(memory_format=torch.channels_last)).double().numpy()


def squared(rgb: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The whole picture as `size` x `size` pixels, without aliasing."""
    shrinks = max(rgb.shape[:2]) > size
    return cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


@cache
def bundled() -> LandmarkCode:
    """The features that ship with mien, loaded once."""
    return LandmarkCode()


def chosen(name: str = "") -> Features:
    """The features of one of `NAMES`; of none, Inception where it was imported, else those that ship.

    Raises `UsageError` for another name, and `WeightsError` that says how to get Inception when it is asked for and not there.
    """
    if name not in ("", *NAMES):
        raise UsageError(f"features {one_of(name, NAMES)}")
    if name == "landmarks":
        return bundled()
    found = inception.installed()
    if not found and name:
        raise WeightsError(inception.NONE)
    return inception.opened(found[0]) if found else bundled()
