"""Warped training pictures: pixels go where the landmarks go. On a grid of landmarks, and on real faces where the data is."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.augment import degraded
from mien.data.warps import FaceWarper, _outline, _strip

COLUMNS, ROWS = 26, 18


@pytest.fixture(scope="module")
def warper():
    """A flat 'face' of 26 x 18 landmarks with the same skirt as a real one."""
    index = np.arange(COLUMNS * ROWS).reshape(ROWS, COLUMNS)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    triangles = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    outline = _outline(triangles)
    rings = [outline, 468 + np.arange(len(outline)), 468 + len(outline) + np.arange(len(outline))]
    mean = np.stack([*np.meshgrid(np.linspace(-7, 7, COLUMNS), np.linspace(9, -9, ROWS)), np.zeros((ROWS, COLUMNS))], axis=-1).reshape(
        468, 3
    )
    mean[:, 2] = 8 - 0.1 * (mean[:, :2] ** 2).sum(axis=1)
    return FaceWarper(
        triangles=np.concatenate([triangles, _strip(rings[0], rings[1]), _strip(rings[1], rings[2])]),
        outline=outline,
        mean=mean,
        identities=np.zeros((2, 468, 3)),
        trusted=np.arange(468),
    )


@pytest.fixture
def landmarks(warper):
    return warper.mean * (6, -6, -6) + (128, 128, 0)


@pytest.fixture
def picture():
    texture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    return cv2.GaussianBlur(texture, (0, 0), 4)


def test_the_outline_of_a_grid_is_its_border(warper):
    assert len(warper.outline) == 2 * (COLUMNS + ROWS) - 4
    assert len(set(warper.outline.tolist())) == len(warper.outline)


def test_landmarks_that_stay_leave_the_picture_as_it_is(warper, picture, landmarks):
    same = warper.repaint(picture, landmarks, landmarks)
    assert np.abs(same.astype(int) - picture).max() <= 2


def test_the_picture_inside_goes_with_the_landmarks_and_outside_stays(warper, picture, landmarks):
    moved = landmarks + np.array([6, -4, 0])
    warped = warper.repaint(picture, landmarks, moved).astype(int)
    assert np.abs(warped[96:156, 106:166] - picture[100:160, 100:160]).max() <= 3
    assert np.array_equal(warped[:8], picture[:8])


def test_pose_is_recovered_from_landmarks(warper, landmarks):
    rotation, scale = warper._pose(landmarks)
    assert np.allclose(rotation, np.eye(3), atol=1e-6)
    assert scale == pytest.approx(6.0)


def test_displacements_are_reproducible_and_keep_to_the_face(warper, landmarks):
    one, two = (warper.displaced(landmarks, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one, two)
    for seed in range(20):
        moved = warper.displaced(landmarks, np.random.default_rng(seed))
        assert np.abs(moved[warper.outline].mean(axis=0) - landmarks[warper.outline].mean(axis=0))[:2].max() < 12


def test_degraded_pictures_keep_their_shape_and_are_reproducible(picture):
    for seed in range(40):
        one, two = (degraded(picture, np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == picture.shape
        assert one.dtype == np.uint8
        assert np.array_equal(one, two)
    assert not np.array_equal(degraded(picture, np.random.default_rng(1)), degraded(picture, np.random.default_rng(2)))


@pytest.mark.data
def test_a_face_is_turned_posed_and_labelled(tmp_path):
    from mien.data.labelled import label_faces, people
    from mien.metrics.landmarks import point_errors

    data = Path(os.environ["MIEN_DATA"])
    jobs = people(data, "val", count=8, drawn=0, seed=1)[:1]
    faces = label_faces(tmp_path / "faces", jobs, what="test", workers=1)
    again = label_faces(tmp_path / "faces", [], what="test", workers=1)
    assert 4 <= len(faces) <= 8
    assert len(again) == len(faces)
    assert faces.images[0].std() > 10
    assert all(point_errors(points.astype(float), faces.landmarks[0].astype(float)).mean() < 0.6 for points in faces.landmarks)
    assert np.abs(faces.landmarks[..., :2] - 96).max() < 150
