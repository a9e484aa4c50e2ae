"""Whether codes can be edited: a picture is encoded, edited, drawn, encoded again and edited back; where does its code end?

The latent editing consistency of Tov et al. 2021 (section 4.2). Distances are in the units of the codes: networks compare only on the
same generator and edits.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

_TAILS = (0.01, 0.99)  # of the distances: what lies beyond is left out, as published

Pictures = Float[Tensor, "b 3 _ _"]
Codes = Float[Tensor, "b l d"]


@torch.no_grad()
def editing_consistency(
    pictures: Pictures, encode: Callable[[Pictures], Codes], draw: Callable[[Codes], Pictures], edits: Float[Tensor, "n d"]
) -> float:
    """The mean distance, 0 at best, of codes of pictures before and after, over pictures and over edits: steps added to every row."""
    before = encode(pictures)
    after = [encode(draw(before + edit)) - edit for edit in edits]
    return sum(_trimmed((codes - before).flatten(1).norm(dim=1)) for codes in after) / len(after)


def _trimmed(distances: Float[Tensor, " b"]) -> float:
    """The mean of those that are no outliers."""
    low, high = torch.quantile(distances, distances.new_tensor(_TAILS))
    return float(distances[(distances >= low) & (distances <= high)].mean())


def principal_edits(w: Float[Tensor, "n d"], count: int, size: float = 2.0) -> Float[Tensor, "{count} d"]:
    """Steps along the directions in which codes w differ most (Haerkoenen et al. 2020), in standard deviations along each.

    Signs are those that make the largest entry positive.
    """
    _, strengths, directions = torch.linalg.svd(w - w.mean(0), full_matrices=False)
    deviations = strengths[:count, None] / len(w) ** 0.5
    largest = directions[:count].gather(1, directions[:count].abs().argmax(1, keepdim=True))
    return size * deviations * directions[:count] * largest.sign()
