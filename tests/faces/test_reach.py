"""How far edits reach over a face."""

import numpy as np
import pytest

from mien import registry
from mien.aus import AUShift
from mien.faces import reach
from mien.faces.align import Square, carry, five_points

BROWS, MOUTH, CHIN = (70, 105, 334, 300), (61, 291, 13, 17), (152,)


@pytest.fixture(scope="module")
def face(drawn_smile):
    """Landmarks and pose of a turned face, and its square."""
    from mien.faces import align
    from mien.protocols import CropSpec

    points = drawn_smile.face.landmarks.astype(np.float64)
    (head,) = registry.capture("fit").capture([align.cut(drawn_smile.photo, drawn_smile.face, CropSpec())])
    return points[:, :2], head.pose, Square.of_five(five_points(points))


def at(field, points, square, numbers):
    inside = carry(np.linalg.inv(square.to_photo(reach.GRID)), points[list(numbers)]).round().astype(int)
    return field[inside[:, 1], inside[:, 0]]


def test_a_smile_reaches_the_mouth_and_brows_the_brows(face):
    points, pose, square = face
    smile, brows = (reach.of_change(AUShift.of(change), points, pose, square) for change in ({"AU12": 3}, {"AU01": 3, "AU02": 3}))
    assert at(smile, points, square, MOUTH[:2]).min() > 0.9 and at(smile, points, square, BROWS).max() == 0
    assert at(brows, points, square, BROWS).min() > 0.9 and at(brows, points, square, MOUTH).max() == 0


def test_a_jaw_reaches_where_the_chin_goes_to(face):
    points, pose, square = face
    little, wide = (reach.of_change(AUShift.of({"AU27": steps}), points, pose, square) for steps in (0.5, 5))
    below = points + np.array([0, pose.scale])
    assert at(wide, below, square, CHIN)[0] > at(little, below, square, CHIN)[0] + 0.3


def test_one_side_reaches_its_side(face):
    points, pose, square = face
    left = reach.of_change(AUShift.of({"AU12L": 3}), points, pose, square)
    assert at(left, points, square, (291,)) > 0.9 and at(left, points, square, (61,)) < 0.3


def test_it_ends_before_the_square_does_and_is_nothing_for_nothing(face):
    points, pose, square = face
    whole = reach.of_face(points, square.scaled(0.5))
    assert whole.max() == 1 and whole.min() == 0
    assert not whole[0].any() and not whole[-1].any() and not whole[:, 0].any() and not whole[:, -1].any()
    assert not reach.of_change(AUShift.of({}), points, pose, square).any()
