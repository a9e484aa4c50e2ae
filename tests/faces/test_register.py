"""Landmarks that are followed by pixels, through warps that are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.faces.register import follow
from mien.types import Crop

CHEEK, NOSE, INNER_LIP = 50, 1, 13


@pytest.fixture(scope="module")
def reference(drawn):
    return Crop(drawn.photo.rgb, np.eye(3), drawn.face)


def warped(crop, move):
    """The crop with the pixel at p moved to p + move(p), for smooth small moves; its landmarks stay, as if the network saw nothing."""
    grid = np.stack(np.meshgrid(*map(np.arange, crop.rgb.shape[1::-1])), axis=-1).astype(np.float32)
    return replace(
        crop, rgb=cv2.remap(crop.rgb, grid - move(grid).astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    )


def bump(crop, point, by):
    middle = crop.face.landmarks[point, :2]
    return lambda p: np.exp(-((p - middle) ** 2).sum(-1, keepdims=True) / (2 * 18.0**2)) * np.array(by)


def test_the_same_picture_moves_nothing(reference):
    found = follow(reference, reference)
    np.testing.assert_allclose(found.landmarks, reference.face.landmarks, atol=0.02)
    assert found.trust.mean() > 0.8


@pytest.mark.parametrize("by", [(3.0, -2.0), (-1.0, 0.5)])
def test_a_movement_that_the_network_missed_is_seen(reference, by):
    found = follow(warped(reference, bump(reference, CHEEK, by)), reference)
    moved = found.landmarks[:, :2] - reference.face.landmarks[:, :2]
    np.testing.assert_allclose(moved[CHEEK], by, atol=0.25 * np.hypot(*by))
    assert np.abs(moved[NOSE]).max() < 0.3


def test_another_light_changes_nothing(reference):
    shade = np.linspace(0.6, 1.1, reference.rgb.shape[1])[None, :, None]
    darker = replace(reference, rgb=(reference.rgb * shade).clip(0, 255).astype(np.uint8))
    moved = follow(darker, reference).landmarks - reference.face.landmarks
    assert np.median(np.linalg.norm(moved[:, :2], axis=1)) < 0.6


def test_a_turned_and_smaller_picture_is_found(reference):
    map_ = cv2.getRotationMatrix2D((190.0, 190.0), 20.0, 0.8)
    points = reference.face.landmarks.copy()
    points[:, :2] = cv2.transform(points[None, :, :2], map_)[0]
    picture = cv2.warpAffine(reference.rgb, map_, (384, 384), borderMode=cv2.BORDER_REFLECT)
    off = points + np.array([2.0, -1.0, 0.0])  # the network misses by a little, everywhere
    found = follow(Crop(picture, np.eye(3), replace(reference.face, landmarks=off)), reference)
    sure = found.trust == 1
    assert sure.mean() > 0.5
    assert np.median(np.linalg.norm((found.landmarks - points)[sure, :2], axis=1)) < 0.5


def test_margins_of_lips_and_pictures_of_something_else_keep_their_own(reference):
    noise = np.random.default_rng(0).integers(0, 255, reference.rgb.shape, dtype=np.uint8)
    other = Crop(noise, np.eye(3), replace(reference.face, landmarks=reference.face.landmarks + 5.0))
    found = follow(other, reference)
    assert found.trust.mean() < 0.1
    assert follow(reference, reference).trust[INNER_LIP] == 0


def test_crops_without_pixels_keep_their_landmarks(reference):
    bare = replace(reference, rgb=np.zeros((1, 1, 3), np.uint8))
    found = follow(bare, reference)
    assert np.array_equal(found.landmarks, bare.face.landmarks) and not found.trust.any()
