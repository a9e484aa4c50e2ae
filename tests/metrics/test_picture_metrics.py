"""PSNR, SSIM and cosines, against direct implementations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import correlate

from mien.errors import ImageError
from mien.metrics.pictures import cosine, psnr, ssim


def picture(seed, size=(24, 31)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def test_psnr_in_closed_form():
    a = np.full((9, 7, 3), 100, np.uint8)
    assert psnr(a, a) == math.inf
    assert psnr(a, a + 10) == pytest.approx(20 * math.log10(255 / 10))
    assert psnr(np.zeros_like(a), np.full_like(a, 255)) == 0


def direct_ssim(a, b):
    """Equation 13 with each window weighted by hand, where it fits into the picture."""
    across = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(across, across) / across.sum() ** 2
    mean = lambda x: correlate(x, window, mode="constant")[5:-5, 5:-5]  # noqa: E731
    channels = []
    for x, y in zip(np.moveaxis(a.astype(float), 2, 0), np.moveaxis(b.astype(float), 2, 0), strict=True):
        mx, my = mean(x), mean(y)
        vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        channels.append(((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())
    return np.mean(channels)


@given(st.integers(0, 1000), st.integers(0, 255))
def test_ssim_is_that_of_the_paper(seed, most):
    a = picture(seed)
    b = np.clip(a.astype(int) + np.random.default_rng(seed + 1).integers(-most, most + 1, a.shape), 0, 255).astype(np.uint8)
    assert ssim(a, b) == pytest.approx(direct_ssim(a, b), abs=1e-10)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)


def test_ssim_in_closed_form():
    a, b = np.full((11, 11, 3), 50, np.uint8), np.full((11, 11, 3), 200, np.uint8)
    c1 = 2.55**2
    assert ssim(a, b) == pytest.approx((2 * 50 * 200 + c1) / (50**2 + 200**2 + c1), abs=1e-6)
    assert ssim(picture(0), picture(0)) == 1
    assert ssim(picture(0), 255 - picture(0)) < -0.8


def test_a_picture_smaller_than_the_window_is_refused():
    with pytest.raises(ImageError, match="31 x 10 pixels has no SSIM: it needs at least 11 x 11"):
        ssim(picture(0, (10, 31)), picture(1, (10, 31)))


def test_cosines():
    a = np.array([[1.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    b = np.array([[5.0, 0.0], [1.0, -1.0], [-1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(cosine(a, b), [1, 0, -1, np.nan])
