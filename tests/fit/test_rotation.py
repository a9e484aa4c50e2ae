import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.geometry import rotation

degrees = st.floats(-80, 80)
FORWARD, UP = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])


@given(degrees, degrees, degrees)
def test_angles_survive_a_round_trip(pitch, yaw, roll):
    angles = np.array([pitch, yaw, roll])
    matrix = rotation.from_angles(angles)
    assert np.allclose(matrix @ matrix.T, np.eye(3))
    assert np.isclose(np.linalg.det(matrix), 1)
    assert np.allclose(rotation.to_angles(matrix), angles)


@pytest.mark.parametrize(
    ("angles", "vector", "goes"),
    [
        ((30, 0, 0), FORWARD, UP),  # looking up: the nose goes up
        ((0, 30, 0), FORWARD, [-1, 0, 0]),  # turned to the subject's right: the nose goes to the viewer's left
        ((0, 0, 30), UP, [1, 0, 0]),  # tilted clockwise: the top of the head goes to the viewer's right
    ],
)
def test_signs_are_as_documented(angles, vector, goes):
    moved = rotation.from_angles(np.array(angles, float)) @ vector
    assert moved @ np.array(goes, float) == pytest.approx(0.5)


@given(degrees, degrees, degrees, st.floats(-60, 60))
def test_turning_the_picture_changes_the_roll_alone(pitch, yaw, roll, turn):
    picture = rotation.from_angles(np.array([0, 0, turn]))
    angles = rotation.to_angles(picture @ rotation.from_angles(np.array([pitch, yaw, roll])))
    assert np.allclose(angles, [pitch, yaw, roll + turn])


def test_many_at_once_equal_one_by_one():
    angles = np.random.default_rng(0).uniform(-60, 60, (5, 3))
    assert np.array_equal(rotation.from_angles(angles), np.stack([rotation.from_angles(a) for a in angles]))


def test_a_rotation_vector_turns_about_itself_by_its_length():
    vector = np.array([0.3, -0.2, 0.5])
    matrix = rotation.from_vector(vector)
    assert np.allclose(matrix @ vector, vector)
    assert np.trace(matrix) == pytest.approx(1 + 2 * np.cos(np.linalg.norm(vector)))
    assert np.array_equal(rotation.from_vector(np.zeros(3)), np.eye(3))
