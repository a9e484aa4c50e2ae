"""Resampling and filtering by wavelets, as matrices that work on the rows or the columns of a picture.

A picture goes on beyond its frame as its mirror image, without end; the pixels at the frame are not repeated. A few hundred pixels are
multiplied by a matrix faster than a short filter runs over them, and matrices have gradients of all orders. All matrices are float64.
"""

from collections.abc import Callable, Sequence
from functools import cache, reduce

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

#: Low-pass filters of the symlets of 6 and 2 vanishing moments (Daubechies 1992, table 6.3 and equation 6.3.1): orthonormal, sum sqrt(2).
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466, 0.787641141030194,
    0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
SYM2 = (0.48296291314453416, 0.8365163037378079, 0.2241438680420134, -0.12940952255126037)

BANDS = 4
_REACH = len(SYM6) - 2  # finer samples outside the first and the last pixel that these touch
#: Where pixel 0 is among the finer samples: the filter's first moment, which is its delay of whatever is smooth. Not its middle, 5.5:
#: no orthogonal filter but Haar's is symmetric, and pictures mirrored about the middle would land 0.4 pixels beside where they belong.
ORIGIN = sum(place * value for place, value in enumerate(SYM6)) / sum(SYM6)


def matrix(make: Callable[[int], Float[Tensor, "..."]], size: int, like: Tensor) -> Float[Tensor, "..."]:
    """`make(size)` in the type of `like` and on its device, made once."""
    return _made(make, size, like.dtype, like.device)


@cache
def _made(make: Callable[[int], Tensor], size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return make(size).to(device, dtype)


def folded(places: Num[Tensor, "..."], size: int) -> Num[Tensor, "..."]:
    """Places (pixels) beyond 0 .. size - 1 brought back by mirrors at the first and the last pixel."""
    last = size - 1
    return last - (places.remainder(max(2 * last, 1)) - last).abs()


def doubling(size: int) -> Float[Tensor, "fine size"]:
    """To twice as many samples and a few around: zeros between the pixels, then the filter."""
    pixels = torch.arange(-_REACH // 2, size + _REACH // 2)
    taps = torch.arange(2 * size + _REACH)[:, None] - 2 * pixels
    return _mirrored(2**0.5 * _taken(SYM6, taps), pixels, size)


def halving(size: int) -> Float[Tensor, "size fine"]:
    """Back from the samples of `doubling`; exactly what they were made of, for the filter is orthonormal."""
    return _taken(SYM6, torch.arange(2 * size + _REACH) - 2 * torch.arange(size)[:, None]) / 2**0.5


def bands(size: int) -> Float[Tensor, "4 size size"]:
    """To the parts of a picture in four bands of frequencies: up to 1/8, 1/4, 1/2 and all of the highest. They add up to the picture."""
    low = np.convolve(SYM2, SYM2[::-1]) / 2
    high = -low
    high[len(low) // 2] += 1
    low2, high2, low4, high4 = (_stretched(kernel, by) for by in (2, 4) for kernel in (low, high))
    split = [reduce(np.convolve, part) for part in ([low, low2, low4], [low, low2, high4], [low, high2], [high])]
    reach = len(split[0]) // 2
    pixels = torch.arange(-reach, size + reach)
    return torch.stack([_mirrored(_taken(tuple(k), pixels - torch.arange(size)[:, None] + len(k) // 2), pixels, size) for k in split])


def _stretched(kernel: Float[np.ndarray, " k"], by: int) -> Float[np.ndarray, " m"]:
    """Zeros between the taps: the same filter for frequencies `by` times as low."""
    wide = np.zeros(by * (len(kernel) - 1) + 1)
    wide[::by] = kernel
    return wide


def _taken(kernel: Sequence[float], taps: Int[Tensor, "r c"]) -> Float[Tensor, "r c"]:
    """The taps of a kernel, 0 beyond its ends."""
    inside = (taps >= 0) & (taps < len(kernel))
    return torch.where(inside, torch.tensor(kernel, dtype=torch.float64)[taps.clamp(0, len(kernel) - 1)], 0.0)


def _mirrored(weights: Float[Tensor, "r c"], pixels: Int[Tensor, " c"], size: int) -> Float[Tensor, "r size"]:
    """Weights of pixels of which some are outside, as weights of those inside whose mirror images they are."""
    return weights.new_zeros(len(weights), size).index_add(1, folded(pixels, size), weights)
