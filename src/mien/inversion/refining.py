"""A code in W+ moved until the picture is the one that it is to be: the projector of Karras et al. 2020 (appendix D), from a code at hand.

What differs from theirs: it begins at an encoder's code, near the end, so there is no noise to find the way with; rows move each on
their own, pulled back to where they began, so that the code stays one that edits understand (Tov et al. 2021). Noise stays the stored.
"""

from math import cos, pi

import torch
from jaxtyping import Float
from torch import Tensor

from mien.losses.reconstruction import Reconstruction
from mien.nn.stylegan2 import Generator

STEPS = 30
_RATE = 0.1  # of the spread of codes w, a step
_RISE, _FALL = 0.05, 0.25  # of the steps: while the rate rises at first, while it falls at last
_DRAWN = 1000  # codes w whose spread is measured
_PERCEPTUAL, _IDENTITY, _PULL = 0.8, 0.1, 0.03  # weights, beside 1 for colours

Codes = Float[Tensor, "1 l d"]
Picture = Float[Tensor, "1 3 s s"]


def refined(goal: Picture, start: Codes, generator: Generator, measure: Reconstruction, *, steps: int = STEPS) -> Codes:
    """The code near `start` whose picture is more like `goal`, -1..1, at the size of the generator, which is frozen.

    It is sought by Adam in units of how far codes w are spread, so that the rate is right for any generator.
    """
    spread = spread_of(generator)
    offset = torch.zeros_like(start, requires_grad=True)
    adam = torch.optim.Adam([offset], lr=_RATE)
    for step in range(steps):
        adam.param_groups[0]["lr"] = _RATE * ramp((step + 0.5) / steps)
        colours, perceptual, identity = measure(generator(start + spread * offset), goal)
        loss = colours + _PERCEPTUAL * perceptual + _IDENTITY * identity + _PULL * offset.square().mean()
        (offset.grad,) = torch.autograd.grad(loss, offset)
        adam.step()
    return (start + spread * offset).detach()


def ramp(share: float) -> float:
    """Factor of the rate after a share of all steps, 0..1: up in a line, then level, down at last along half a cosine."""
    falls = min(1.0, (1 - share) / _FALL)
    return min(1.0, share / _RISE) * (0.5 - 0.5 * cos(pi * falls))


@torch.no_grad()
def spread_of(generator: Generator) -> Float[Tensor, ""]:
    """How far the numbers of a code w are from their means: the root of the mean square, over codes drawn from a seed."""
    z = torch.randn(_DRAWN, generator.code, generator=torch.Generator().manual_seed(0))
    w = generator.map(z.to(generator.input.input.device))
    return (w - w.mean(0)).square().mean().sqrt()
