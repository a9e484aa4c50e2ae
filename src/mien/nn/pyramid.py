"""The pyramid that reads a generator's features (Yin et al. 2024, FG-Net): heatmaps of action units, from what StyleGAN2 draws a face with.

A state begins as the coarsest features. At each level it is made larger, goes through a convolution and takes in the features of the next
finer one, until it has the size of the heatmaps; finer features than that are made smaller. Names are those of the published files.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

COARSEST = 4  #: cells a side of the coarsest features
_SPREAD = 0.02  # of weights before training

Grid = Float[Tensor, "b c s s"]


def resized(grid: Grid, side: int, *, compatible: bool) -> Float[Tensor, "b c {side} {side}"]:
    """`side` x `side` cells: linear between cells where it grows, means of areas where it shrinks.

    A `compatible` one, as published, lays corner cells on corner cells: what is of one place lies up to half a cell apart from level
    to level, and where it shrinks it passes over the cells between those that it picks.
    """
    if grid.shape[2] == side:
        return grid
    if grid.shape[2] > side and not compatible:
        return F.adaptive_avg_pool2d(grid, side)
    return F.interpolate(grid, (side, side), mode="bilinear", align_corners=compatible)


class _Larger(nn.Module):
    """The first step of a level that grows."""

    def __init__(self, side: int, *, compatible: bool) -> None:
        super().__init__()
        self.side, self.compatible = side, compatible

    def forward(self, grid: Grid) -> Float[Tensor, "b c s2 s2"]:
        return resized(grid, self.side, compatible=self.compatible)


class Interpreter(nn.Module):
    """Features of every size from 4 cells up to heatmaps of one size."""

    def __init__(self, widths: Sequence[int], outputs: int, size: int, *, dropout: float = 0.1, compatible: bool = False) -> None:
        """`widths` are the channels of the features, coarsest first, `size` the cells of a heatmap a side; see `resized`.

        All but the first level, whose kernel has 3 cells a side, have kernels of 5. The last level ends in a convolution to `outputs`.
        """
        super().__init__()
        self.compatible = compatible
        self.sides = [min(COARSEST << level, size) for level in range(len(widths))]  #: of the state at each level
        reached = pairwise([*self.sides, size])
        shapes = zip(widths, [*widths[1:], widths[-1]], reached, strict=True)
        for level, (channels, width, (side, larger)) in enumerate(shapes):
            growing = [_Larger(larger, compatible=compatible)] if larger > side else []
            kernel = 5 if level else 3
            steps = [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU(), nn.Dropout(dropout), nn.BatchNorm2d(width)]
            ending = [nn.Conv2d(width, outputs, 5, padding=2)] if level == len(widths) - 1 else []
            self.add_module(f"layer{level}", nn.Sequential(*growing, *steps, *ending))

    def forward(self, features: Iterable[Float[Tensor, "b _ _ _"]]) -> Float[Tensor, "b n h h"]:
        """Heatmaps, about -1..1, not clamped. Features are taken one at a time and stay as they are; the finest are the largest."""
        return self.draw(self.state(features))

    def state(self, features: Iterable[Float[Tensor, "b _ _ _"]]) -> Float[Tensor, "b w h h"]:
        """What the heatmaps are drawn from: all features in one grid of their size."""
        *stages, last = self._levels()
        grids = (resized(grid, side, compatible=self.compatible) for grid, side in zip(features, self.sides, strict=True))
        state = next(grids)
        for stage, grid in zip(stages, grids, strict=True):
            state = stage(state) + grid
        return last[:-1](state)

    def draw(self, state: Float[Tensor, "b w h h"]) -> Float[Tensor, "b n h h"]:
        """The heatmaps."""
        *_, last = self._levels()
        return last[-1](state)

    def _levels(self) -> Iterator[nn.Sequential]:
        return (level for level in self.children() if isinstance(level, nn.Sequential))


@torch.no_grad()
def initialise(network: Interpreter, generator: torch.Generator) -> None:
    """Draw the weights as FG-Net does before training: near 0 of convolutions, near 1 of normalisations; biases are 0."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.BatchNorm2d):
            nn.init.normal_(part.weight, float(isinstance(part, nn.BatchNorm2d)), _SPREAD, generator)
            nn.init.zeros_(part.bias)  # pyright: ignore[reportArgumentType] - these have one
