"""Random expressions, cameras and lights are what they say."""

import math

import numpy as np
import pytest

from mien import aus
from mien.data.synth.camera import Camera, camera
from mien.data.synth.expressions import _AGAINST, expression
from mien.data.synth.light import first_order, irradiance, lamp, light, towards
from mien.data.synth.scenes import scene
from mien.geometry import head, rotation
from mien.types import Pose


def shown(values):
    return {aus.unit_of(axis) for axis, _ in values.items()}


def test_expressions_are_varied_and_within_range_and_never_fight_themselves():
    rng = np.random.default_rng(0)
    drawn = [expression(rng) for _ in range(800)]
    values = np.stack([e.values for e in drawn])
    assert values.min() == 0.0 and 4.5 < values.max() <= 5.0
    assert not [e for e in drawn for pair in _AGAINST if set(pair) <= shown(e)]
    assert set(range(1, 8)) - {3} <= set().union(*map(shown, drawn)) and 43 in set().union(*map(shown, drawn))
    assert sum(not shown(e) - {43, 61, 62, 63, 64} for e in drawn) > 40  # people at rest
    left, right = (np.array([e[f"AU12{side}"] for e in drawn]) for side in "LR")
    assert (np.abs(left - right) > 1.0).sum() > 5 and np.corrcoef(left, right)[0, 1] > 0.8
    assert np.array_equal(values, values.astype(np.float32))  # labels keep them as they are
    assert set().union(*({a for a, _ in e.items()} for e in drawn)) <= head.bundled().axes_known


def test_a_camera_far_away_is_that_of_a_pose_and_a_near_one_keeps_planes_affine():
    pose = Pose(rotation.from_angles(np.array([5.0, 20.0, -3.0])), 7.0, np.array([40.0, 50.0]))
    points = np.random.default_rng(0).normal(size=(30, 3)) * 6
    assert np.allclose(Camera(pose).project(points), pose.project(points))
    assert np.allclose(Camera(pose, 1e7).project(points), pose.project(points), atol=1e-3)
    a, b = points[:2]
    line = Camera(pose, 40.0).project(a + np.linspace(0, 1, 7)[:, None] * (b - a))
    along = (line[:, 0] - line[0, 0]) / (line[-1, 0] - line[0, 0])
    for column in (1, 2):
        assert np.allclose(line[:, column], line[0, column] + along * (line[-1, column] - line[0, column]))
    nearer, farther = Camera(pose, 40.0).project(
        np.array([[0.0, 0, 5], [0, 0, -5]]) @ pose.rotation + np.array([[3.0, 0, 0]]) @ pose.rotation
    )
    assert nearer[0] - 40 > 21 > farther[0] - 40  # what is near is large


def test_a_camera_keeps_the_face_in_the_picture():
    rng = np.random.default_rng(1)
    cameras = [camera(128, rng) for _ in range(200)]
    nose = np.stack([c.project(np.array([[0.0, 0.0, 12.0]]))[0] for c in cameras])
    assert (nose[:, :2] > 10).all() and (nose[:, :2] < 118).all()
    assert 0.05 < np.mean([math.isinf(c.distance) for c in cameras]) < 0.4


def test_a_lamp_lights_by_the_cosine_and_lights_add_up():
    rng = np.random.default_rng(2)
    normals = rng.normal(size=(500, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    direction = np.array([0.48, 0.6, 0.64])
    lit = irradiance(lamp(direction, np.ones(3)), normals)[:, 0]
    assert np.abs(lit - np.clip(normals @ direction, 0, None)).max() < 0.11  # the second order's own error
    assert np.allclose(towards(lamp(direction, np.array([0.9, 1.0, 0.8]))), direction)
    room = first_order(0.6, np.array([0.1, 0.2, 0.3]))
    assert np.allclose(irradiance(room, normals)[:, 1], 0.6 + normals @ [0.1, 0.2, 0.3], atol=1e-6)
    both = irradiance(room + lamp(direction, np.ones(3)), normals)
    bright = lit > 0.2
    assert np.allclose(both[bright, 2], (irradiance(room, normals)[:, 2] + lit)[bright], atol=1e-6)


def test_random_lights_are_neither_dark_nor_blinding():
    rng = np.random.default_rng(3)
    faces = [irradiance(light(rng), np.array([[0.0, 0.0, 1.0]])).mean() for _ in range(100)]
    assert min(faces) > 0.4 and max(faces) < 1.8


def test_a_scene_is_made_of_its_seed_and_number():
    one, same, other = scene(96, 4, 7, 70), scene(96, 4, 7, 70), scene(96, 4, 8, 70)
    assert one.aus == same.aus and np.array_equal(one.shape, same.shape) and np.array_equal(one.light, same.light)
    assert not np.array_equal(one.shape, other.shape)
    assert scene(96, 5, 7, 70).camera.pose.scale != pytest.approx(one.camera.pose.scale)
