"""Where each pixel of an augmented picture comes from: 3x3 matrices, drawn at random (Karras et al. 2020, appendix B.1).

Coordinates are pixels from the centre of the picture, x right and y down. A matrix carries places in the result to places in the source,
so the inverse of a change is what is multiplied in, on the right.
"""

from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

from mien.nn.ada.draws import LN2, Draws

_SCALE, _SHIFT = 0.2 * LN2, 0.125  # deviation of the logarithm of a scale; of a shift, as a share of the picture's sides
_QUARTERS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])  # cosine and sine, exact


def copied(draws: Draws, height: int, width: int) -> Float[Tensor, "n 3 3"]:
    """Pixel blitting: mirror images, quarter turns, shifts by whole pixels. Pixels go to pixels and none is changed."""
    mirrored = draws.sometimes(draws.below(2), 0.0)
    quarters = draws.sometimes(draws.below(4), 0.0).long()
    comes = draws.happens()
    x, y = (torch.where(comes, draws.uniform(-_SHIFT, _SHIFT) * side, 0.0).round() for side in (width, height))
    cosine, sine = _QUARTERS.to(quarters.device)[quarters].unbind(1)
    return scaling(1 - 2 * mirrored, torch.ones_like(mirrored)) @ turning(cosine, sine) @ shifting(x, y)


def moved(draws: Draws, height: int, width: int) -> Float[Tensor, "n 3 3"]:
    """General geometry: scale, turn, stretch along any direction, turn, shift.

    The two turns come with 1 - sqrt(1 - p) each, so that a picture is turned with p.
    """
    half = 1 - (1 - draws.probability).sqrt()
    scale = draws.sometimes(draws.factor(_SCALE), 1.0)
    before = draws.sometimes(draws.uniform(-pi, pi), 0.0, half)
    stretch = draws.sometimes(draws.factor(_SCALE), 1.0)
    after = draws.sometimes(draws.uniform(-pi, pi), 0.0, half)
    comes = draws.happens()
    x, y = (torch.where(comes, draws.normal(_SHIFT) * side, 0.0) for side in (width, height))
    turned = turning(before.cos(), before.sin()) @ scaling(1 / stretch, stretch) @ turning(after.cos(), after.sin())
    return scaling(1 / scale, 1 / scale) @ turned @ shifting(x, y)


def turning(cosine: Float[Tensor, " n"], sine: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    """The source is the result turned clockwise, as one sees it, by the angle of this cosine and sine."""
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    return _rows([cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one])


def scaling(x: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    """The source is `x` times as wide and `y` times as high as the result."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _rows([x, zero, zero], [zero, y, zero], [zero, zero, one])


def shifting(x: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    """The source is the result moved by `x` pixels to the right and `y` down."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _rows([one, zero, x], [zero, one, y], [zero, zero, one])


def _rows(*rows: list[Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
