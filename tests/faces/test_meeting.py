"""Where a generator's picture of a face is beside the face of the photo, it is laid over it."""

import cv2
import numpy as np
import pytest

from mien.data.renders import render
from mien.faces.align import Square, five_points, sample
from mien.faces.carrying import GRID
from mien.faces.landmarks import landmarker
from mien.faces.meeting import laid_over, meet
from mien.geometry import head


@pytest.fixture(scope="module")
def photo():
    """A picture, the landmarks that are found in it, and the square around its face."""
    rgb = render(head.bundled(), size=256, seed=1).photo.rgb
    face = landmarker().place(rgb, Square.of_image(rgb))
    return rgb, face.landmarks, Square.of_five(five_points(face.landmarks))


def apart(one, other):
    """Mean difference in grey levels in the middle of two pictures, where the face is."""
    inside = np.s_[GRID // 4 : 3 * GRID // 4, GRID // 4 : 3 * GRID // 4]
    return np.abs(one[inside] - other[inside]).mean()


def test_a_picture_beside_the_photo_is_brought_to_it(photo):
    """Drawn 5 % of the side too far right and 4 % too low, and coarsely."""
    rgb, landmarks, square = photo
    right = sample(rgb, square, 64).astype(np.float32)
    shifted = cv2.warpAffine(right, np.array([[1, 0, 3.2], [0, 1, 2.6]]), (64, 64), borderMode=cv2.BORDER_REPLICATE)
    found = meet(shifted, landmarks, square)
    assert found[GRID // 2, GRID // 2] == pytest.approx([3.2 / 64, 2.6 / 64], abs=0.01)
    there = sample(rgb, square, GRID).astype(np.float32)
    upright = cv2.resize(shifted, (GRID, GRID), interpolation=cv2.INTER_CUBIC)
    before, after = apart(upright, there), apart(laid_over(shifted, found), there)
    assert after < 0.6 * before


def test_one_that_is_there_stays_nearly_so(photo):
    rgb, landmarks, square = photo
    found = meet(sample(rgb, square, 128).astype(np.float32), landmarks, square)
    assert np.abs(found).max() < 0.015


def test_without_a_face_nothing_is_moved(photo):
    _, landmarks, square = photo
    grey = np.full((64, 64, 3), 90, np.float32)
    grey[20:40, 30:] = 60
    assert not meet(grey, landmarks, square).any()


def test_laid_over_nothing_it_is_as_fine_as_it_was():
    picture = np.random.default_rng(0).uniform(0, 255, (300, 300, 3)).astype(np.float32)
    assert np.array_equal(laid_over(picture, np.zeros((GRID, GRID, 2), np.float32)), picture)
