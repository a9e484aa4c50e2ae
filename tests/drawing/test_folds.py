"""Furrows are shades of the skin, not strokes."""

import numpy as np
import pytest

from mien.aus import AUShift
from mien.geometry.drawing import folds
from mien.geometry.drawing.shade import Light
from mien.geometry.drawing.warp import Grid
from mien.geometry.head import bundled

SCALE = 40.0  # pixels per cm
LIGHT = Light(0.6, np.array([0.0, 0.3, 0.4]), np.array([200.0, 150.0, 130.0]))


@pytest.fixture(scope="module")
def marks():
    head = bundled()
    return head.landmarks(head.mean)[:, :2].double().numpy() * [SCALE, -SCALE] + 500.0


def frown(marks, intensity: float) -> tuple[Grid, np.ndarray]:
    """The change of light between the brows, pixel by pixel."""
    middle = marks[9]
    grid = Grid(float(middle[0] - 80), float(middle[1] - 120), 1.0, 161, 241)
    change = AUShift.of({"AU04": intensity})
    return grid, folds.log_light(change, marks, light=LIGHT, grid=grid, scale=SCALE)


def test_furrows_of_a_frown_are_broad_soft_and_seen(marks):
    grid, shade = frown(marks, 5.0)
    across = shade[round(float(marks[8][1]) - grid.top)]
    for half in (across[:80], across[:79:-1]):
        depth = -half.min()
        assert 0.12 < depth < 0.35, "seen, but no stroke"
        assert (half < -depth / 2).sum() > 0.3 * SCALE, "broad"
        assert np.abs(np.diff(half)).max() < 0.04, "soft"
    assert across[78:82].max() > 0, "the skin between them bulges"


def test_furrows_taper_at_both_ends_and_grow_with_the_frown(marks):
    _, shade = frown(marks, 5.0)
    along = -shade[:, :80].min(axis=1)
    deepest = int(along.argmax())
    assert along[0] < 0.2 * along.max()
    assert np.abs(np.diff(along)).max() < 0.03 and 20 < deepest < 220
    assert frown(marks, 3.0)[1].min() == pytest.approx(0.6 * shade.min(), rel=0.02)
