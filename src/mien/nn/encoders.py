"""Encoders of faces into StyleGAN2's codes: pSp (Richardson et al. 2021) and e4e (Tov et al. 2021), under their published names.

A body of IR-SE units (`mien.nn.irse`) sees the face; the grids after its last three stages, the coarser ones added to the finer, are
read by a small head of convolutions for each row of the code. The smaller the details that a row of StyleGAN2 decides, the finer its grid.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise
from math import log2
from types import MappingProxyType
from typing import Any, TypedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.nn.equal import EqualLinear
from mien.nn.irse import trunk
from mien.weights import Weights

MIDDLE, FINE = 3, 7  #: the first rows of the code that are read from the middle and from the finest grid
COARSEST = 16  #: pixels of the picture to a cell of the coarsest grid
_SLOPE = 0.01
_SPREAD = (1.0, 0.3)  # of stretched codes: of the first row, and of what the others add
_doubled = partial(F.interpolate, scale_factor=2, mode="bilinear", align_corners=True)


class Shape(TypedDict):
    """How large an encoder is: the arguments of each."""

    size: int  #: pixels of the square pictures: a power of two, 32 or more
    units: Sequence[int]  #: of the body's four stages
    widths: Sequence[int]  #: channels of the stages
    styles: int  #: rows of the code
    code: int  #: numbers of a row


PUBLISHED: Shape = {"size": 256, "units": (3, 4, 14, 3), "widths": (64, 128, 256, 512), "styles": 18, "code": 512}


class GradualStyleBlock(nn.Module):
    """A square grid to one row of a code: halved until one cell is left, then a linear map."""

    def __init__(self, channels: int, code: int, cells: int) -> None:
        """`cells` a side, a power of two."""
        super().__init__()
        widths = [channels, *[code] * int(log2(cells))]
        self.convs = nn.Sequential(*(part for a, b in pairwise(widths) for part in (nn.Conv2d(a, b, 3, 2, 1), nn.LeakyReLU(_SLOPE))))
        self.linear = EqualLinear(code, code)

    def forward(self, grid: Float[Tensor, "b c s s"]) -> Float[Tensor, "b d"]:
        """The row."""
        return self.linear(self.convs(grid).flatten(1))


class GradualStyleEncoder(nn.Module):
    """pSp: every row of the code from its own head."""

    def __init__(self, size: int, units: Sequence[int], widths: Sequence[int], styles: int, code: int) -> None:
        """See `Shape`."""
        super().__init__()
        *_, finer, fine, coarse = widths
        self.input_layer, self.body = trunk(units, widths)
        self.taps = [number - 1 for number in accumulate(units)][-3:]  #: units of the body after which the three grids stand
        self.latlayer1, self.latlayer2 = nn.Conv2d(fine, coarse, 1), nn.Conv2d(finer, coarse, 1)
        cells = [size // COARSEST << self.level(row) for row in range(styles)]
        self.styles = nn.ModuleList(GradualStyleBlock(coarse, code, count) for count in cells)

    @staticmethod
    def level(row: int) -> int:
        """Which of the three grids a row is read from: 0, the coarsest, to 2."""
        return (row >= MIDDLE) + (row >= FINE)

    def grids(self, pictures: Float[Tensor, "b 3 s s"]) -> list[Float[Tensor, "b _ _ _"]]:
        """What the body makes of RGB pictures after its last three stages, the finest first."""
        x, found = self.input_layer(pictures), []
        for number, unit in enumerate(self.body):
            x = unit(x)
            found += [x] if number in self.taps else []
        return found

    def pyramid(self, pictures: Float[Tensor, "b 3 s s"]) -> list[Float[Tensor, "b c _ _"]]:
        """The three grids that the heads read, each with the coarser ones in it, the coarsest first."""
        finer, fine, coarse = self.grids(pictures)
        middle = _doubled(coarse) + self.latlayer1(fine)
        return [coarse, middle, _doubled(middle) + self.latlayer2(finer)]

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b l d"]:
        """Codes of RGB pictures in -1..1, as they differ from the average code."""
        grids = self.pyramid(pictures)
        return torch.stack([head(grids[self.level(row)]) for row, head in enumerate(self.styles)], 1)


class Encoder4Editing(GradualStyleEncoder):
    """e4e: one row for all, of the first head, and what the others add to theirs: near codes in W, an edit works as it does there."""

    def forward(self, pictures: Float[Tensor, "b 3 s s"], stage: int | None = None) -> Float[Tensor, "b l d"]:
        """Codes of RGB pictures in -1..1, as they differ from the average code; only rows up to `stage` get something of their own.

        Training begins with stage 0, a code in W, and adds row after row (section 3.2); None is the last stage.
        """
        grids = self.pyramid(pictures)
        last = len(self.styles) - 1 if stage is None else min(stage, len(self.styles) - 1)
        first = self.styles[0](grids[0])
        own = [self.styles[row](grids[self.level(row)]) for row in range(1, last + 1)]
        rows = [first, *(first + row for row in own), *[first] * (len(self.styles) - 1 - last)]
        return torch.stack(rows, 1)


@torch.no_grad()
def stretch(encoder: Encoder4Editing, pictures: Float[Tensor, "b 3 s s"]) -> None:
    """Let codes of these pictures vary about as much as random codes do, before an encoder learns (Mishkin & Matas 2016).

    Through several layers of the usual first weights they would vary ten times less, and a generator that learns beside it not see what it
    is to draw.
    """
    grids = encoder.pyramid(pictures)
    for row, head in enumerate(encoder.styles):
        assert isinstance(head, GradualStyleBlock)
        grid, layers = grids[encoder.level(row)], [part for part in head.convs if isinstance(part, nn.Conv2d)]
        factor = (_SPREAD[min(row, 1)] / head(grid).std(0).mean()) ** (1 / len(layers))
        for layer in layers:
            layer.weight.mul_(factor)
        head.linear.bias.sub_(head(grid).mean(0))


class SingleStyleEncoder(nn.Module):
    """pSp's encoder into W: the mean of the last grid, and a linear map."""

    def __init__(self, size: int, units: Sequence[int], widths: Sequence[int], styles: int, code: int) -> None:
        """See `Shape`; takes pictures of any size."""
        super().__init__()
        self.input_layer, self.body = trunk(units, widths)
        self.linear = EqualLinear(widths[-1], code)
        self.rows = styles

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b l d"]:
        """Codes of RGB pictures in -1..1, all of whose rows are alike, as they differ from the average code."""
        row = self.linear(self.body(self.input_layer(pictures)).mean((2, 3)))
        return row[:, None].expand(-1, self.rows, -1)


#: What the configuration of a weight file says an encoder is -> its network.
KINDS: Mapping[str, type[GradualStyleEncoder] | type[SingleStyleEncoder]] = MappingProxyType(
    {"e4e": Encoder4Editing, "psp": GradualStyleEncoder, "psp-w": SingleStyleEncoder}
)


class Inverter(nn.Module):
    """An encoder with the average code of the generator that it was trained for: pictures to codes in W+."""

    latent_avg: Tensor

    def __init__(self, kind: str, shape: Shape) -> None:
        """`kind` is one of `KINDS`."""
        super().__init__()
        self.config: dict[str, Any] = {"kind": kind, **shape, "units": list(shape["units"]), "widths": list(shape["widths"])}
        self.encoder = KINDS[kind](**shape)
        self.register_buffer("latent_avg", torch.zeros(shape["styles"], shape["code"]))

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b l d"]:
        """Codes of RGB pictures in -1..1 that are framed as FFHQ's and have the encoder's size."""
        return self.encoder(pictures) + self.latent_avg


def of(stored: Weights) -> Inverter:
    """The encoder of a weight file, in eval mode; raises `WeightsError` for a file of another network."""
    config = dict(stored.config)
    kind = config.pop("kind", "")
    return weights.built(lambda: Inverter(kind, Shape(**config)), stored, f"encoder of faces ({', '.join(KINDS)})")
