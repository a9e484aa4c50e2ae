"""Global directions (Patashnik et al. 2021, section 6): which channels of the style space change what a text says, for any face alike.

The relevance of a channel is how far the vector of the picture moves along that of the text when the channel changes by its spread,
on average over faces: ``R_c = E[sigma_c d i / d s_c . t]``. The paper takes the difference of two pictures; here it is the derivative,
all channels at once: `PEOPLE` pictures and their gradients, and no table of a generator and a CLIP is needed.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mien.losses.clip import Comparer
from mien.nn.stylegan2 import Generator
from mien.nn.stylegan2.generator import drawn, truncated

PEOPLE = 64  #: faces that a direction is the mean over
NEUTRAL = ("a face", "a photo of a face", "a neutral face", "a person with no expression")  #: what an edit starts from
_SPREAD_OF = 1024  # codes that tell how far channels vary
_TOGETHER = 8 * 64**2  # pixels of pictures whose gradients are in memory at once: about 400 MiB at 256 pixels
_TRUNCATION = 0.7  # of the faces: those that the network draws well

Channels = list[Float[Tensor, " _"]]  # a number for each channel of each style


@lru_cache(maxsize=32)
def direction(words: str, comparer: Comparer, generator: Generator, *, kept: float = 0.1) -> Float[Tensor, "1 l d"]:
    """The move of a code in W+ towards a text; its most relevant channel changes by its spread over faces, 1 standard deviation.

    Only the share `kept` of the channels moves, the most relevant (the paper's threshold beta, as a quantile).
    """
    with torch.no_grad():
        codes = _codes(generator)
        spread = [style.std(0) for style in generator.styles(codes)]
        found = relevance(text_direction(comparer, words), comparer, generator, codes[:PEOPLE], spread)
        strengths = torch.cat(found).abs()
        least, most = strengths.quantile(1 - kept), strengths.max().clamp(min=1e-12)
        steps = [torch.where(r.abs() >= least, r / most, 0) * s for r, s in zip(found, spread, strict=True)]
        return in_codes(steps, generator)


def text_direction(comparer: Comparer, words: str) -> Float[Tensor, " v"]:
    """From what neutral texts mean to what the words mean (section 6.1), of length 1."""
    goal, *neutral = comparer.texts([words, *NEUTRAL])
    return F.normalize(goal - torch.stack(neutral).mean(0), dim=0)


def _codes(generator: Generator) -> Float[Tensor, "n l d"]:
    """Codes of people who do not exist, the same ones always."""
    w = generator.map(drawn(range(_SPREAD_OF), generator.code).to(generator.input.input.device))
    return generator.spread(truncated(w, w.mean(0), _TRUNCATION))


@torch.enable_grad()
def relevance(
    goal: Float[Tensor, " v"], comparer: Comparer, generator: Generator, codes: Float[Tensor, "n l d"], spread: Sequence[Tensor]
) -> Channels:
    """How much each channel, changed by its spread, moves pictures along the goal. Colours (ToRGB's channels) are to stay: 0."""
    total = [torch.zeros_like(each) for each in spread]
    for part in codes.split(max(1, _TOGETHER // generator.size**2)):
        styles = [style.detach().requires_grad_() for style in generator.styles(part)]
        along = (comparer.codes(generator.draw(styles)) @ goal).sum()
        gradients = torch.autograd.grad(along, styles)
        total = [so_far + gradient.sum(0) / len(codes) for so_far, gradient in zip(total, gradients, strict=True)]
    colours = {1, *range(4, len(total), 3)}
    return [torch.zeros_like(part) if i in colours else part * s for i, (part, s) in enumerate(zip(total, spread, strict=True))]


def in_codes(steps: Channels, generator: Generator) -> Float[Tensor, "1 l d"]:
    """The move in W+ whose styles come nearest to these steps, row by row by least squares: styles are affine maps of rows."""
    device = steps[0].device
    each = torch.eye(generator.code, device=device)[:, None].expand(-1, generator.rows, -1)
    maps = [(a - b).T for a, b in zip(generator.styles(each), generator.styles(torch.zeros_like(each)), strict=True)]
    rows = [0, 1, *(row for first in range(1, generator.rows - 2, 2) for row in (first, first + 1, first + 2))]
    move = torch.zeros(1, generator.rows, generator.code, device=device)
    for row in range(generator.rows):
        steered = [i for i, other in enumerate(rows) if other == row]
        matrix, wanted = torch.cat([maps[i] for i in steered]), torch.cat([steps[i] for i in steered])
        move[0, row] = torch.linalg.pinv(matrix, rtol=1e-2) @ wanted
    return move
