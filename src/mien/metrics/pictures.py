"""How far a picture is from another one of the same size, in its pixels, and how like two embeddings are.

LPIPS is in `mien.metrics.perceptual`, as it stands on networks that come in by import only.
"""

import math

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.errors import ImageError

_PEAK = 255.0
_WINDOW, _SIGMA = 11, 1.5  # pixels
_K1, _K2 = 0.01, 0.03


def psnr(a: UInt8[np.ndarray, "h w 3"], b: UInt8[np.ndarray, "h w 3"]) -> float:
    """Peak signal to noise, dB: ``10 log10(255^2 / MSE)`` over all pixels and channels; infinite for equal pictures."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 10 * math.log10(_PEAK**2 / error) if error else math.inf


def ssim(a: UInt8[np.ndarray, "h w 3"], b: UInt8[np.ndarray, "h w 3"]) -> float:
    """Structural similarity (Wang et al. 2004, equation 13), -1..1, 1 for equal pictures.

    Gaussian windows of 11 x 11 pixels with a standard deviation of 1.5, those only that lie inside the picture; the mean over them and the
    channels. Raises `ImageError` for pictures without such a window.
    """
    if min(a.shape[:2]) < _WINDOW:
        raise ImageError(f"a picture of {a.shape[1]} x {a.shape[0]} pixels has no SSIM: it needs at least {_WINDOW} x {_WINDOW}")
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    shared = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    likeness = (2 * mean_x * mean_y + c1) * (2 * shared + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(likeness.mean())


def _windowed(picture: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "a b 3"]:
    """Weighted means in the windows that lie inside."""
    edge = _WINDOW // 2
    return cv2.GaussianBlur(picture, (_WINDOW, _WINDOW), _SIGMA)[edge:-edge, edge:-edge]


def cosine(a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """The cosine between each embedding and its partner, -1..1: how much both are of one person; NaN for one of length 0."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(axis=1), lengths, out=np.full(len(a), np.nan), where=lengths > 0)
