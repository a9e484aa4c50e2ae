"""Skin that is pushed together."""

import numpy as np

from mien.geometry.drawing.crowding import carried

STRIPES = np.repeat(np.where(np.arange(120) % 2, 255, 0).astype(np.uint8), 80 * 3).reshape(120, 80, 3)


def at(down):
    y, x = np.mgrid[0 : 100 / down, 0:80].astype(np.float32)
    return np.stack([x, y * down], axis=-1)


def test_crowded_stripes_become_even():
    assert carried(STRIPES, at(2.0))[2:-2].std() < 0.25 * STRIPES.std()


def test_a_calm_map_keeps_every_pixel():
    np.testing.assert_array_equal(carried(STRIPES, at(1.0)), STRIPES[:100])
