"""Filters: orthonormal, perfect, and with the responses that theory gives them."""

from math import pi

import pytest
import torch

from mien.nn.ada import wavelets
from mien.nn.ada.filtering import equalise

SIZES = [4, 17, 64]


@pytest.mark.parametrize(("taps", "moments"), [(wavelets.SYM6, 6), (wavelets.SYM2, 2)])
def test_the_symlets_are_orthonormal_and_have_their_vanishing_moments(taps, moments):
    h = torch.tensor(taps, dtype=torch.float64)
    assert len(h) == 2 * moments and h.sum().item() == pytest.approx(2**0.5, abs=1e-12)
    for shift in range(moments):
        assert (h[2 * shift :] * h[: len(h) - 2 * shift]).sum().item() == pytest.approx(float(shift == 0), abs=1e-11)
    k = torch.arange(len(h))
    for power in range(moments):
        assert ((-1.0) ** k * k.double() ** power * h).sum().item() == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("size", SIZES)
def test_twice_as_many_samples_and_back_is_exact(size):
    assert torch.allclose(wavelets.halving(size) @ wavelets.doubling(size), torch.eye(size, dtype=torch.float64), atol=1e-11)
    assert torch.allclose(wavelets.doubling(size).sum(1), torch.ones(2 * size + 10, dtype=torch.float64))


@pytest.mark.parametrize("size", SIZES)
def test_the_bands_add_up_to_the_picture(size):
    assert torch.allclose(wavelets.bands(size).sum(0), torch.eye(size, dtype=torch.float64), atol=1e-14)


@pytest.mark.parametrize("k", range(64))
def test_each_band_lets_through_what_theory_says(k):
    """A cosine that fits the mirrored frame goes through unchanged but for its height: Daubechies' half-band filter at its frequency."""

    def low(frequency):
        y = torch.sin(torch.tensor(frequency / 2, dtype=torch.float64)).square()
        return (1 - y) ** 2 * (1 + 2 * y)

    w = pi * k / 63
    wave = torch.cos(w * torch.arange(64, dtype=torch.float64))
    one, two, four = low(w), low(2 * w), low(4 * w)
    heights = torch.stack([one * two * four, one * two * (1 - four), one * (1 - two), 1 - one])
    assert torch.allclose(wavelets.bands(64) @ wave, heights[:, None] * wave, atol=1e-12)
    strongest = [0.125, 0.25, 0.5, 1.0]
    band = next(b for b, top in enumerate(strongest) if k / 63 <= top + 1e-9)
    if min(abs(k / 63 - top) for top in strongest[:3]) > 0.02:
        assert heights.argmax() == band


def test_gains_of_one_change_nothing_and_equal_gains_only_the_contrast():
    given = torch.randn(3, 2, 9, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(equalise(given, torch.ones(3, 4, dtype=torch.float64)), given, atol=1e-13)
    factor = torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64).expand(3, 4)
    assert torch.allclose(equalise(given, factor), given * factor[:, :1, None, None] ** 2, atol=1e-12)


def test_a_band_that_is_stronger_is_stronger_in_its_own_picture_alone():
    x = torch.arange(64, dtype=torch.float64)
    coarse, fine = torch.cos(2 * pi / 63 * x), torch.cos(60 * pi / 63 * x)
    rows = (coarse + fine).expand(2, 1, 64, 64)
    done = equalise(rows, torch.tensor([[1.0, 1.0, 1.0, 3.0], [1.0, 1.0, 1.0, 1.0]], dtype=torch.float64))
    assert torch.allclose(done[0, 0, 0], coarse + 3 * fine, atol=0.01)
    assert torch.allclose(done[1], rows[1])


def test_places_beyond_the_frame_are_mirrored_there():
    assert wavelets.folded(torch.arange(-7, 9), 4).tolist() == [1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert wavelets.folded(torch.tensor([-0.25, 3.25, 9.5]), 4).tolist() == [0.25, 2.75, 2.5]
