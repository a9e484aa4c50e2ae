"""How far pictures are apart in their action units, to a network through which gradients flow.

Any `Reader` will do. The one that ships looks with the landmark network: of what that network makes of a face before it says where the
points are, a linear map makes intensities. The map is learned from photos whose expression was changed by known steps (`mien train
units`), so it knows how much of each movement the network sees. It is sharper about two pictures of one person than about one alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.nn.fusing import fused
from mien.nn.landmarks import LandmarkNet

KIND = "units"
#: FFHQ's framing on this many pixels has the faces of the landmark network's training (a square 1.25 times as wide as the landmarks reach,
#: 0.79 of the side, 0.08 of it below the middle) as squares of its 128.
_SHARE, _LOWER = 0.7902, 0.0794
_UNITS = "units"

Pictures = Float[Tensor, "b 3 s s"]
Scores = Float[Tensor, "b n"]


@runtime_checkable
class Reader(Protocol):
    """Pictures in FFHQ's framing, -1..1, to scores."""

    @property
    def units(self) -> Sequence[str]:
        """Axes or whole units, in the order of the scores."""
        ...

    def __call__(self, pictures: Pictures) -> Scores:
        """About 0..1: of an intensity, as a share of the highest; gradients flow through."""
        ...


class LandmarkReader(nn.Module):
    """The landmark network with a linear map; it does not learn."""

    def __init__(self, network: LandmarkNet, units: Sequence[str]) -> None:
        """The network is used as it is, in eval mode; the map is zero."""
        super().__init__()
        self.units: Sequence[str] = tuple(units)
        self.network = network.eval().requires_grad_(False)
        self.read = nn.Linear(network.narrow.out_features, len(self.units)).requires_grad_(False)
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def forward(self, pictures: Pictures) -> Scores:
        """Intensities as shares of the highest."""
        return self.read(self.code(pictures))

    def code(self, pictures: Pictures) -> Float[Tensor, "b r"]:
        """What the landmark network makes of the faces."""
        size = self.network.size
        whole = round(size / _SHARE)
        shown = pictures if pictures.shape[2] == whole else F.interpolate(pictures, (whole, whole), mode="bicubic", antialias=True)
        left, top = (whole - size) // 2, (whole - size) // 2 + round(_LOWER * whole)
        square = shown[:, :, top : top + size, left : left + size].clamp(-1, 1)
        return self.network.code(((square + 1) / 2).contiguous(memory_format=torch.channels_last)).float()

    def train(self, mode: bool = True) -> "LandmarkReader":
        """Stays in eval mode."""
        return super().train(False)


def apart(made: Scores, real: Scores) -> Float[Tensor, ""]:
    """The mean absolute difference (AU-CLIP's loss)."""
    return (made - real).abs().mean()


def landmark_network() -> LandmarkNet:
    """The landmark network that ships, as it runs fastest."""
    stored = weights.load(weights.bundled("landmarks"))
    return fused(weights.built(lambda: LandmarkNet(**stored.config), stored, "network of landmarks (`mien train landmarks`)"))


def kept(reader: LandmarkReader, path: Path, recipe: str) -> None:
    """Write the map of a reader; the landmark network has a file of its own."""
    weights.save(path, reader.read.state_dict(), {"kind": KIND, _UNITS: list(reader.units)}, recipe=recipe)


def opened(path: Path | None = None) -> LandmarkReader:
    """The reader of a file, else the one that ships; raises `WeightsError` for a file of something else."""
    stored = weights.load(path or weights.bundled(KIND))
    network = landmark_network()
    inputs = network.narrow.out_features
    read = weights.built(lambda: nn.Linear(inputs, len(stored.config[_UNITS])), stored, "reader of action units (`mien train units`)")
    reader = LandmarkReader(network, stored.config[_UNITS])
    reader.read.load_state_dict(read.state_dict())
    return reader
