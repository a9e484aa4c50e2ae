"""Colours of augmented pictures: homogeneous 4x4 matrices, drawn at random (Karras et al. 2020, appendix B.1)."""

from math import pi

import torch
from jaxtyping import Float
from torch import Tensor

from mien.nn.ada.draws import LN2, Draws

_BRIGHTNESS, _CONTRAST, _SATURATION = 0.2, 0.5 * LN2, LN2  # deviations: of a sum, and of the logarithms of factors
_GREY = torch.tensor([1.0, 1.0, 1.0, 0.0]) / 3**0.5  # the axis of luma
_ALONG = _GREY[:, None] * _GREY  # what is grey in a colour; the rest is hue and saturation


def recolouring(draws: Draws) -> Float[Tensor, "n 4 4"]:
    """Brightness, contrast, luma flip, hue and saturation, one after the other."""
    matrices = brightness(draws.sometimes(draws.normal(_BRIGHTNESS), 0.0))
    matrices = contrast(draws.sometimes(draws.factor(_CONTRAST), 1.0)) @ matrices
    matrices = luma_flip(draws.sometimes(draws.below(2), 0.0)) @ matrices
    matrices = hue(draws.sometimes(draws.uniform(-pi, pi), 0.0)) @ matrices
    return saturation(draws.sometimes(draws.factor(_SATURATION), 1.0)) @ matrices


def brightness(amount: Float[Tensor, " n"]) -> Float[Tensor, "n 4 4"]:
    """An amount more of all colours."""
    sums = torch.zeros(4, 4)
    sums[:3, 3] = 1
    return _identity(amount) + _each(amount) * sums.to(amount)


def contrast(factor: Float[Tensor, " n"]) -> Float[Tensor, "n 4 4"]:
    """All colours times a factor."""
    return _identity(factor) + _each(factor - 1) * torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0])).to(factor)


def luma_flip(flipped: Float[Tensor, " n"]) -> Float[Tensor, "n 4 4"]:
    """The negative in luma alone, where `flipped` is 1."""
    return _identity(flipped) - 2 * _each(flipped) * _ALONG.to(flipped)


def hue(angle: Float[Tensor, " n"]) -> Float[Tensor, "n 4 4"]:
    """A turn about the axis of luma (Rodrigues' formula); by 2 pi / 3 red becomes green, green blue, blue red."""
    cross = torch.zeros(4, 4)
    cross[:3, :3] = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3**0.5
    sine, rest = _each(angle.sin()), 1 - _each(angle.cos())
    return _identity(angle) + sine * cross.to(angle) + rest * (cross @ cross).to(angle)


def saturation(factor: Float[Tensor, " n"]) -> Float[Tensor, "n 4 4"]:
    """What is not grey times a factor."""
    return _identity(factor) + _each(factor - 1) * (torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0])) - _ALONG).to(factor)


def recolour(pictures: Float[Tensor, "n c h w"], matrices: Float[Tensor, "n 4 4"]) -> Float[Tensor, "n c h w"]:
    """Pictures of 3 colours, or of 1 that stands for three alike and becomes their mean."""
    matrices = matrices[:, :3].to(pictures)
    if pictures.shape[1] == 1:
        mean = matrices.mean(1, keepdim=True)
        matrices = torch.cat([mean[..., :3].sum(2, keepdim=True), mean[..., 3:]], 2)
    return (matrices[..., :-1] @ pictures.flatten(2) + matrices[..., -1:]).view_as(pictures)


def _identity(like: Tensor) -> Tensor:
    return torch.eye(4).to(like)


def _each(values: Tensor) -> Tensor:
    return values[:, None, None]
