"""The landmark network: a small residual network from a square picture of a face to 468 points and face presence."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

POINTS = 468


def _normed(channels_in: int, channels_out: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out))


class Residual(nn.Module):
    """``x + f(x)`` with two dense 3x3 convolutions (He et al. 2016); no activation after the sum, so the stream stays linear."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _normed(channels, channels)
        self.second = _normed(channels, channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The sum."""
        return x + self.second(torch.relu(self.first(x)))


class LandmarkNet(nn.Module):
    """Squares of 128 pixels are unfolded to 32 x 32 cells; each further stage halves the grid; a linear head reads all of the last.

    The head has no activation before it: one there dies on normalised features and leaves the network at the mean face.
    """

    def __init__(
        self,
        size: int = 128,
        widths: Sequence[int] = (48, 96, 160, 192),
        depths: Sequence[int] = (1, 1, 2, 1),
        neck: int = 48,
        rank: int = 256,
    ) -> None:
        """`widths` and `depths` of the stages, `neck` channels of the last grid, `rank` of the linear map to the points."""
        super().__init__()
        self.config = {"size": size, "widths": list(widths), "depths": list(depths), "neck": neck, "rank": rank}
        self.size = size
        self.unfold = nn.PixelUnshuffle(4)
        stages: list[nn.Module] = []
        before = 3 * 4 * 4
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            stages += [_normed(before, width, stride=1 if stage == 0 else 2), *(Residual(width) for _ in range(depth))]
            before = width
        self.stages = nn.Sequential(*stages)
        grid = size // 4 // 2 ** (len(widths) - 1)
        self.neck = _normed(before, neck, kernel=1)
        self.narrow = nn.Linear(neck * grid * grid, rank)
        self.points = nn.Linear(rank, POINTS * 3)
        self.presence = nn.Linear(rank, 1)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> tuple[Float[Tensor, "b 468 3"], Float[Tensor, " b"]]:
        """Points (x right, y down, z away) from the centre of the square in units of half its side, and presence logits.

        `pictures` are RGB in 0..1.
        """
        features = self.stages(self.unfold(pictures * 4 - 2))
        code = self.narrow(self.neck(features).flatten(1))
        return self.points(code).float().unflatten(1, (POINTS, 3)), self.presence(code).float().squeeze(1)
