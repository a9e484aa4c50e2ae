"""What the mirror does to a face: pixels, landmarks and action units together."""

import os
from pathlib import Path

import numpy as np
import pytest

from mien.aus import AXES, AUVector
from mien.data.mirror import mirrored, mirrored_landmarks, partners
from mien.data.renders import render
from mien.geometry import facemesh, head

POSE = (5.0, 20.0, -8.0)  # pitch, yaw, roll
EXPRESSION = AUVector.of({"AU12L": 5, "AU02R": 4, "AU17": 2, "AU61": 3})


@pytest.fixture(scope="module")
def drawn():
    return render(head.bundled(), aus=EXPRESSION, angles=POSE, size=192)


def test_partners_are_each_others_and_lie_on_the_other_side():
    other = partners()
    assert np.array_equal(other[other], np.arange(468))
    assert other[list(facemesh.LID_UPPER["R"])].tolist() == list(facemesh.LID_UPPER["L"])[::-1]
    assert other[list(facemesh.LIP_LOWER)].tolist() == list(facemesh.LIP_LOWER)[::-1]
    assert other[[facemesh.CHIN, facemesh.NOSE_TIP]].tolist() == [facemesh.CHIN, facemesh.NOSE_TIP]


@pytest.mark.data
def test_partners_are_those_of_the_published_mesh():
    path = Path(os.environ["MIEN_DATA"]) / "canonical_face_model.obj"
    vertices = np.array([line.split()[1:4] for line in path.read_text().splitlines() if line.startswith("v ")], dtype=float)
    apart = np.linalg.norm(vertices[:, None] * (-1, 1, 1) - vertices[None], axis=2)
    assert np.array_equal(partners(), apart.argmin(axis=1))


def test_labels_in_the_mirror_are_those_of_the_mirrored_head(drawn):
    """The head that is drawn with everything on the other side has the landmarks and the units that the mirror gives."""
    rgb, landmarks, units = mirrored(drawn.photo.rgb, drawn.face.landmarks, EXPRESSION.values)
    there = AUVector.of({"AU12R": 5, "AU02L": 4, "AU17": 2, "AU62": 3})
    assert AUVector(units) == there
    other = render(head.bundled(), aus=there, angles=(POSE[0], -POSE[1], -POSE[2]), size=192)
    side = np.ptp(landmarks[:, 0])
    expected = other.face.landmarks - (1, 0, 0)  # heads are drawn about size / 2, half a pixel right of the middle
    assert np.abs(landmarks - expected)[:, :2].max() < 0.004 * side
    wrong = np.abs(landmarks[:, :2] - drawn.face.landmarks[:, :2]).max()
    assert wrong > 0.1 * side
    assert rgb.flags["C_CONTIGUOUS"] and np.array_equal(rgb, drawn.photo.rgb[:, ::-1])


def test_landmarks_stay_on_their_pixels(drawn):
    dotted = drawn.photo.rgb.copy()
    x, y = drawn.face.landmarks[263, :2].round().astype(int)  # outer corner of the left eye
    dotted[y, x] = (255, 0, 0)
    rgb, landmarks, _ = mirrored(dotted, drawn.face.landmarks, EXPRESSION.values)
    x, y = landmarks[33, :2].round().astype(int)  # of the right eye
    assert rgb[y, x].tolist() == [255, 0, 0]


def test_twice_is_not_at_all(drawn):
    rgb, landmarks, units = mirrored(*mirrored(drawn.photo.rgb, drawn.face.landmarks, EXPRESSION.values))
    assert np.array_equal(rgb, drawn.photo.rgb) and np.array_equal(units, EXPRESSION.values)
    assert np.allclose(landmarks, drawn.face.landmarks, atol=1e-4)


def test_what_was_not_measured_changes_sides_too():
    known = np.where([axis == "AU06L" for axis in AXES], np.nan, 1.0)
    _, _, units = mirrored(np.zeros((2, 3, 3), np.uint8), np.zeros((468, 3)), known)
    assert np.flatnonzero(np.isnan(units)).tolist() == [AXES.index("AU06R")]
    assert mirrored_landmarks(np.zeros((468, 2)), 3)[:, 0].tolist() == [2.0] * 468
