"""Inception v3 as FID takes it: the graph of 2015-12-05 (Szegedy et al. 2016; Heusel et al. 2017), up to its 2,048 pooled numbers.

It differs from later Inception v3 networks: averages leave out the padding, and the last block pools by the maximum. Names are those of the
published PyTorch file, whose classifier of 1,008 classes FID does not use.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

KIND = "inception"  #: how the configuration of its weights begins
SIZE = 299  #: pixels of the square pictures
WIDTH = 2048  #: numbers for each
CLASSES = 1008  #: of the classifier that is left out
CLASSIFIER = ("fc.weight", "fc.bias")
_EPSILON = 1e-3  # of the normalisations

Pool = Callable[[Tensor], Tensor]


class Conv(NamedTuple):
    """A convolution with its normalisation; one of stride 1 keeps the grid, one of stride 2 has no padding."""

    name: str
    width: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1


class Fork(NamedTuple):
    """Two convolutions of the same numbers, side by side."""

    one: Conv
    other: Conv


Branch = Sequence[Conv | Fork | Pool]

_AVERAGE: Pool = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
_MAXIMUM: Pool = partial(F.max_pool2d, kernel_size=3, stride=1, padding=1)
_HALVED: Pool = partial(F.max_pool2d, kernel_size=3, stride=2)


def _block_5(pooled: int) -> list[Branch]:
    """Of the grid of 35 (figure 5)."""
    return [
        [Conv("branch1x1", 64)],
        [Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))],
        [Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, (3, 3)), Conv("branch3x3dbl_3", 96, (3, 3))],
        [_AVERAGE, Conv("branch_pool", pooled)],
    ]


def _block_6(width: int) -> list[Branch]:
    """Of the grid of 17 (figure 6)."""
    across, down = (1, 7), (7, 1)
    return [
        [Conv("branch1x1", 192)],
        [Conv("branch7x7_1", width), Conv("branch7x7_2", width, across), Conv("branch7x7_3", 192, down)],
        [
            Conv("branch7x7dbl_1", width),
            Conv("branch7x7dbl_2", width, down),
            Conv("branch7x7dbl_3", width, across),
            Conv("branch7x7dbl_4", width, down),
            Conv("branch7x7dbl_5", 192, across),
        ],
        [_AVERAGE, Conv("branch_pool", 192)],
    ]


def _block_7(pool: Pool) -> list[Branch]:
    """Of the grid of 8 (figure 7)."""
    across, down = (1, 3), (3, 1)
    return [
        [Conv("branch1x1", 320)],
        [Conv("branch3x3_1", 384), Fork(Conv("branch3x3_2a", 384, across), Conv("branch3x3_2b", 384, down))],
        [
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            Fork(Conv("branch3x3dbl_3a", 384, across), Conv("branch3x3dbl_3b", 384, down)),
        ],
        [pool, Conv("branch_pool", 192)],
    ]


_TO_17: list[Branch] = [
    [Conv("branch3x3", 384, (3, 3), 2)],
    [Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, (3, 3)), Conv("branch3x3dbl_3", 96, (3, 3), 2)],
    [_HALVED],
]
_TO_8: list[Branch] = [
    [Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2)],
    [
        Conv("branch7x7x3_1", 192),
        Conv("branch7x7x3_2", 192, (1, 7)),
        Conv("branch7x7x3_3", 192, (7, 1)),
        Conv("branch7x7x3_4", 192, (3, 3), 2),
    ],
    [_HALVED],
]

_BLOCKS: dict[str, list[Branch]] = {
    "Mixed_5b": _block_5(32),
    "Mixed_5c": _block_5(64),
    "Mixed_5d": _block_5(64),
    "Mixed_6a": _TO_17,
    "Mixed_6b": _block_6(128),
    "Mixed_6c": _block_6(160),
    "Mixed_6d": _block_6(160),
    "Mixed_6e": _block_6(192),
    "Mixed_7a": _TO_8,
    "Mixed_7b": _block_7(_AVERAGE),
    "Mixed_7c": _block_7(_MAXIMUM),
}


def _normed(channels: int, width: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int]) -> nn.Sequential:
    convolution = nn.Conv2d(channels, width, kernel, stride, padding, bias=False)
    return nn.Sequential(OrderedDict(conv=convolution, bn=nn.BatchNorm2d(width, eps=_EPSILON)))


class Mixed(nn.Module):
    """A block: branches of the same numbers, one after the other in the result."""

    def __init__(self, channels: int, branches: Sequence[Branch]) -> None:
        """With `channels` numbers in a cell."""
        super().__init__()
        self._branches = branches
        self.width = sum(self._build(channels, branch) for branch in branches)  #: numbers in a cell of the result

    def _build(self, width: int, branch: Branch) -> int:
        """Make the convolutions of a branch; gives its width."""
        for step in branch:
            convolutions = [step] if isinstance(step, Conv) else list(step) if isinstance(step, Fork) else []
            for name, made, kernel, stride in convolutions:
                padding = (kernel[0] // 2, kernel[1] // 2) if stride == 1 else (0, 0)
                self.add_module(name, _normed(width, made, kernel, stride, padding))
            width = sum(convolution.width for convolution in convolutions) or width
        return width

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        """All branches."""
        return torch.cat([self._run(x, branch) for branch in self._branches], 1)

    def _run(self, x: Tensor, branch: Branch) -> Tensor:
        for step in branch:
            match step:
                case Conv():
                    x = self._convolved(x, step)
                case Fork():
                    x = torch.cat([self._convolved(x, part) for part in step], 1)
                case _:
                    x = step(x)
        return x

    def _convolved(self, x: Tensor, convolution: Conv) -> Tensor:
        return torch.relu(self.get_submodule(convolution.name)(x))


class Inception(nn.Module):
    """Pictures to the 2,048 numbers of the last pooling (``pool3``)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _normed(3, 32, (3, 3), 2, (0, 0))
        self.Conv2d_2a_3x3 = _normed(32, 32, (3, 3), 1, (0, 0))
        self.Conv2d_2b_3x3 = _normed(32, 64, (3, 3), 1, (1, 1))
        self.Conv2d_3b_1x1 = _normed(64, 80, (1, 1), 1, (0, 0))
        self.Conv2d_4a_3x3 = _normed(80, 192, (3, 3), 1, (0, 0))
        width = 192
        for name, branches in _BLOCKS.items():
            block = Mixed(width, branches)
            self.add_module(name, block)
            width = block.width

    def forward(self, pictures: Float[Tensor, "b 3 299 299"]) -> Float[Tensor, "b 2048"]:
        """Numbers >= 0 of RGB pictures in -1..1."""
        x = torch.relu(self.Conv2d_1a_3x3(pictures))
        x = torch.relu(self.Conv2d_2a_3x3(x))
        x = _HALVED(torch.relu(self.Conv2d_2b_3x3(x)))
        x = torch.relu(self.Conv2d_3b_1x1(x))
        x = _HALVED(torch.relu(self.Conv2d_4a_3x3(x)))
        for name in _BLOCKS:
            x = self.get_submodule(name)(x)
        return x.mean((2, 3))
