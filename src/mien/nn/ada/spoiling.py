"""Noise, and a part that is cut out (Karras et al. 2020, appendix B.1)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mien.nn.ada.draws import Draws

_NOISE = 0.1  # deviation of the deviation


def deviations(draws: Draws) -> Float[Tensor, " n"]:
    """Deviations of the noise, half normal."""
    return draws.sometimes(draws.normal(_NOISE).abs(), 0.0)


def noisy(pictures: Float[Tensor, "n c h w"], deviation: Float[Tensor, " n"], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
    """Pictures with normal noise, each pixel and channel for itself."""
    noise = torch.randn(pictures.shape, generator=generator, device=generator.device).to(pictures)
    return pictures + deviation[:, None, None, None].to(pictures) * noise


def holes(draws: Draws, height: int, width: int) -> Bool[Tensor, "n h w"]:
    """Rectangles half as wide and high as the picture, centred anywhere in it."""
    x, y = draws.uniform(0, 1), draws.uniform(0, 1)
    across, down = ((torch.arange(size, device=x.device) + 0.5) / size for size in (width, height))
    inside = ((across - x[:, None]).abs() <= 0.25)[:, None, :] & ((down - y[:, None]).abs() <= 0.25)[:, :, None]
    return inside & draws.happens()[:, None, None]
