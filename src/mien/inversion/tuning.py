"""Pivotal tuning (Roich et al. 2022): a copy of the generator learns to draw one picture at a code, and what it draws elsewhere stays."""

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor

from mien.inversion.refining import spread_of
from mien.losses.reconstruction import Reconstruction
from mien.nn.stylegan2 import Generator
from mien.nn.stylegan2.generator import truncated

STEPS = 25
_RATE = 1e-3
_LOCALITY, _EVERY = 0.1, 4  # weight of what stays (section 3.3); steps from one look at it to the next, which then counts as much more
_TRUNCATION = 0.5  # of the codes that it is to stay at
_REACH = 0.7  # how far off the pivot those are, in lengths of a code: their 30 of about 40 numbers of FFHQ's generator

Codes = Float[Tensor, "1 l d"]
Picture = Float[Tensor, "1 3 s s"]


def tuned(
    goal: Picture,
    pivot: Codes,
    generator: Generator,
    mean: Float[Tensor, " d"],
    measure: Reconstruction,
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Generator:
    """A generator whose picture at `pivot` is like `goal`, -1..1; the one given stays as it is.

    Equations 2 to 5: colours and what a network sees; now and then also at a code on the way from the pivot to another one, drawn from
    `seed`, where the picture is to stay what it was.
    """
    own = deepcopy(generator).requires_grad_(True)
    own.style.requires_grad_(False)
    learning = [parameter for parameter in own.parameters() if parameter.requires_grad]
    adam = torch.optim.Adam(learning, lr=_RATE)
    draws, reach = torch.Generator().manual_seed(seed), _REACH * spread_of(generator) * pivot.numel() ** 0.5
    for step in range(steps):
        loss = _apart(own(pivot), goal, measure)
        if step % _EVERY == 0:
            near = _near(pivot, generator, mean, reach, draws)
            with torch.no_grad():
                before = generator(near)
            loss = loss + _EVERY * _LOCALITY * _apart(own(near), before, measure)
        for parameter, gradient in zip(learning, torch.autograd.grad(loss, learning), strict=True):
            parameter.grad = gradient
        adam.step()
    return own.requires_grad_(False)


def _apart(made: Picture, real: Picture, measure: Reconstruction) -> Float[Tensor, ""]:
    colours, perceptual, _ = measure(made, real)
    return colours + perceptual


@torch.no_grad()
def _near(pivot: Codes, generator: Generator, mean: Float[Tensor, " d"], reach: Float[Tensor, ""], draws: torch.Generator) -> Codes:
    """A code at this distance from the pivot, towards one that the mapping makes up (equation 3)."""
    z = torch.randn(1, generator.code, generator=draws).to(pivot)
    way = generator.spread(truncated(generator.map(z), mean, _TRUNCATION)) - pivot
    return pivot + reach * way / way.norm()
