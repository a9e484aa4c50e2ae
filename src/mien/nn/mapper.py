"""Mappers: what moves a code of StyleGAN2 in W+ towards an edit (StyleCLIP, Patashnik et al. 2021, section 5; AU-CLIP).

Three small networks move the coarse, the middle and the fine rows of a code. StyleCLIP's look at the code itself; AU-CLIP's look at a
change of action units. Published ones are `compatible`: they normalise their input along the rows of the code, not along its numbers. For
AU-CLIP, whose rows all get the same change, that leaves ``x / sqrt(x^2 + 1e-8)``, the sign of each: how strong a change is never reaches
them. `calibrated` ones have no such layer, end in a linear map, and move nothing where nothing is to change.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, NotRequired, TypedDict, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien import aus, weights
from mien.nn.equal import EqualLinear, PixelNorm
from mien.weights import Weights

Mode = Literal["calibrated", "compatible"]

#: Published name of each of the three networks -> the rows that it moves.
LEVELS: Mapping[str, slice] = MappingProxyType(
    {"course_mapping": slice(0, 4), "medium_mapping": slice(4, 8), "fine_mapping": slice(8, None)}
)
AUCLIP = (8, 16, 32, 64, 128, 256, 512, 512, 512, 512)  #: widths of AU-CLIP's networks, from its action units to a row
STYLECLIP = (512,) * 5  #: widths of StyleCLIP's
#: What AU-CLIP's eight numbers are of: changes of a detector's scores, -1 to 1. To a calibrated mapper a FACS step is 0.2.
UNITS = ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")
#: How far a row moves for what a mapper says: while AU-CLIP trains, where AU-CLIP and StyleCLIP are used, and at the end of its animations.
TRAINED, USED, ANIMATED = 0.2, 0.1, 0.4
_RATE = 0.01
_NEARLY_ALL = 0.99
_ROW = {axis: row for row, axis in enumerate(aus.AXES)}


class Shape(TypedDict):
    """The arguments of `LevelsMapper`."""

    widths: Sequence[int]  #: of the layers of each network: numbers in, .., numbers of a row
    styles: int  #: rows of the code
    levels: Sequence[str]  #: which of `LEVELS` there are; other rows stay
    mode: Mode
    units: Sequence[str]  #: the action units whose changes it is given; none for a mapper that looks at the code
    gains: NotRequired[Sequence[float]]  #: by how much steps of each unit are taken larger; none: as they are
    limit: NotRequired[float]  #: how far a whole code is moved at most; 0: as far as is asked


class Mapper(nn.Module):
    """One level: linear layers that learn slowly."""

    def __init__(self, widths: Sequence[int], mode: Mode) -> None:
        """See `Shape`; the names begin at 1, as a `compatible` one has its norm at 0."""
        super().__init__()
        compatible = mode == "compatible"
        last = len(widths) - 2
        layers = (EqualLinear(a, b, rate=_RATE, activated=compatible or i < last) for i, (a, b) in enumerate(pairwise(widths)))
        self.mapping = nn.Sequential(PixelNorm(axis=1) if compatible else nn.Identity(), *layers)
        self.compatible = compatible
        if not compatible:  # ``M(x) - M(0)`` has no bias of the last layer in it: it is in the files, and there is nothing to learn
            cast(EqualLinear, self.mapping[-1]).bias.requires_grad_(False)

    def forward(self, x: Float[Tensor, "b l n"]) -> Float[Tensor, "b l d"]:
        """How the rows move."""
        return self.mapping(x) if self.compatible else self.mapping(x) - self.mapping(torch.zeros_like(x))


class LevelsMapper(nn.Module):
    """All levels."""

    def __init__(
        self,
        widths: Sequence[int],
        styles: int,
        levels: Sequence[str],
        mode: Mode,
        units: Sequence[str] = (),
        *,
        gains: Sequence[float] = (),
        limit: float = 0.0,
    ) -> None:
        """See `Shape`; raises `ValueError` for gains of other units."""
        super().__init__()
        if gains and len(gains) != len(units):
            raise ValueError(f"{len(gains)} gains of {len(units)} units")
        sizes = {"widths": list(widths), "styles": styles}
        told = {"units": list(units), "gains": list(gains), "limit": limit}
        self.config: dict[str, Any] = sizes | {"levels": list(levels), "mode": mode} | told
        self.gains, self.limit = tuple(gains), limit
        self.styles, self.levels, self.units, self.code = styles, tuple(levels), tuple(units), widths[-1]
        self.reach = 1.0 if mode == "calibrated" else USED  #: how far a row moves for what the mapper says, where it is used
        for level in levels:
            self.add_module(level, Mapper(widths, mode))

    def forward(self, x: Float[Tensor, "b l n"]) -> Float[Tensor, "b l d"]:
        """How each row of a code moves for what it is given; rows of levels that are not there do not."""
        moved = x.new_zeros(*x.shape[:2], self.code)
        for level in self.levels:
            moved[:, LEVELS[level]] = self.get_submodule(level)(x[:, LEVELS[level]])
        return moved

    def repeated(self, change: Float[Tensor, "b n"]) -> Float[Tensor, "b l n"]:
        """The same change for all rows: what AU-CLIP's mapper is given."""
        return change[:, None].expand(-1, self.styles, -1)

    @property
    def axes(self) -> frozenset[str]:
        """Which of `mien.aus.AXES` its units are."""
        return frozenset(axis for unit in self.units for axis in aus.axes(unit))

    def steps(self, change: Float[Tensor, "b axes"]) -> Float[Tensor, "b n"]:
        """Changes along `mien.aus.AXES` in FACS steps as the mapper is given them.

        A step is 0.2 times the unit's gain; of a unit with two sides their mean counts.
        """
        steps = torch.stack([change[:, [_ROW[axis] for axis in aus.axes(unit)]].mean(1) for unit in self.units], 1)
        return self.gained(steps / aus.MAX_INTENSITY)

    def gained(self, change: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """Changes of its units, 1 = five steps, times their gains: as the mapper is given them."""
        return change * change.new_tensor(self.gains) if self.gains else change

    def reach_of(self, change: Float[Tensor, "b axes"]) -> Float[Tensor, "b 1 1"]:
        """How far rows are moved for changes along `mien.aus.AXES` in FACS steps.

        Only a calibrated mapper hears how strong a change is. AU-CLIP's animations show it by the reach of a compatible one: 0 to 0.4, here
        at five steps of what changes most.
        """
        if self.config["mode"] == "calibrated":
            return change.new_full((len(change), 1, 1), self.reach)
        return ANIMATED * change.abs().amax(1)[:, None, None] / aus.MAX_INTENSITY

    def move(
        self, codes: Float[Tensor, "b l d"], change: Float[Tensor, "b n"], reach: float | Float[Tensor, "b 1 1"] | None = None
    ) -> Float[Tensor, "b l d"]:
        """Codes after a change of units: ``w + reach M(change)``; `reach` is the mapper's own unless it is given."""
        moved = (self.reach if reach is None else reach) * self(self.repeated(change))
        return codes + (limited(moved, self.limit) if self.limit else moved)


def limited(moved: Float[Tensor, "b l d"], limit: float) -> Float[Tensor, "b l d"]:
    """Short moves as they are, long ones of a length that nears `limit`: generators draw no faces far from the codes they know."""
    length = moved.flatten(1).norm(dim=1)[:, None, None]
    return moved * (1 + (length / limit) ** 4) ** -0.25


def limit_of(moves: Float[Tensor, "n l d"]) -> float:
    """The length that nearly none of these moves of codes exceeds: of what lies beyond, nothing was learned."""
    return float(moves.flatten(1).norm(dim=1).quantile(_NEARLY_ALL))


def of(stored: Weights) -> LevelsMapper:
    """The mapper of a weight file, in eval mode; raises `WeightsError` for a file of another network."""
    config = dict(stored.config)
    config.pop("kind", "")
    return weights.built(lambda: LevelsMapper(**Shape(**config)), stored, "mapper of codes (auclip, styleclip)")
