"""Margins of an open mouth, and what is left of its inside when it closes, on mouths painted here."""

import numpy as np
import pytest

from mien.geometry import facemesh
from mien.geometry.drawing import between, margins, remains
from mien.geometry.drawing.slit import Frame, slit

SKIN, LIP, TEETH, DARK = (200, 150, 125), (175, 95, 90), (225, 215, 200), (30, 10, 10)
SCALE = 20.0  # pixels per cm
TOP, LOW = 20.0, 30.0  # pixels from the line of the corners to the margins, in the middle


def bow(x):
    return np.sqrt(np.clip(1 - ((x - 150) / 60) ** 2, 0, None))


def mouth(skin=SKIN, teeth=TEETH):
    """A mouth with teeth over dark between two lips 12 pixels thick, on plain skin with a little noise."""
    y, x = np.mgrid[:300, :300].astype(float)
    arch, lip = bow(x), 12 * np.sqrt(np.clip(1 - ((x - 150) / 75) ** 2, 0, None))
    rgb = np.full((300, 300, 3), skin, float)
    rgb[(y > 160 - TOP * arch - lip) & (y < 160 + LOW * arch + lip) & (lip > 0)] = LIP
    inside = (y > 160 - TOP * arch) & (y < 160 + LOW * arch)
    rgb[inside] = np.where((y < 155)[..., None], teeth, DARK)[inside]
    return np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photo():
    return mouth()


def landmarks(up, down):
    """468 landmarks that see the upper margin `up` and the lower one `down` pixels too low."""
    out = np.full((facemesh.COUNT, 2), 40.0)
    x = np.linspace(92.0, 208.0, 11)
    taper = np.array([0, *np.ones(9), 0])
    out[list(facemesh.LIP_UPPER)] = np.stack([x, 160 - TOP * bow(x) + up * taper], 1)
    out[list(facemesh.LIP_LOWER)] = np.stack([x, 160 + LOW * bow(x) + down * taper], 1)
    out[list(facemesh.LIP_UPPER_OUTLINE)] = np.stack([x, 160 - (TOP + 12) * bow(x) + up * taper], 1)
    out[list(facemesh.LIP_LOWER_OUTLINE)] = np.stack([x, 160 + (LOW + 12) * bow(x) + down * taper], 1)
    return out


@pytest.mark.parametrize(("skin", "up", "down"), [
    (SKIN, 0, 0), (SKIN, 0, 7), (SKIN, 4, -9), (SKIN, -5, 8), (SKIN, 0, 16), (TEETH, 0, 0), (TEETH, -5, 7),
])  # fmt: skip
def test_margins_are_found_where_teeth_and_depth_end(skin, up, down):
    found = margins.refine(mouth(skin), landmarks(up, down), SCALE)
    x = found[list(facemesh.LIP_LOWER)][2:-2]
    assert np.abs(x[:, 1] - (160 + LOW * bow(x[:, 0]))).max() < 3.0
    x = found[list(facemesh.LIP_UPPER)][2:-2]
    assert np.abs(x[:, 1] - (160 - TOP * bow(x[:, 0]))).max() < 3.0


def test_a_lip_keeps_its_thickness_when_its_margin_is_corrected(photo):
    before = landmarks(0, 8)
    after = margins.refine(photo, before, SCALE)
    inner, outer = facemesh.LIP_LOWER[5], facemesh.LIP_LOWER_OUTLINE[5]
    assert after[inner, 1] - before[inner, 1] < -5
    assert after[outer, 1] - after[inner, 1] == pytest.approx(before[outer, 1] - before[inner, 1], abs=0.5)


@pytest.fixture(scope="module")
def opening():
    """A slit that stops 7 pixels short of either corner."""
    x = np.linspace(97.0, 203.0, 11)
    axes = Frame(np.array([150.0, 160.0]), np.array([1.0, 0.0]))
    return slit(np.stack([x, 160 - TOP * bow(x)], 1), np.stack([x, 160 + LOW * bow(x)], 1), axes)


def test_lips_and_skin_are_neither_teeth_nor_depth(photo, opening):
    told = between.look(photo, landmarks(0, 0), opening, SCALE)
    colours = np.array([[TEETH, DARK, LIP, SKIN]], np.float32)
    assert np.array_equal(told.share(colours, np.zeros((1, 4, 2))).round()[0], [1, 1, 0, 0])


def test_a_dark_mouth_shows_no_teeth(opening):
    told = between.look(mouth(teeth=DARK), landmarks(0, 0), opening, SCALE)
    colours = np.array([[TEETH, DARK, LIP, SKIN]], np.float32)
    assert np.array_equal(told.share(colours, np.zeros((1, 4, 2))).round()[0], [0, 1, 0, 0])


def test_what_is_left_of_the_corners_becomes_skin(photo, opening):
    left = remains.look(photo, landmarks(0, 0), opening, SCALE)
    y, x = np.mgrid[100:220, 60:240].astype(np.float32)
    canvas = photo[100:220, 60:240].astype(np.float32)
    corners = np.abs(x - 150) > 40
    corner = canvas[59:62, 34:38].copy()
    assert corner.mean() < 120
    remains.clear(canvas, left, np.stack([x, y], -1), corners, SCALE)
    assert canvas[59:62, 34:38].mean() > 110 and canvas[59:62, 34:38].min() > 60
    middle = np.s_[40:80, 70:110]
    assert np.array_equal(canvas[middle], photo[100:220, 60:240][middle].astype(np.float32))
