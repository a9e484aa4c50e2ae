"""FID of a generator while it is trained."""

from collections.abc import Callable
from functools import cached_property
from typing import cast

import numpy as np
import torch
from jaxtyping import UInt8
from lightning_fabric import Fabric
from torch import Tensor

from mien.metrics import frechet
from mien.metrics.features import Features
from mien.metrics.frechet import Moments

_BATCH = 32

Picture = UInt8[np.ndarray, "h w 3"]


class Underway:
    """The real pictures are looked at once, when they are first compared with; all devices share the work, and all must call it."""

    def __init__(self, fabric: Fabric, features: Features, real: Callable[[int], Picture], count: int) -> None:
        """On these `features`; `real` gives picture number 0 to `count` - 1."""
        self._fabric, self._features, self._read, self._count = fabric, features, real, count

    @cached_property
    def _real(self) -> Moments:
        return self._moments(self._read, self._count)

    def fid(self, made: Callable[[int], Picture], count: int) -> float:
        """The Frechet distance of so many made pictures, numbered from 0, to the real ones."""
        return frechet.distance(self._real, self._moments(made, count))

    def _moments(self, pictures: Callable[[int], Picture], count: int) -> Moments:
        """Each device looks at every so manieth picture; as many on each, so the last ones may be seen by one device more."""
        devices, rank = self._fabric.world_size, self._fabric.global_rank
        here = [min(number + rank, count - 1) for number in range(0, count, devices)]
        moments = Moments(self._features.width)
        for start in range(0, len(here), _BATCH):
            batch = np.stack([self._features.prepared(pictures(number)) for number in here[start : start + _BATCH]])
            found = self._fabric.to_device(torch.from_numpy(self._features.features(batch)))
            moments.add(cast(Tensor, self._fabric.all_gather(found)).reshape(-1, self._features.width).cpu().numpy())
        return moments
