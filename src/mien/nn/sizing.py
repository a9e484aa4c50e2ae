"""Square pictures at the size that a network sees."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def sized(pictures: Float[Tensor, "b c s s"], side: int) -> Float[Tensor, "b c {side} {side}"]:
    """`side` x `side` pixels without aliasing, differentiable: means of areas where it shrinks, cubic where it grows."""
    if pictures.shape[2] == side:
        return pictures
    if pictures.shape[2] > side:
        return F.adaptive_avg_pool2d(pictures, side)
    return F.interpolate(pictures, (side, side), mode="bicubic", antialias=True)
