"""Templates: where a crop looks, from its own definition; the published crops themselves are parity cases."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.errors import UsageError
from mien.faces.bilinear import pick
from mien.faces.templates import TEMPLATES, five_of, template

ARCFACE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
CELEBA = [(69.745, 111.0), (107.237, 111.0), (88.0, 130.0), (70.432, 152.514), (106.432, 152.514)]  # the nose does not count

similarities = st.builds(
    lambda scale, roll, x, y: np.array(
        [[scale * math.cos(roll), -scale * math.sin(roll), x], [scale * math.sin(roll), scale * math.cos(roll), y], [0, 0, 1]]
    ),
    st.floats(0.2, 9), st.floats(-math.pi, math.pi), st.floats(-300, 900), st.floats(-300, 900),
)  # fmt: skip


def face_with(five):
    """68 points whose eyes, tip of the nose and corners of the mouth are these."""
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    for part, place in zip((slice(36, 42), slice(42, 48), 30, 48, 54), five, strict=True):
        points[part] = place
    return points


def moved(matrix, points):
    return np.asarray(points) @ matrix[:2, :2].T + matrix[:2, 2]


@given(similarities)
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize(("name", "five"), [("arcface", ARCFACE), ("celeba", CELEBA)])
def test_a_face_that_is_a_moved_template_gives_that_movement_back(name, five, matrix):
    to_photo = template(name).to_photo(face_with(moved(matrix, five)))
    assert np.allclose(to_photo, matrix, atol=1e-8 * max(1.0, np.abs(matrix).max()))


@given(similarities, st.sampled_from(sorted(set(TEMPLATES) - {"deca"})))
@settings(max_examples=40, deadline=None)
def test_a_crop_goes_with_the_face_however_it_lies_in_the_photo(matrix, name):
    """DECA's alone does not: its box stays upright."""
    points = face_with(np.add(CELEBA, (3, 5)))
    here, there = (template(name).to_photo(p, 96) for p in (points, moved(matrix, points)))
    assert np.allclose(there, matrix @ here, atol=1e-6 * max(1.0, np.abs(matrix).max()))


@pytest.mark.parametrize("roll", [-0.4, 0.0, 0.7])
@pytest.mark.parametrize("name", TEMPLATES)
def test_crops_show_what_their_matrix_says(name, roll):
    """In a picture whose red is the column and green the row, up to what resampling does, away from the photo's edge."""
    y, x = np.mgrid[:240, :250]
    rgb = np.stack([x, y, 0 * x], axis=2).astype(np.uint8)
    turn = np.array([[math.cos(roll), -math.sin(roll), 120], [math.sin(roll), math.cos(roll), 120], [0, 0, 1]])
    points = moved(turn, face_with(np.add(ARCFACE, -70)) - [[20, 10]] * 68)
    width, height = template(name).size(96)
    crop = template(name).cut(rgb, points, 96).astype(float)
    assert crop.shape == (height, width, 3)
    y, x = np.mgrid[:height, :width]
    places = moved(template(name).to_photo(points, 96), np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(height, width, 2)
    inside = ((places > 12) & (places < 225)).all(axis=-1)
    assert inside.mean() > 0.5
    assert np.abs(crop[..., :2] - places)[inside].max() < 1.3


@pytest.mark.parametrize("name", TEMPLATES)
def test_another_size_frames_the_same_part_of_the_face(name):
    points = face_with(ARCFACE)
    small, large = (template(name).to_photo(points, width) for width in (template(name).width, 4 * template(name).width))
    (w, h), (w4, h4) = template(name).size(), template(name).size(4 * template(name).width)
    for corner, corner4 in (((-0.5, -0.5), (-0.5, -0.5)), ((w - 0.5, h - 0.5), (w4 - 0.5, h4 - 0.5))):
        assert np.allclose(moved(small, corner), moved(large, corner4), atol=0.3)


def test_decas_box_is_one_and_three_eighths_of_the_landmarks_with_its_corners_on_pixel_centres():
    points = np.random.default_rng(1).uniform(0, 1, (68, 2)) * (160, 120) + 50
    points[:2] = (50, 50), (210, 170)
    to_photo = template("deca").to_photo(points)
    side = int(140 * 1.1 * 1.25)
    assert np.allclose(moved(to_photo, [(0, 0), (223, 223)]), [(130 - side / 2, 110 - side / 2), (130 + side / 2, 110 + side / 2)])


def test_published_sizes_and_unknown_names():
    assert {name: t.size() for name, t in TEMPLATES.items()} == {
        "ffhq": (256, 256), "arcface": (112, 112), "celeba": (178, 218), "deca": (224, 224),
    }  # fmt: skip
    assert template("celeba").size(89) == (89, 109)
    assert five_of(face_with(ARCFACE)) == pytest.approx(np.array(ARCFACE))
    with pytest.raises(UsageError, match=r"'arcfce' is not one of .*did you mean 'arcface'"):
        template("arcfce")


def test_picked_pixels_are_between_their_neighbours_and_black_outside():
    rgb = np.zeros((4, 5, 3), np.uint8)
    rgb[1, 2] = (100, 200, 40)
    half = np.array([[1, 0, 0.5], [0, 1, 0.0], [0, 0, 1.0]])
    crop = pick(rgb, half, (5, 4))
    assert crop[1, 1].tolist() == crop[1, 2].tolist() == [50, 100, 20]
    assert (pick(np.full((4, 5, 3), 80, np.uint8), half, (5, 4))[:, 4] == 40).all()
