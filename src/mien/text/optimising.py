"""Latent optimisation (Patashnik et al. 2021, section 4): a code is moved until its picture is what a text says.

Equation 1: the distance to the text, plus how far the code has moved, plus how far the person has become somebody else.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.inversion.refining import ramp
from mien.losses.clip import Comparer, away
from mien.losses.likeness import Likeness
from mien.nn.stylegan2 import Generator

Codes = Float[Tensor, "1 l d"]


def optimised(
    words: str,
    code: Codes,
    comparer: Comparer,
    generator: Generator,
    likeness: Likeness,
    *,
    steps: int = 60,
    rate: float = 0.02,
    still: float = 2.0,
    person: float = 1.0,
) -> Codes:
    """The move in W+ that brings the picture of a code to a text.

    `still` weighs the mean square of the move as a share of the code's own spread, `person` 1 minus the cosine of identity. The rate rises
    and falls as in StyleGAN2's projector; nothing is random.
    """
    goal = comparer.texts([words])
    with torch.no_grad():
        before = generator(code)
        unit = code.std().clamp(min=1e-6)
    move = torch.zeros_like(code).requires_grad_()
    adam = torch.optim.Adam([move], lr=rate)
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * ramp((step + 0.5) / steps)
        picture = generator(code + unit * move)
        loss = away(comparer.codes(picture), goal) + still * move.square().mean() + person * likeness(picture, before).identity
        adam.zero_grad()
        loss.backward()
        adam.step()
    return (unit * move).detach()
