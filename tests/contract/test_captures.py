"""What every capture promises (`mien.protocols.Capture`)."""

import numpy as np

from mien.geometry import head, rotation
from mien.protocols import Capture


def _numbers(code):
    return np.concatenate([code.shape, code.expression.known.values, code.pose.rotation.ravel(), code.pose.translation, [code.pose.scale]])


def test_it_is_a_capture_under_the_name_of_its_module(capture):
    assert isinstance(capture, Capture)
    assert type(capture).__module__.startswith(f"mien.captures.{capture.name}")


def test_the_pose_puts_the_head_where_the_face_is(capture, crops, drawn, drawn_smile):
    for code, render in zip(capture.capture(crops), (drawn, drawn_smile), strict=True):
        pitch, yaw, roll = rotation.to_angles(code.pose.rotation) - rotation.to_angles(render.pose.rotation)
        assert max(abs(pitch), abs(yaw), abs(roll)) < 6
        np.testing.assert_allclose(code.pose.rotation @ code.pose.rotation.T, np.eye(3), atol=1e-6)
        model = head.bundled()
        middle = model.mean[model.parts["face"]].numpy().astype(np.float64).mean(axis=0)
        apart = code.pose.project(middle[None])[0, :2] - render.pose.project(middle[None])[0, :2]
        assert np.linalg.norm(apart) < 0.08 * render.face.box[2]


def test_the_expression_is_measured(capture, crops):
    neutral, smile = capture.capture(crops)
    assert smile.expression["AU12"] > neutral.expression["AU12"] + 1
    for code in (neutral, smile):
        assert np.nanmin(code.expression.values) >= 0 and np.nanmax(code.expression.values) <= 5


def test_a_face_does_not_depend_on_its_batch(capture, crops):
    together = capture.capture(crops)
    for crop, code in zip(crops, together, strict=True):
        np.testing.assert_allclose(_numbers(capture.capture([crop])[0]), _numbers(code), atol=1e-5)
    assert capture.capture([]) == []


def test_the_global_random_state_is_left_alone(capture, crops, no_global_randomness):
    with no_global_randomness():
        capture.capture(crops)
