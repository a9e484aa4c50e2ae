"""Squares and crops: what a crop shows is where its matrix says."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.align import MOUTH, NOSE, OUTER_EYES, Square, carry, cut, five_points, sample
from mien.types import CropSpec, Face, Photo

LEFT_TO_RIGHT, TOP_TO_BOTTOM = (3.0, -1.0), (40.0, 180.0)


def ramp(width: int, height: int) -> np.ndarray:
    """A picture whose red is the column and whose green is the row, so that pixels say where they come from."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)


def face_at(centre: tuple[float, float], half: float, roll: float = 0.0) -> Face:
    """A face whose landmarks lie on a grid; the five points that align it are where they are on a person."""
    grid = np.stack(np.meshgrid(np.linspace(-0.8, 0.8, 26), np.linspace(-0.8, 0.8, 18)), axis=-1).reshape(468, 2)
    for index, place in {33: (-0.5, -0.3), 133: (-0.2, -0.3), 362: (0.2, -0.3), 263: (0.5, -0.3), NOSE: (0, 0)}.items():
        grid[index] = place
    grid[MOUTH[0]], grid[MOUTH[1]] = (-0.25, 0.4), (0.25, 0.4)
    points = np.concatenate([grid, np.zeros((468, 1))], axis=1)
    landmarks = carry(Square(*centre, half, roll).to_photo(2), points + np.array([0.5, 0.5, 0.0]))
    low, size = landmarks[:, :2].min(axis=0), np.ptp(landmarks[:, :2], axis=0)
    return Face((*map(float, low), *map(float, size)), 1.0, landmarks)


squares = st.builds(Square, st.floats(60, 180), st.floats(60, 180), st.floats(5, 50), st.floats(-math.pi, math.pi))


@given(squares)
@settings(max_examples=40, deadline=None)
def test_each_pixel_of_a_sample_comes_from_where_its_matrix_says(square):
    size = 48
    crop = sample(ramp(250, 250), square, size).astype(float)
    y, x = np.mgrid[:size, :size]
    places = carry(square.to_photo(size), np.stack([x, y], axis=-1).reshape(-1, 2).astype(float)).clip(0, 249)
    assert np.abs(crop[..., :2].reshape(-1, 2) - places).max() < 1.1


@given(squares)
@settings(max_examples=40, deadline=None)
def test_a_square_is_found_again_around_its_own_corners(square):
    corners = carry(square.to_photo(2), np.array([[-0.5, -0.5], [1.5, 1.5]]))
    assert np.allclose(corners.mean(axis=0), (square.x, square.y))
    assert math.isclose(np.hypot(*(corners[1] - corners[0])), square.half * 2 * math.sqrt(2), rel_tol=1e-9)


@given(squares)
@settings(max_examples=40, deadline=None)
def test_carry_and_its_inverse_leave_points_where_they_were(square):
    points = np.random.default_rng(0).normal(size=(468, 3)) * 50
    matrix = square.to_photo(128)
    assert np.allclose(carry(np.linalg.inv(matrix), carry(matrix, points)), points)


def test_a_large_square_is_averaged_not_skipped_through():
    stripes = np.zeros((1200, 1200, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    crop = sample(stripes, Square(600, 600, 500, 0.3), 64)
    assert np.abs(crop.astype(int) - 100).max() <= 20  # picked pixels would be off by 100


def test_beyond_the_photo_its_edge_goes_on():
    crop = sample(np.full((40, 40, 3), 77, dtype=np.uint8), Square(0, 0, 200), 32)
    assert (crop == 77).all()


def test_ffhq_framing_levels_the_eyes_of_a_tilted_face():
    face = face_at((300.0, 200.0), 80.0, roll=0.4)
    square = Square.of_five(five_points(face.landmarks))
    inside = carry(np.linalg.inv(square.to_photo(100)), five_points(face.landmarks))
    assert abs(inside[0, 1] - inside[1, 1]) < 1e-6
    assert inside[0, 0] < inside[1, 0]
    assert inside[3, 1] > inside[0, 1]


def test_around_follows_a_turned_and_scaled_face():
    upright, turned = (Square.around(face_at((100.0, 100.0), half, roll).landmarks) for half, roll in ((40.0, 0.0), (80.0, 0.7)))
    assert math.isclose(turned.roll - upright.roll, 0.7, abs_tol=1e-9)
    assert math.isclose(turned.half / upright.half, 2.0, rel_tol=1e-9)


def test_a_native_crop_is_the_photos_own_pixels():
    photo = Photo(ramp(200, 150))
    face = face_at((120.0, 70.0), 30.0)
    crop = cut(photo, face, CropSpec())
    left, top = crop.to_photo[:2, 2].astype(int)
    height, width = crop.rgb.shape[:2]
    assert np.array_equal(crop.rgb, photo.rgb[top : top + height, left : left + width])
    assert np.array_equal(crop.to_photo[:2, :2], np.eye(2))
    low, high = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)
    assert (np.array([left, top]) <= low - 0.6 * (high - low) + 1).all()
    assert left + width >= high[0] + 0.6 * (high - low)[0] - 1
    assert crop.face is face


def test_a_native_crop_of_a_face_that_leaves_the_photo_stays_inside():
    photo = Photo(ramp(100, 80))
    for centre in ((0.0, 0.0), (99.0, 79.0), (150.0, 40.0)):
        crop = cut(photo, face_at(centre, 20.0), CropSpec())
        assert min(crop.rgb.shape[:2]) >= 1


def test_a_sized_crop_does_not_depend_on_how_the_head_is_tilted():
    texture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8), (0, 0), 6)
    turn = cv2.getRotationMatrix2D((200, 200), -25, 1.0)
    tilted = cv2.warpAffine(texture, turn, (400, 400), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    face = face_at((200.0, 200.0), 50.0)
    moved = Face(face.box, 1.0, carry(np.vstack([turn, [0, 0, 1]]), face.landmarks))
    straight, levelled = (cut(Photo(rgb), f, CropSpec(size=96)) for rgb, f in ((texture, face), (tilted, moved)))
    assert np.abs(straight.rgb.astype(int) - levelled.rgb.astype(int)).mean() < 1.5
    assert straight.rgb.shape == (96, 96, 3)


@pytest.mark.parametrize("roll", [-0.5, 0.0, 0.5])
def test_landmarks_reach_a_sized_crop_and_come_back(roll):
    face = face_at((90.0, 110.0), 40.0, roll)
    crop = cut(Photo(ramp(200, 200)), face, CropSpec(size=128))
    inside = carry(np.linalg.inv(crop.to_photo), face.landmarks)
    right, left = inside[list(OUTER_EYES), :2]
    assert 0 < right[0] < left[0] < 128
    assert np.allclose(carry(crop.to_photo, inside), face.landmarks)
