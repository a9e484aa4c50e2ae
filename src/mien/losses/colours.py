"""How far colours of pictures are apart, at several sizes, and more where it matters."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

_SCALES = 3  # the picture's size, a half, a quarter
_SEEN = 0.1  # a difference of colours (-1..1) from which on two expressions differ in full
_AROUND = 5  # pixels, the span over which that is evened out


def apart(difference: Float[Tensor, "b 3 s s"], weight: Float[Tensor, "b 1 s s"]) -> Float[Tensor, ""]:
    """The weighted mean of absolute differences, over several sizes: what is large is right before what is small."""
    sizes: list[Tensor] = []
    for scale in range(_SCALES):
        if scale:
            difference, weight = F.avg_pool2d(difference, 2), F.avg_pool2d(weight, 2)
        sizes.append((weight * difference.abs()).mean())
    return torch.stack(sizes).mean()


def differing(one: Float[Tensor, "b 3 s s"], other: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b 1 s s"]:
    """Where two pictures differ, 0..1, and a little around."""
    differs = ((one - other).abs().mean(1, keepdim=True) / _SEEN).clamp(max=1)
    return F.avg_pool2d(differs, _AROUND, stride=1, padding=_AROUND // 2)
