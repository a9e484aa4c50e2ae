"""Tells codes that a mapping made of random numbers from those that an encoder found (Tov et al. 2021, section 3.2)."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

_SLOPE = 0.2


class LatentDiscriminator(nn.Module):
    """Logits of codes w: above 0 for those taken for the one kind, below for the other."""

    def __init__(self, code: int, width: int = 512, depth: int = 4) -> None:
        """`depth` linear maps, the last one to a number."""
        super().__init__()
        widths = [code, *[width] * (depth - 1)]
        hidden = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.LeakyReLU(_SLOPE))]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, 1))

    def forward(self, codes: Float[Tensor, "b d"]) -> Float[Tensor, "b 1"]:
        """One logit for each code."""
        return self.layers(codes)
