"""Pictures with some of their frequencies stronger or weaker (Karras et al. 2020, appendix B.1)."""

import torch
from jaxtyping import Float
from torch import Tensor

from mien.nn.ada.draws import LN2, Draws
from mien.nn.ada.wavelets import BANDS, bands, matrix

_GAIN = LN2  # deviation of the logarithm of a band's gain
_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # what each band has of the power of a photo, whose spectrum falls with the frequency


def gains(draws: Draws) -> Float[Tensor, "n 4"]:
    """Gains of the four bands: each changes in its turn, and at each turn all are scaled, so that this change keeps a photo's power."""
    gain = torch.ones(draws.count, BANDS, device=draws.generator.device)
    for band, power in enumerate(_POWER):
        own = draws.sometimes(draws.factor(_GAIN), 1.0)
        gain[:, band] *= own
        gain /= (1 + power * (own.square() - 1)).sqrt()[:, None]
    return gain


def equalise(pictures: Float[Tensor, "n c h w"], gain: Float[Tensor, "n 4"]) -> Float[Tensor, "n c h w"]:
    """Each band times its gain, along the rows and along the columns."""
    down, across = (torch.einsum("nb,bij->nij", gain, matrix(bands, size, pictures)) for size in pictures.shape[2:])
    return down[:, None] @ pictures @ across[:, None].mT
