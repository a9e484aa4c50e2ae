"""Swin transformers up to their last grid (Liu et al. 2021), under the published names, for pictures of any size that windows tile.

Attention stays within windows; every other block shifts them by half, by rolling the grid, and bars cells that rolling made neighbours.
"""

import re
from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, TypedDict

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

_BARRED = -100.0  # added to the logits of pairs that are no neighbours
_WIDER = 4  # times: the middle of a block's two linear maps


class Shape(TypedDict):
    """How large a network is: the arguments of `Swin`."""

    width: int  #: numbers of a cell in the first stage, each further one has twice as many on half the grid
    depths: Sequence[int]  #: blocks of the stages
    heads: Sequence[int]  #: of their attention
    window: int  #: cells of a window, a side
    patch: int  #: pixels of a cell of the first stage, a side


def places(window: int) -> Int64[Tensor, "t t"]:
    """For each pair of a window's cells the row, in the table of biases, of how they lie to each other."""
    line = torch.arange(window)
    row, column = (axis.flatten() for axis in torch.meshgrid(line, line, indexing="ij"))
    down, right = (axis[:, None] - axis[None] + window - 1 for axis in (row, column))
    return down * (2 * window - 1) + right


def barred(side: int, window: int, shift: int) -> Float[Tensor, "windows t t"]:
    """For windows on a grid that was rolled by `shift`: 0 for each pair of cells that are neighbours, else a large negative number."""
    line = torch.arange(side)
    band = (line >= side - window).long() + (line >= side - shift).long()
    region = split((3 * band[:, None] + band)[None, :, :, None], window)[0, :, :, 0]
    return torch.where(region[:, :, None] == region[:, None], 0.0, _BARRED)


def split(x: Tensor, window: int) -> Tensor:
    """A grid [b, h, w, d] as windows [b, windows, t, d], both row by row."""
    return x.unflatten(2, (-1, window)).unflatten(1, (-1, window)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def joined(x: Tensor, window: int, side: int) -> Tensor:
    """The windows of `split` as a grid."""
    return x.unflatten(2, (window, window)).unflatten(1, (side // window, -1)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


class WindowAttention(nn.Module):
    """Self-attention of each window's cells, with a bias for how two lie to each other."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", places(window), persistent=False)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b n t d"], mask: Float[Tensor, "n t t"] | None) -> Float[Tensor, "b n t d"]:
        """What each cell gathers from its window, where the mask lets it."""
        windows = x.shape[1]
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).flatten(2, 3)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]
        told = bias.expand(windows, -1, -1, -1) if mask is None else bias + mask[:, None]
        gathered = F.scaled_dot_product_attention(query, key, value, told.flatten(0, 1)[None])
        return self.proj(gathered.unflatten(1, (windows, self.heads)).transpose(2, 3).flatten(3))


class Block(nn.Module):
    """Attention in windows, then two linear maps, each on what is normalised and added to its input."""

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.mlp = nn.Sequential()
        for name, layer in (("fc1", nn.Linear(width, _WIDER * width)), ("gelu", nn.GELU()), ("fc2", nn.Linear(_WIDER * width, width))):
            self.mlp.add_module(name, layer)

    def forward(self, x: Float[Tensor, "b h h d"], mask: Float[Tensor, "n t t"] | None) -> Float[Tensor, "b h h d"]:
        """The grid, one block on; without a mask nothing is shifted."""
        side, shift = x.shape[1], 0 if mask is None else self.shift
        grid = self.norm1(x).roll((-shift, -shift), (1, 2)) if shift else self.norm1(x)
        made = joined(self.attn(split(grid, self.window), mask if shift else None), self.window, side)
        x = x + (made.roll((shift, shift), (1, 2)) if shift else made)
        return x + self.mlp(self.norm2(x))


class Merging(nn.Module):
    """Half the grid: of each four cells one, by a linear map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Float[Tensor, "b h h d"]) -> Float[Tensor, "b h2 h2 d2"]:
        """The smaller grid; of the four cells the two of the left column come first."""
        four = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(four, -1)))


class Stage(nn.Module):
    """Blocks on one grid, and the way to the next."""

    def __init__(self, width: int, depth: int, heads: int, window: int, *, last: bool) -> None:
        super().__init__()
        self.window, self.shift = window, window // 2
        self.blocks = nn.ModuleList(Block(width, heads, window, self.shift * (number % 2)) for number in range(depth))
        self.downsample = None if last else Merging(width)

    def forward(self, x: Float[Tensor, "b h h d"]) -> Float[Tensor, "b h2 h2 d2"]:
        """The grid of the next stage, or of the end; where one window is the whole grid nothing is shifted."""
        side = x.shape[1]
        mask = barred(side, self.window, self.shift).to(x) if side > self.window else None
        for block in self.blocks:
            x = block(x, mask)
        return x if self.downsample is None else self.downsample(x)


class Embedding(nn.Module):
    """Squares of pixels as the cells of the first grid."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b h h d"]:
        """The grid."""
        return self.norm(self.proj(pictures).permute(0, 2, 3, 1))


class Swin(nn.Module):
    """Pictures to the cells of the last grid."""

    def __init__(self, width: int, depths: Sequence[int], heads: Sequence[int], window: int, patch: int) -> None:
        """See `Shape`."""
        super().__init__()
        sizes = {"width": width, "depths": list(depths), "heads": list(heads), "window": window, "patch": patch}
        self.config: dict[str, Any] = {"kind": "swin", **sizes}
        last = len(depths) - 1
        self.multiple = window * patch << last  #: of which the side of a picture must be one
        self.patch_embed = Embedding(width, patch)
        self.layers = nn.Sequential(
            *(Stage(width << i, depth, count, window, last=i == last) for i, (depth, count) in enumerate(zip(depths, heads, strict=True)))
        )
        self.channels = width << last  #: numbers of a cell
        self.norm = nn.LayerNorm(self.channels)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b t c"]:
        """The cells, row by row; raises `ValueError` for pictures that windows do not tile."""
        if pictures.shape[-1] % self.multiple:
            raise ValueError(f"pictures of {pictures.shape[-1]} pixels a side: windows tile multiples of {self.multiple}")
        return self.norm(self.layers(self.patch_embed(pictures))).flatten(1, 2)


def shape_of(tensors: Mapping[str, Tensor]) -> Shape:
    """How large the network is that these tensors are of; raises `KeyError`, `IndexError` or `ValueError` for others."""
    found = {(int(told[1]), int(told[2])) for name in tensors if (told := re.match(r"layers\.(\d+)\.blocks\.(\d+)\.", name))}
    stages = sorted({stage for stage, _ in found})
    tables = [tensors[f"layers.{stage}.blocks.0.attn.relative_position_bias_table"] for stage in stages]
    width, _, patch, _ = tensors["patch_embed.proj.weight"].shape
    return {
        "width": width,
        "depths": [sum(stage == each for each, _ in found) for stage in stages],
        "heads": [table.shape[1] for table in tables],
        "window": (isqrt(tables[0].shape[0]) + 1) // 2,
        "patch": patch,
    }
