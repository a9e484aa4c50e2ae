"""What a coarse generator changes, done to a finer photo: motion keeps detail, what is new is the generator's, the rest stays."""

import cv2
import numpy as np
import pytest

from mien.faces.align import Square, sample
from mien.faces.carrying import GRID
from mien.faces.redraw import change, redraw

SIZE = 320  #: pixels of the photo; the square is turned and lies inside
SQUARE = Square(162.0, 158.0, 120.0, 0.2)
EVERYWHERE = np.ones((64, 64), np.float32)
THERE = np.zeros((GRID, GRID, 2), np.float32)


@pytest.fixture(scope="module")
def photo():
    """Spots of many sizes."""
    rng = np.random.default_rng(0)
    layers = [cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE, 3)).astype(np.float32), (0, 0), s) * s for s in (1.2, 4, 12)]
    return np.clip(sum(layers) * 22 + 128, 0, 255).astype(np.uint8)


def warped(photo, strength=9.0):
    """Drawn towards the right around the middle of the square, by up to so many pixels."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    pull = strength * np.exp(-((x - SQUARE.x) ** 2 + (y - SQUARE.y) ** 2) / (2 * 30.0**2))
    return cv2.remap(photo, x - pull, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def seen(photo, size=64):
    """As a generator of so many pixels would draw it: a little dull and yellow."""
    return sample(photo, SQUARE, size).astype(np.float32) * [0.9, 0.9, 0.8] + [12, 10, 8]


def done(photo, before, after, reach=EVERYWHERE, meeting=THERE):
    picture = change(before.astype(np.float32), after.astype(np.float32), sample(photo, SQUARE, GRID).astype(np.float32), reach, meeting)
    return redraw(photo, SQUARE, picture)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(np.float64) - b) ** 2))


def test_no_change_is_the_photo_bit_for_bit(photo):
    assert np.array_equal(done(photo, seen(photo), seen(photo)), photo)


def test_nothing_changes_where_nothing_reaches(photo):
    reach = np.zeros((64, 64), np.float32)
    reach[24:40, 24:40] = 1.0
    out = done(photo, seen(photo), seen(warped(photo)), reach)
    y, x = np.mgrid[:SIZE, :SIZE]
    far = np.hypot(x - SQUARE.x, y - SQUARE.y) > 8 / 32 * SQUARE.half * 1.42 + 12
    assert np.array_equal(out[far], photo[far]) and (out != photo).any()


def test_what_moves_keeps_the_detail_that_the_generator_never_saw(photo):
    moved = warped(photo)
    out = done(photo, seen(photo), seen(moved))
    near = np.s_[108:208, 112:212]
    assert psnr(out[near], moved[near]) > psnr(photo[near], moved[near]) + 6
    fine = [np.abs(p[near].astype(np.float32) - cv2.GaussianBlur(p[near].astype(np.float32), (0, 0), 2)).mean() for p in (out, moved)]
    assert fine[0] > 0.8 * fine[1]


def test_what_is_new_is_the_generators_without_ghosts(photo):
    dark = photo.copy()
    cv2.circle(dark, (162, 158), 26, (40, 20, 20), -1)
    out = done(photo, seen(photo), seen(dark))
    inside = out[146:170, 150:174].astype(np.float32)
    assert np.abs(inside.mean(axis=(0, 1)) - [40, 20, 20]).max() < 25
    assert inside.std(axis=(0, 1)).max() < 0.35 * photo[146:170, 150:174].std(axis=(0, 1)).min()
    around = np.hypot(*(np.mgrid[:SIZE, :SIZE] - np.array([158, 162])[:, None, None])) > 42
    assert np.abs(out[around].astype(int) - photo[around]).max() <= 12


def test_a_generator_as_fine_as_the_photo_loses_nothing(photo):
    moved = warped(photo)
    cv2.circle(moved, (150, 150), 14, (200, 60, 60), -1)
    before, after = sample(photo, SQUARE, 512).astype(np.float32), sample(moved, SQUARE, 512).astype(np.float32)
    out = done(photo, before, after)
    assert psnr(out[100:216, 104:220], moved[100:216, 104:220]) > 30
