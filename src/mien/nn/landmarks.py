"""The landmark networks: small residual networks from a square picture of a face, or of a part of it, to points."""

from collections.abc import Mapping, Sequence
from typing import Any

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


class Trunk(nn.Module):
    """Squares are unfolded to cells of 4 x 4 pixels; each further stage halves the grid; a linear map reads all of the last.

    There is no activation before that map: one there dies on normalised features and leaves the network at the mean face.
    """

    def __init__(self, *, size: int, widths: Sequence[int], depths: Sequence[int], neck: int, rank: int) -> None:
        """`size` of the squares in pixels, `widths` and `depths` of the stages, `neck` channels of the last grid, `rank` of the map."""
        super().__init__()
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

    def code(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b r"]:
        """What the pictures (RGB in 0..1) show, in `rank` numbers."""
        features = self.stages(self.unfold(pictures * 4 - 2))
        return self.narrow(self.neck(features).flatten(1))


class LandmarkNet(Trunk):
    """A whole face: 468 points and face presence."""

    def __init__(
        self,
        size: int = 128,
        widths: Sequence[int] = (48, 96, 160, 192),
        depths: Sequence[int] = (1, 1, 2, 1),
        neck: int = 48,
        rank: int = 256,
    ) -> None:
        super().__init__(size=size, widths=widths, depths=depths, neck=neck, rank=rank)
        self.config = {"size": size, "widths": list(widths), "depths": list(depths), "neck": neck, "rank": rank}
        self.points = nn.Linear(rank, POINTS * 3)
        self.presence = nn.Linear(rank, 1)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> tuple[Float[Tensor, "b 468 3"], Float[Tensor, " b"]]:
        """Points (x right, y down, z away) from the centre of the square in units of half its side, and presence logits.

        `pictures` are RGB in 0..1.
        """
        code = self.code(pictures)
        return self.points(code).float().unflatten(1, (POINTS, 3)), self.presence(code).float().squeeze(1)


class PartNet(Trunk):
    """A part of a face: the points of the part, in the picture."""

    def __init__(self, count: int, *, size: int, widths: Sequence[int], depths: Sequence[int], neck: int, rank: int) -> None:
        super().__init__(size=size, widths=widths, depths=depths, neck=neck, rank=rank)
        self.count = count
        self.points = nn.Linear(rank, count * 2)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b n 2"]:
        """Points (x right, y down) from the centre of the square in units of half its side; `pictures` are RGB in 0..1."""
        return self.points(self.code(pictures)).float().unflatten(1, (self.count, 2))


class DetailNet(nn.Module):
    """Eyes and mouth looked at closely, as in Attention Mesh (Grishchenko et al. 2020), but in the picture's own pixels."""

    def __init__(
        self,
        points: Mapping[str, Sequence[int]],
        *,
        size: int = 48,
        widths: Sequence[int] = (48, 96),
        depths: Sequence[int] = (1, 1),
        neck: int = 32,
        rank: int = 128,
    ) -> None:
        """`points`: landmarks of the parts `eye` (the subject's right one with its brow), `other_eye` (its mirror image: it is looked at
        in the mirror) and `mouth`.
        """
        super().__init__()
        shape: dict[str, Any] = {"size": size, "widths": list(widths), "depths": list(depths), "neck": neck, "rank": rank}
        self.config = {"points": {part: list(indices) for part, indices in points.items()}, **shape}
        self.size = size
        self.eye, self.mouth = (PartNet(len(points[part]), **shape) for part in ("eye", "mouth"))

    def forward(
        self, eyes: Float[Tensor, "a 3 s s"], mouths: Float[Tensor, "b 3 s s"]
    ) -> tuple[Float[Tensor, "a m 2"], Float[Tensor, "b n 2"]]:
        """The points of right eyes and of mouths; see `PartNet`."""
        return self.eye(eyes), self.mouth(mouths)
