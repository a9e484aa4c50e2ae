"""Cut and paste: what is cut and put back unchanged is the photo again, and nothing else moves."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.align import Square, carry, cut, sample
from mien.faces.paste import paste
from mien.geometry import head
from mien.types import Crop, CropSpec, Drawn, Face, Photo

SIDE = 96  # pixels of the crops that are turned
CENTRES = st.floats(-10, 110)  # of photos that are at least 40 x 40: over their edges too
SQUARES = st.builds(Square, x=CENTRES, y=CENTRES, half=st.floats(12, 90), roll=st.floats(-np.pi, np.pi))
LAYOUT = head.bundled().landmarks(head.bundled().mean).numpy()


@st.composite
def photos(draw, sigma=0.0):
    """A photo of noise; `sigma` pixels smooth it, with its full contrast."""
    shape = (draw(st.integers(40, 120)), draw(st.integers(40, 120)), 3)
    noise = np.random.default_rng(draw(st.integers(0, 2**32))).uniform(size=shape)
    if sigma:
        noise = cv2.GaussianBlur(noise, (0, 0), sigma)
    return Photo(cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8))


@st.composite
def mattes(draw, height, width):
    """A matte with a hole, an edge of shares, and a full part."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    smooth = cv2.GaussianBlur(rng.uniform(size=(height, width)), (0, 0), draw(st.floats(2, 8)))
    return np.clip(cv2.normalize(smooth, None, -1, 2, cv2.NORM_MINMAX), 0, 1).astype(np.float32)


@st.composite
def native_crops(draw):
    """A photo, and a face in it cut at the photo's own pixels."""
    photo = draw(photos())
    scale, x, y = draw(st.floats(0.5, 6)), draw(CENTRES), draw(CENTRES)
    face = Face((0.0, 0.0, 1.0, 1.0), 1.0, LAYOUT * np.array([scale, -scale, -scale]) + np.array([x, y, 0.0]))
    return photo, cut(photo, face, CropSpec(margin=draw(st.floats(0, 1))))


def turned(photo, square, size=SIDE):
    """The square as an aligned crop; what it shows of whom does not matter."""
    return Crop(sample(photo.rgb, square, size), square.to_photo(size), Face((0.0, 0.0, 1.0, 1.0), 1.0, np.zeros((468, 3))))


def inside(photo, square, by=0.0):
    """Which pixels of a photo lie in a square, further from its edges than `by` pixels."""
    y, x = np.mgrid[: photo.size[1], : photo.size[0]]
    level = carry(np.linalg.inv(square.to_photo(2)), np.stack([x, y], axis=-1).astype(float)) - 0.5  # -1..1 from edge to edge
    return (np.abs(level) < 1 - by / square.half).all(axis=-1)


def full(rgb, value=1.0):
    return Drawn(rgb, np.full(rgb.shape[:2], value, np.float32))


@given(photos(), SQUARES)
def test_an_empty_matte_leaves_every_bit(photo, square):
    crop = turned(photo, square)
    assert np.array_equal(paste(photo, [crop], [full(255 - crop.rgb, 0.0)]), photo.rgb)


@given(native_crops(), st.data())
def test_a_crop_at_the_photos_own_pixels_comes_back_bit_for_bit_under_any_matte(cropped, data):
    photo, crop = cropped
    matte = data.draw(mattes(*crop.rgb.shape[:2]))
    assert np.array_equal(paste(photo, [crop], [Drawn(crop.rgb, matte)]), photo.rgb)


@given(native_crops(), st.data())
def test_a_crop_at_the_photos_own_pixels_is_blended_by_its_matte_and_nothing_else_moves(cropped, data):
    photo, crop = cropped
    matte = data.draw(mattes(*crop.rgb.shape[:2]))
    left, top = crop.to_photo[:2, 2].astype(int)
    expected = photo.rgb.astype(float)
    part = expected[top : top + matte.shape[0], left : left + matte.shape[1]]
    part += matte[..., None] * (255.0 - 2 * part)
    assert np.abs(paste(photo, [crop], [Drawn(255 - crop.rgb, matte)]) - expected).max() <= 0.51


@settings(max_examples=60)
@given(photos(sigma=6.0), SQUARES)
def test_a_turned_crop_comes_back_within_the_loss_of_resampling(photo, square):
    crop = turned(photo, square)
    error = np.abs(paste(photo, [crop], [full(crop.rgb)]).astype(int) - photo.rgb)
    assert not error[~inside(photo, square, by=-2 - square.half / SIDE)].any()  # not a bit beyond the square
    assert error.max() <= 12
    assert error.mean() <= 1.0


@settings(max_examples=60)
@given(photos(), SQUARES)
def test_a_turned_crop_is_laid_where_it_was_cut(photo, square):
    crop = turned(photo, square)
    painted = paste(photo, [crop], [full(np.full_like(crop.rgb, 77))])
    edge = 1.5 + 2 * square.half / SIDE
    assert (painted[inside(photo, square, by=edge)] == 77).all()
    away = ~inside(photo, square, by=-edge)
    assert np.array_equal(painted[away], photo.rgb[away])


def test_the_later_of_two_faces_lies_on_top():
    photo = Photo(np.full((60, 60, 3), 10, np.uint8))
    crops = [turned(photo, Square(x, 30.0, 12.0, 0.3)) for x in (24.0, 34.0)]
    both = paste(photo, crops, [full(np.full_like(crop.rgb, value)) for crop, value in zip(crops, (100, 200), strict=True)])
    assert both[30, [5, 16, 29, 40], 0].tolist() == [10, 100, 200, 200]
