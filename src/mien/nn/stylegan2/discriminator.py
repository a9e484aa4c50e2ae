"""The discriminator: residual blocks that halve the picture down to 4 pixels, and a glance at the other pictures of the batch."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.nn.equal import EqualLinear
from mien.nn.stylegan2.layers import Activation, Blur, EqualConv


class _Residual(nn.Module):
    """Half the size: ``(f(x) + skip(x)) / sqrt(2)``. The skip's blur keeps only the pixels that its 1 x 1 convolution sees."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(EqualConv(inputs, inputs, 3, padding=1), Activation(inputs))
        self.conv2 = nn.Sequential(Blur(padding=2), EqualConv(inputs, outputs, 3, stride=2), Activation(outputs))
        self.skip = nn.Sequential(Blur(padding=1, stride=2), EqualConv(inputs, outputs, 1))

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return (self.conv2(self.conv1(x)) + self.skip(x)) * 0.5**0.5


class Discriminator(nn.Module):
    """Logits of pictures: above 0 for those taken for real."""

    def __init__(self, widths: Sequence[int], group: int = 4) -> None:
        """`widths` are the channels from 4 pixels up; so many pictures in a `group` are looked at together."""
        super().__init__()
        self.config: dict[str, Any] = {"widths": list(widths), "group": group}
        self.size = 4 << (len(widths) - 1)
        self.group = group
        large_to_small = list(widths)[::-1]
        self.convs = nn.Sequential(
            nn.Sequential(EqualConv(3, large_to_small[0], 1), Activation(large_to_small[0])),
            *(_Residual(large, small) for large, small in pairwise(large_to_small)),
        )
        last = widths[0]
        self.final_conv = nn.Sequential(EqualConv(last + 1, last, 3, padding=1), Activation(last))
        self.final_linear = nn.Sequential(EqualLinear(last * 16, last, activated=True), EqualLinear(last, 1))

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b 1"]:
        """Logits of RGB pictures in -1..1; raises `ValueError` for a batch that is no whole number of groups."""
        grid = self.convs(pictures.contiguous(memory_format=torch.channels_last))
        alike = deviation(grid, min(len(grid), self.group))
        return self.final_linear(self.final_conv(torch.cat([grid, alike], 1)).flatten(1))


def deviation(grid: Float[Tensor, "b c h w"], group: int) -> Float[Tensor, "b 1 h w"]:
    """How much the pictures of a group differ (Karras et al. 2018, section 3): one number a group, on a plane for each picture.

    Picture i is in group ``i mod (b / group)``.
    """
    if len(grid) % group:
        raise ValueError(f"{len(grid)} pictures are no whole number of groups of {group}")
    groups = grid.unflatten(0, (group, -1))
    spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return spread.repeat(group)[:, None, None, None].expand(-1, 1, *grid.shape[2:])
