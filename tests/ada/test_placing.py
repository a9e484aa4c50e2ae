"""Where pixels come from: each change against a closed form, each draw against its distribution."""

from math import log, pi

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from mien.nn.ada import placing, wavelets
from mien.nn.ada.draws import LN2, Draws
from mien.nn.ada.warping import copy, warp

MANY = 40_000
ONE, NONE = torch.ones(1), torch.zeros(1)


def draws(p, count=MANY, seed=0):
    return Draws(count, torch.tensor(p), torch.Generator().manual_seed(seed))


def within(share, expected, count=MANY):
    """Whether a share of so many is within 4.5 standard deviations of a probability."""
    return abs(float(share) - expected) < 4.5 * (expected * (1 - expected) / count) ** 0.5


def random_picture(height=12, width=12):
    return torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(1))


def quarter(k):
    cosine, sine = placing._QUARTERS[k][:, None]
    return placing.turning(cosine, sine)


def test_a_mirror_image_is_a_flip():
    given = random_picture(11, 14)
    assert torch.equal(copy(given, placing.scaling(-ONE, ONE)), given.flip(3))


@pytest.mark.parametrize("k", range(4))
def test_quarter_turns_are_those_of_a_square(k):
    given = random_picture()
    assert torch.equal(copy(given, quarter(k)), torch.rot90(given, k, (2, 3)))


def test_a_quarter_turn_of_what_is_not_square_shows_its_middle_and_mirror_images():
    given = random_picture(6, 10)
    turned = torch.rot90(given, 1, (2, 3))  # 10 high, 6 wide
    wide = np.pad(turned.numpy(), ((0, 0), (0, 0), (0, 0), (2, 2)), mode="reflect")[:, :, 2:8]
    assert np.array_equal(copy(given, quarter(1)).numpy(), wide)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -4), (-2, 1)])
def test_a_shift_by_pixels_is_one_of_the_picture_mirrored_at_its_frame(x, y):
    given = random_picture(9, 13)
    around = np.pad(given.numpy(), ((0, 0), (0, 0), (5, 5), (5, 5)), mode="reflect")
    assert np.array_equal(copy(given, placing.shifting(x * ONE, y * ONE)).numpy(), around[:, :, 5 + y : 14 + y, 5 + x : 18 + x])


def taken_apart(matrices):
    """Mirrored or not, and the quarter turn, of products of both."""
    linear = matrices[:, :2, :2]
    mirrored = linear.det().round() < 0
    turn = torch.where(mirrored[:, None, None], torch.tensor([[-1.0, 0.0], [0.0, 1.0]]), torch.eye(2)) @ linear
    assert torch.isin(turn, torch.tensor([-1.0, 0.0, 1.0])).all()
    return mirrored, (torch.atan2(turn[:, 1, 0], turn[:, 0, 0]) / (pi / 2)).round().long() % 4


@pytest.mark.parametrize("p", [1.0, 0.4])
def test_quarter_turns_are_equally_likely_and_so_are_mirror_images(p):
    mirrored, turns = taken_apart(placing.copied(draws(p), 32, 32))
    assert within(mirrored.float().mean(), p / 2)
    shares = turns.bincount(minlength=4) / MANY
    assert all(within(share, expected) for share, expected in zip(shares, [1 - p + p / 4, p / 4, p / 4, p / 4], strict=True))


def test_shifts_by_pixels_are_whole_and_reach_an_eighth_of_each_side():
    found = torch.linalg.inv(placing.copied(draws(0.5), 40, 80).double())[:, :2, 2].abs()
    assert torch.equal(found, found.round())
    assert found.amax(0).tolist() == [10.0, 5.0]
    assert within((found[:, 0] > 0).float().mean(), 0.5 * (1 - 0.5 / 10))  # shares of -10..10 that round to 0: 1 of 20


def test_general_geometry_has_the_published_distributions():
    there = torch.linalg.inv(placing.moved(draws(1.0), 50, 100).double())  # from the source to the result
    logs = there[:, :2, :2].det().log() / 2
    assert stats.kstest(logs / (0.2 * LN2), "norm").pvalue > 1e-3
    for axis, side in ((0, 100), (1, 50)):
        assert stats.kstest(there[:, axis, 2] / (0.125 * side), "norm").pvalue > 1e-3
    singular = torch.linalg.svdvals(there[:, :2, :2])
    stretch = (singular[:, 0] / singular[:, 1]).log() / 2
    assert stats.kstest(stretch / (0.2 * LN2), "halfnorm").pvalue > 1e-3
    u, _, vt = torch.linalg.svd(there[:, :2, :2])
    direction = torch.atan2(vt[:, 0, 1], vt[:, 0, 0]) % pi  # of what is stretched most
    assert stats.kstest(direction / pi, "uniform").pvalue > 1e-3
    assert stats.kstest(torch.atan2(u[:, 1, 0], u[:, 0, 0]) % pi / pi, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("p", [0.1, 0.36, 0.8])
def test_two_chances_to_turn_make_one_of_p(p):
    turned = placing.moved(draws(p), 32, 32)[:, 0, 1] != 0
    assert within(turned.float().mean(), p)


def smooth(x, y, height, width):
    """A picture in closed form; beyond its frame it goes on as its mirror image."""
    u, v = pi * x / (width - 1), pi * y / (height - 1)
    return 0.5 * torch.cos(2 * u) * torch.cos(v) + 0.3 * torch.cos(3 * v) - 0.2 * torch.cos(u) + 0.1 * torch.cos(4 * u) * torch.cos(5 * v)


def grid(height, width):
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return x, y


@pytest.mark.parametrize("size", [(64, 64), (49, 72)], ids=str)
def test_resampling_against_a_picture_in_closed_form(size):
    height, width = size
    x, y = grid(height, width)
    matrices = placing.moved(draws(1.0, 12, seed=5), height, width).double()
    given = smooth(x, y, height, width).expand(12, 1, -1, -1)
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)[:, None, None]
    from_middle = torch.stack([x, y]) - middle
    for m, found in zip(matrices, warp(given, matrices), strict=True):
        place = torch.einsum("ij,jhw->ihw", m[:2, :2], from_middle) + m[:2, 2, None, None] + middle
        assert (found[0] - smooth(*place, height, width)).abs().max() < 0.02
        assert (found[0] - smooth(*place, height, width)).square().mean().sqrt() < 0.003


def test_resampling_against_scipy():
    rough = torch.randn(1, 1, 60, 60, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    given = torch.from_numpy(ndimage.gaussian_filter(rough[0, 0].numpy(), 3, mode="mirror"))
    given = given / given.std()
    for m in placing.moved(draws(1.0, 6, seed=8), 60, 60).double():
        linear = m[:2, :2].numpy()[::-1, ::-1]  # rows before columns
        offset = m[:2, 2].numpy()[::-1] + 29.5 - linear @ (29.5, 29.5)
        expected = ndimage.affine_transform(given.numpy(), linear, offset, order=3, mode="mirror")
        assert np.abs(warp(given[None, None], m[None])[0, 0].numpy() - expected).max() < 0.06


def test_what_is_resampled_stays_in_its_place(monkeypatch):
    x, y = grid(64, 64)
    given = smooth(x, y, 64, 64)[None, None]
    turned = warp(given, placing.scaling(-ONE, -ONE))
    assert (turned - given.flip(2, 3)).abs().max() < 0.005
    monkeypatch.setattr("mien.nn.ada.warping.ORIGIN", (len(wavelets.SYM6) - 1) / 2)  # as if the filter were symmetric
    assert (warp(given, placing.scaling(-ONE, -ONE)) - given.flip(2, 3)).abs().max() > 0.03


def test_what_is_too_fine_for_a_smaller_picture_is_taken_away():
    x, y = grid(64, 64)
    board = ((x + y) % 2 * 2 - 1)[None, None]
    smaller = warp(board, placing.scaling(1.6 * ONE, 1.6 * ONE))[..., 16:48, 16:48]
    assert smaller.square().mean().sqrt() < 0.05
    nearest = copy(board, placing.scaling(1.6 * ONE, 1.6 * ONE))[..., 16:48, 16:48]
    assert nearest.square().mean().sqrt() > 0.9


def test_no_change_is_no_change():
    assert torch.equal(placing.moved(draws(0.0, 5), 8, 8), torch.eye(3).expand(5, 3, 3))
    assert torch.equal(placing.copied(draws(0.0, 5), 8, 8), torch.eye(3).expand(5, 3, 3))
    assert log(2) == LN2
