"""Colours, bands, noise and holes: exact values, and the published distributions."""

from math import pi

import pytest
import torch
from scipy import stats

from mien.nn.ada import colour, filtering, spoiling
from mien.nn.ada.colour import recolour
from mien.nn.ada.draws import LN2, Draws

MANY = 20_000


def draws(p, count=MANY):
    return Draws(count, torch.tensor(p), torch.Generator().manual_seed(0))


def picture():
    return torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(1)) * 2 - 1


def one(value):
    return torch.tensor([float(value)])


def close(a, b):
    return torch.allclose(a, b, atol=1e-6)


def test_brightness_is_a_sum_and_contrast_a_factor():
    assert close(recolour(picture(), colour.brightness(one(0.3))), picture() + 0.3)
    assert close(recolour(picture(), colour.contrast(one(1.7))), picture() * 1.7)


def test_a_luma_flip_turns_grey_into_its_negative_and_leaves_hue_and_saturation():
    flipped, grey = recolour(picture(), colour.luma_flip(one(1))), picture().mean(1, keepdim=True)
    assert close(flipped.mean(1, keepdim=True), -grey)
    assert close(flipped - flipped.mean(1, keepdim=True), picture() - grey)
    assert torch.equal(recolour(picture(), colour.luma_flip(one(0))), picture())


def test_a_third_of_a_turn_of_hue_moves_every_channel_on():
    assert close(recolour(picture(), colour.hue(one(2 * pi / 3))), picture()[:, [2, 0, 1]])
    assert close(recolour(picture(), colour.hue(one(pi))), 2 * picture().mean(1, keepdim=True) - picture())


def test_saturation_scales_what_is_not_grey():
    grey = picture().mean(1, keepdim=True)
    assert close(recolour(picture(), colour.saturation(one(0))), grey.expand(-1, 3, -1, -1))
    assert close(recolour(picture(), colour.saturation(one(2))), 2 * picture() - grey)


def test_one_channel_is_what_three_alike_become():
    grey, matrices = picture()[:, :1], colour.recolouring(draws(1.0, 1))
    assert close(recolour(grey, matrices), recolour(grey.expand(-1, 3, -1, -1), matrices).mean(1, keepdim=True))
    assert close(recolour(grey, colour.brightness(one(-0.2))), grey - 0.2)


def test_colours_are_drawn_as_published():
    matrices = colour.recolouring(draws(1.0)).double()
    factor = matrices[:, :3, :3].sum((1, 2)) / 3  # of grey: contrast and luma flip
    offset = matrices[:, :3, 3].mean(1)
    flipped = factor < 0
    assert abs(flipped.float().mean() - 0.5) < 4.5 * 0.5 / MANY**0.5
    assert stats.kstest(factor.abs().log() / (0.5 * LN2), "norm").pvalue > 1e-3
    assert stats.kstest(offset / factor / 0.2, "norm").pvalue > 1e-3
    e, f = (torch.tensor(v, dtype=torch.float64) / torch.tensor(v, dtype=torch.float64).norm() for v in ([1, -1, 0], [1, 1, -2]))
    moved = matrices[:, :3, :3] @ e
    assert stats.kstest((moved.norm(dim=1) / factor.abs()).log() / LN2, "norm").pvalue > 1e-3
    angle = torch.atan2(moved @ f, moved @ e)
    assert stats.kstest(angle, "uniform", args=(-pi, 2 * pi)).pvalue > 1e-3


def test_a_gain_of_one_band_keeps_the_power_of_a_photo():
    gain = filtering.gains(draws(0.2)).double()
    assert abs((gain == 1).all(1).double().mean() - 0.8**4) < 4.5 * (0.8**4 * (1 - 0.8**4) / MANY) ** 0.5
    middle = gain.sort(1)[0][:, 1:3]
    one_band = gain[((gain != middle[:, :1]).sum(1) == 1) & (middle[:, 0] == middle[:, 1])]
    assert abs(len(one_band) / MANY - 4 * 0.2 * 0.8**3) < 0.02
    power = torch.tensor([10, 1, 1, 1], dtype=torch.float64) / 13
    assert torch.allclose((power * one_band.square()).sum(1), torch.ones(len(one_band), dtype=torch.float64), atol=1e-5)


def test_gains_are_drawn_as_published():
    gain = filtering.gains(draws(1.0)).log().double()
    for band in range(3):
        assert stats.kstest((gain[:, band + 1] - gain[:, band]) / (2**0.5 * LN2), "norm").pvalue > 1e-3


def test_noise_is_as_strong_as_it_was_drawn():
    deviation = spoiling.deviations(draws(1.0))
    assert stats.kstest(deviation / 0.1, "halfnorm").pvalue > 1e-3
    still = torch.zeros(3, 3, 100, 100)
    noise = spoiling.noisy(still, torch.tensor([0.0, 0.05, 0.3]), torch.Generator().manual_seed(2))
    assert torch.equal(noise[0], still[0])
    assert noise.flatten(1).std(1)[1:].tolist() == pytest.approx([0.05, 0.3], rel=0.02)
    assert abs(torch.corrcoef(noise[2].flatten(1))[0, 1]) < 0.05


def test_holes_are_half_as_wide_and_high_and_lie_anywhere():
    holes = spoiling.holes(draws(0.25), 20, 40)
    there = holes.any(2).any(1)
    assert abs(there.float().mean() - 0.25) < 4.5 * (0.25 * 0.75 / MANY) ** 0.5
    high, wide = holes[there].any(2).sum(1), holes[there].any(1).sum(1)
    assert high.max() == 10 and wide.max() == 20
    assert high.min() == 5 and wide.min() == 10  # centred on the frame
    assert torch.equal(holes[there].sum((1, 2)), high * wide)
    whole = holes[there][(high == 10) & (wide == 20)]
    share = 11 / 20 * 21 / 40  # of the centres, so that no pixel of the hole is outside
    assert abs(len(whole) / there.sum() - share) < 4.5 * (share * (1 - share) / there.sum()) ** 0.5
    top = whole.any(2).float().argmax(1)
    assert set(top.tolist()) == set(range(11))
