"""The generator: a random code is mapped to a style code, whose rows steer the layers that grow a picture from 4 pixels up.

Three spaces of codes: ``w``, what the mapping gives; ``W+``, a row of its own for each layer; ``S``, the styles that affine maps make of
the rows, one number for each channel of each layer's input (Wu et al. 2021, StyleSpace).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien.nn.equal import EqualLinear, PixelNorm
from mien.nn.stylegan2.modulated import StyledConv, ToRGB

_RATE = 0.01  # of the mapping's learning
_AVERAGED = 10_000

Codes = Float[Tensor, "b l d"]
Styles = Sequence[Float[Tensor, "b _"]]
Noises = Sequence[Float[Tensor, "_ 1 _ _"]]


class Grown(NamedTuple):
    """The picture at one size on the way, from 4 pixels up."""

    features: Float[Tensor, "b c h w"]  #: what the last convolution of this size gives
    rgb: Float[Tensor, "b 3 h w"]


class _Constant(nn.Module):
    """What the picture grows from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.zeros(1, channels, 4, 4))


class Generator(nn.Module):
    """Pictures of ``4 << (len(widths) - 1)`` pixels in about -1..1, not clamped."""

    def __init__(self, widths: Sequence[int], code: int = 512, depth: int = 8) -> None:
        """`widths` are the channels from 4 pixels up (see `mien.nn.stylegan2.layers.widths`), `depth` the layers of the mapping."""
        super().__init__()
        self.config: dict[str, Any] = {"widths": list(widths), "code": code, "depth": depth}
        self.code = code
        self.size = 4 << (len(widths) - 1)
        self.rows = 2 * len(widths)  #: of a code in W+
        self.style = nn.Sequential(PixelNorm(axis=-1), *(EqualLinear(code, code, rate=_RATE, activated=True) for _ in range(depth)))
        self.input = _Constant(widths[0])
        self.conv1 = StyledConv(widths[0], widths[0], code)
        self.to_rgb1 = ToRGB(widths[0], code, upsampling=False)
        pairs = [(StyledConv(small, large, code, upsampling=True), StyledConv(large, large, code)) for small, large in pairwise(widths)]
        self.convs = nn.ModuleList(conv for pair in pairs for conv in pair)
        self.to_rgbs = nn.ModuleList(ToRGB(width, code, upsampling=True) for width in widths[1:])
        self.noises = nn.Module()
        for number in range(2 * len(widths) - 1):
            side = 4 << (number + 1) // 2
            self.noises.register_buffer(f"noise_{number}", torch.zeros(1, 1, side, side))

    def forward(self, codes: Codes, noises: Noises | None = None) -> Float[Tensor, "b 3 s s"]:
        """Pictures of codes in W+, with the stored noise unless other is given."""
        return self.draw(self.styles(codes), noises)

    def map(self, z: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Codes w of vectors whose entries are drawn from N(0, 1)."""
        return self.style(z)

    def spread(self, w: Float[Tensor, "b d"]) -> Codes:
        """Codes in W+ whose rows are all the same."""
        return w[:, None].expand(-1, self.rows, -1)

    def mix(self, w: Float[Tensor, "b d"], other: Float[Tensor, "b d"], rows: Int[Tensor, " b"] | int) -> Codes:
        """Codes in W+ with so many rows of the first, then rows of the other: mixed styles."""
        count = torch.as_tensor(rows, device=w.device).reshape(-1, 1, 1)
        return torch.where(torch.arange(self.rows, device=w.device)[:, None] < count, w[:, None], other[:, None])

    def styles(self, codes: Codes) -> list[Float[Tensor, "b _"]]:
        """The code in S: of the first convolution and its colours, then for each larger size of two convolutions and their colours.

        A size's colours and the next one's first convolution share a row.
        """
        return [part.conv.modulation(codes[:, row]) for row, part in self._steered()]

    def _steered(self) -> Iterator[tuple[int, StyledConv | ToRGB]]:
        yield 0, self.conv1
        yield 1, self.to_rgb1
        for number, (first, second, colours) in enumerate(self._stages()):
            yield from zip(range(2 * number + 1, 2 * number + 4), (first, second, colours), strict=True)

    def _stages(self) -> Iterator[tuple[Any, Any, Any]]:
        return zip(self.convs[::2], self.convs[1::2], self.to_rgbs, strict=True)

    def stored(self) -> list[Float[Tensor, "1 1 _ _"]]:
        """The noise that belongs to the network, for each convolution."""
        return [getattr(self.noises, f"noise_{number}") for number in range(self.rows - 1)]

    def draw(self, styles: Styles, noises: Noises | None = None) -> Float[Tensor, "b 3 s s"]:
        """Pictures of codes in S."""
        rgb: Tensor | None = None
        for features, rgb in self.grow(styles, noises):  # noqa: B007 - the last one is what was asked for
            del features  # else they would be kept while those of the next size are made
        assert rgb is not None
        return rgb

    def grow(self, styles: Styles, noises: Noises | None = None) -> Iterator[Grown]:
        """The picture and its features at every size from 4 pixels up."""
        grids, rgb = self.features(styles, noises), None
        for colours, style in zip([self.to_rgb1, *self.to_rgbs], styles[1::3], strict=True):
            x = next(grids)
            rgb = colours(x, style, rgb)
            yield Grown(x, rgb)
            del x  # else it would be kept while the next features are made

    def features(self, styles: Styles, noises: Noises | None = None) -> Iterator[Float[Tensor, "b c h w"]]:
        """What the last convolution of every size gives, from 4 pixels up; no colours are made."""
        each = zip([s for i, s in enumerate(styles) if i % 3 != 1], self.stored() if noises is None else noises, strict=True)
        start = self.input.input.expand(len(styles[0]), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.conv1(start, *next(each))
        yield x
        for first, second in zip(self.convs[::2], self.convs[1::2], strict=True):
            x = first(x, *next(each))
            x = second(x, *next(each))
            yield x


def truncated(w: Float[Tensor, "*b d"], mean: Float[Tensor, " d"], psi: float) -> Float[Tensor, "*b d"]:
    """Codes drawn towards their mean: 1 leaves them, 0 makes all of them the mean (Karras et al. 2019, appendix B)."""
    return mean + psi * (w - mean)


@torch.no_grad()
def average_code(network: Generator) -> Float[Tensor, " d"]:
    """The mean of the codes w, over `_AVERAGED` that are drawn from a seed."""
    z = torch.randn(_AVERAGED, network.code, generator=torch.Generator().manual_seed(0))
    return network.map(z.to(network.input.input.device)).mean(0)


def drawn(seeds: Sequence[int], size: int) -> Float[Tensor, "b d"]:
    """A vector of entries from N(0, 1) for each seed, whatever else is in the batch."""
    return torch.stack([torch.randn(size, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def seeded(network: Generator, seeds: Sequence[int]) -> list[Float[Tensor, "b 1 _ _"]]:
    """Noise of its own for each seed, instead of the stored one that all pictures share."""
    each = [torch.Generator().manual_seed(seed) for seed in seeds]
    return [torch.stack([torch.randn(noise.shape[1:], generator=one) for one in each]).to(noise) for noise in network.stored()]
