"""Layers with equalised learning rates (Karras et al. 2018, section 4.1), as StyleGAN2, pSp, e4e and StyleCLIP stack them.

Weights are kept at a spread of 1 and scaled where they are used, so that an optimiser which divides by the size of gradients, as Adam does,
moves all layers alike; a `rate` below 1 slows one layer down.
"""

from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_SLOPE, _GAIN = 0.2, sqrt(2)
_EPSILON = 1e-8


def leaky(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """``sqrt(2) max(x, 0.2 x)``: StyleGAN's activation, which about keeps the spread of its input."""
    return F.leaky_relu(x, _SLOPE) * _GAIN


class PixelNorm(nn.Module):
    """Divided by the root mean square along one axis, 1 as published: the features of codes [b, n]."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The same shape; along the axis, squares have a mean of 1."""
        return x * torch.rsqrt(x.square().mean(self.axis, keepdim=True) + _EPSILON)


class EqualLinear(nn.Module):
    """``x (rate W / sqrt(inputs))^T + rate b`` on the last axis, then `leaky` where `activated`."""

    def __init__(self, inputs: int, outputs: int, *, rate: float = 1.0, bias: float = 0.0, activated: bool = False) -> None:
        """Weights of a spread of ``1 / rate``, biases of `bias`."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        nn.init.normal_(self.weight, std=1 / rate)
        self.rate, self.scale, self.activated = rate, rate / sqrt(inputs), activated

    def forward(self, x: Float[Tensor, "... n"]) -> Float[Tensor, "... m"]:
        """The mapped features."""
        made = F.linear(x, self.weight * self.scale, self.bias * self.rate)
        return leaky(made) if self.activated else made
