"""LPIPS of two pictures (Zhang et al. 2018), by networks that come in by import only; see `mien.nn.lpips`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from mien import artefacts, weights
from mien.errors import ImageError, WeightsError
from mien.nn import lpips
from mien.nn.levels import signed
from mien.nn.lpips import KIND, SMALLEST, Linear, Trunk

NONE = "No LPIPS: its networks are not on this machine; `mien weights get` and `import` alexnet with lpips-alex, or vgg16 with lpips-vgg"


class Perceptual:
    """LPIPS over one trunk."""

    def __init__(self, trunk: Path, linear: Path) -> None:
        """Load both files; raises `WeightsError` when they are of other networks, or not of the same one."""
        below, above = weights.load(trunk), weights.load(linear)
        self.trunk = str(below.config.get("kind"))  #: the name of the network below
        if self.trunk not in SMALLEST or above.config.get("kind") != KIND or above.config.get("trunk") != self.trunk:
            raise WeightsError(f"{trunk} and {linear} are not a network and the linear layers of LPIPS over it")
        self.name = f"LPIPS {self.trunk}"  #: what a report calls it
        self.network = weights.fill(Trunk(self.trunk), below).requires_grad_(False)
        self.linear = weights.fill(Linear(self.trunk), above).requires_grad_(False)

    def distance(self, a: UInt8[np.ndarray, "h w 3"], b: UInt8[np.ndarray, "h w 3"]) -> float:
        """LPIPS, 0 for equal pictures, seldom above 1; raises `ImageError` for pictures too small for the network."""
        least = SMALLEST[self.trunk]
        if min(a.shape[:2]) < least:
            raise ImageError(f"a picture of {a.shape[1]} x {a.shape[0]} pixels has no {self.name}: it needs at least {least} x {least}")
        with torch.inference_mode():
            return float(lpips.distance(self.network, self.linear, _input(a), _input(b)))


def _input(rgb: UInt8[np.ndarray, "h w 3"]) -> Tensor:
    return signed(rgb)[None]


def installed() -> Sequence[Perceptual]:
    """LPIPS over each trunk whose file and linear layers were both imported; may be empty."""
    linear = {str(weights.config(path).get("trunk")): path for path in artefacts.weight_files(KIND)}
    return [Perceptual(path, linear[kind]) for path in artefacts.weight_files(*SMALLEST) if (kind := weights.kind(path)) in linear]
