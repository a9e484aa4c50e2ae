"""What FG-Net learns to draw: hills on landmarks, at any size, for any action units."""

import numpy as np
import pytest

from mien import aus
from mien.data import heatmaps, mirror
from mien.data.heatmaps import CENTRES, SEEN, targets
from mien.errors import DataError
from mien.tables import LANDMARK68

ALL = tuple(CENTRES)


@pytest.fixture(scope="module")
def landmarks(drawn):
    """The 468 of a face from the front, in a crop of 256 pixels."""
    found = drawn.face.landmarks.copy()
    found[:, :2] *= SEEN / drawn.photo.rgb.shape[1]
    return found


@pytest.fixture(scope="module")
def points(landmarks):
    return landmarks[LANDMARK68, :2]


def test_a_unit_that_is_there_is_a_hill_and_one_that_is_not_a_hole(points):
    present = np.arange(len(ALL)) % 2 == 0
    drawn = targets(points, present, ALL, 128)
    assert drawn.shape == (len(ALL), 128, 128) and drawn.dtype == np.float32
    assert np.all(drawn[present] >= 0) and np.all(drawn[~present] <= 0)
    assert np.all(np.abs(drawn).max((1, 2)) > 0.99)
    assert np.array_equal(targets(points, ~present, ALL, 128), -drawn)


def test_hills_stand_on_their_landmarks_and_end_where_they_are_low(points):
    far = points * 0 + [-500.0, -500.0]
    far[48] = 100, 120  # the right corner of the lips alone is in the picture
    (drawn,) = targets(far, np.array([True]), ["AU12"], 64)
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (30, 25) and drawn.max() == 1
    distance = np.linalg.norm(np.indices((64, 64)) - np.array([30, 25])[:, None, None], axis=0)
    assert np.allclose(drawn[30, 35], np.exp(-0.5))  # one spread away: 10 cells of 64
    assert drawn[drawn > 0].min() >= 0.01 and np.all(drawn[distance > 31] == 0)


@pytest.mark.parametrize("size", [16, 32, 48, 64, 128])
def test_other_sizes_show_the_same(points, size):
    """FG-Net moves landmarks to its cells at 128 and 64 alone, and has one spread for all sizes."""
    present = np.ones(len(ALL), dtype=bool)
    finer = targets(points, present, ALL, 2 * size)
    assert np.allclose(targets(points, present, ALL, size), finer[:, ::2, ::2], atol=1e-6)
    assert np.array_equal(targets(points / 2, present, ALL, size, seen=SEEN // 2), targets(points, present, ALL, size))


def test_every_unit_has_a_place_on_the_face(points):
    assert {aus.column(unit) for unit in aus.NAMES} == set(ALL)
    assert not heatmaps.PUBLISHED.keys() & heatmaps.CHOSEN.keys()
    places = heatmaps.centres(points, ALL)
    assert np.all(points.min(0) <= places) and np.all(places <= points.max(0))
    apart = np.linalg.norm(places[:, 0] - places[:, 1], axis=1)
    assert np.all(apart > 0.03 * SEEN)


def test_a_mirror_shows_mirrored_heatmaps(landmarks):
    size = 64
    landmarks = landmarks * [size / SEEN, size / SEEN, 1]
    flipped = mirror.mirrored_landmarks(landmarks, size)
    drawn, mirrored = (targets(each[LANDMARK68, :2], np.ones(len(ALL), bool), ALL, size, seen=size) for each in (landmarks, flipped))
    assert np.abs(drawn[:, :, ::-1] - mirrored).max() < 0.05
    assert np.abs(drawn - mirrored).max() > 0.1


@pytest.mark.parametrize("unit", ["AU12L", "AU99", "12"])
def test_what_has_no_place_is_named(points, unit):
    with pytest.raises(DataError, match=rf"a heatmap's unit '{unit}' is not one of AU01, AU02"):
        targets(points, np.array([True, True]), ["AU01", unit], 64)
