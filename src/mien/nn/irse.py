"""IR-SE: residual networks with squeeze and excitation that describe whose face a picture shows.

The blocks of Deng et al. 2019 (ArcFace) with Hu et al. 2018 (squeeze and excitation), under the names of the published
``model_ir_se50.pth``. `PUBLISHED` is that network; a smaller one has fewer and narrower units of the same kind.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isqrt
from typing import Any, TypedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_REDUCTION = 16  # of channels, in the squeeze
_PADDED, _ROWS, _COLUMNS, _PUBLISHED_SIZE = 256, slice(35, 223), slice(32, 220), 112


class Shape(TypedDict):
    """How large a network is: the arguments of `IRSE`."""

    size: int  #: pixels of the square pictures, a multiple of 16
    units: Sequence[int]  #: of the stages, each of which halves the grid
    widths: Sequence[int]  #: channels of the stages
    code: int  #: numbers that describe a face


PUBLISHED: Shape = {"size": 112, "units": (3, 4, 14, 3), "widths": (64, 128, 256, 512), "code": 512}


class Excitation(nn.Module):
    """Each channel times a factor in 0..1 that the means of all channels say (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // _REDUCTION)
        self.fc1 = nn.Conv2d(channels, narrow, 1, bias=False)
        self.fc2 = nn.Conv2d(narrow, channels, 1, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The channels, weighted."""
        return x * self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


class Unit(nn.Module):
    """``shortcut(x) + f(x)``; the stride lies on the second convolution, and nothing follows the sum."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels, 3, 1, 1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            Excitation(channels),
        )
        projected = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        self.shortcut_layer = nn.MaxPool2d(1, stride) if channels_in == channels else projected

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        """The sum."""
        return self.shortcut_layer(x) + self.res_layer(x)


def trunk(units: Sequence[int], widths: Sequence[int]) -> tuple[nn.Sequential, nn.Sequential]:
    """``input_layer`` and ``body``: the convolutions below the codes, which encoders of pictures share."""
    stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0]))
    stages = zip((widths[0], *widths), widths, units, strict=False)
    return stem, nn.Sequential(
        *(Unit(before if i == 0 else width, width, 2 if i == 0 else 1) for before, width, count in stages for i in range(count))
    )


class IRSE(nn.Module):
    """Aligned faces to codes of length 1, whose inner products are cosines: near 1 for one person, near 0 for two."""

    def __init__(self, size: int, units: Sequence[int], widths: Sequence[int], code: int) -> None:
        """See `Shape`."""
        super().__init__()
        self.config: dict[str, Any] = {"size": size, "units": list(units), "widths": list(widths), "code": code}
        self.size = size
        self.input_layer, self.body = trunk(units, widths)
        cells = (size >> len(units)) ** 2
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(widths[-1]),
            nn.Identity(),  # dropout, of those who trained the published network
            nn.Flatten(),
            nn.Linear(widths[-1] * cells, code),
            nn.BatchNorm1d(code),
        )

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b d"]:
        """Codes of RGB pictures in -1..1."""
        return F.normalize(self.output_layer[3:](self.features(pictures)))

    def features(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b n"]:
        """What the last linear map makes codes of."""
        return self.output_layer[:3](self.body(self.input_layer(pictures)))

    @torch.no_grad()
    def conclude(self, weight: Float[Tensor, "d n"], mean: Float[Tensor, " n"]) -> None:
        """From now on codes are ``weight (features - mean)``, made as long as 1."""
        linear, norm = self.output_layer[3], self.output_layer[4]
        assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
        linear.weight.copy_(weight)
        linear.bias.copy_(-weight @ mean)
        norm.reset_running_stats()
        norm.weight.fill_((1 + norm.eps) ** 0.5)
        norm.bias.zero_()


def shape_of(tensors: Mapping[str, Tensor]) -> Shape:
    """How large the network is that these tensors are of, whose stages differ in width.

    Raises `KeyError`, `IndexError` or `ValueError` for tensors of another kind.
    """
    units, widths = stages_of(tensors)
    code, inputs = tensors["output_layer.3.weight"].shape
    cells = inputs // max(1, widths[-1])
    side = isqrt(cells)
    if not side or side**2 != cells:
        raise ValueError(f"{inputs} numbers are no square grid of {widths[-1]} channels")
    return {"size": side << len(units), "units": units, "widths": widths, "code": code}


def stages_of(tensors: Mapping[str, Tensor]) -> tuple[list[int], list[int]]:
    """Units and widths of the stages of the `trunk` that these tensors are of; raises `KeyError` for those of another network."""
    numbers = sorted({int(found[1]) for name in tensors if (found := re.match(r"body\.(\d+)\.", name))})
    each = [tensors[f"body.{number}.res_layer.4.weight"].shape[0] for number in numbers]
    stages = [(width, len(list(units))) for width, units in groupby(each)]
    return [count for _, count in stages], [width for width, _ in stages]


def compatible(pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 112 112"]:
    """What the identity losses of pSp, e4e and StyleCLIP show the published network of a face in FFHQ's framing.

    Averaged to 256 pixels, cut to 188 of them on fixed places whatever the face does, and averaged to 112, which blurs unevenly as 188 is
    no multiple. Differentiable. Scores of papers are made so; better ones come from `mien.faces.identity.aligned`.
    """
    if pictures.shape[2] != _PADDED:
        pictures = F.adaptive_avg_pool2d(pictures, _PADDED)
    return F.adaptive_avg_pool2d(pictures[:, :, _ROWS, _COLUMNS], _PUBLISHED_SIZE)
