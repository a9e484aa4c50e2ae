"""Drawn faces: labels lie on what is drawn."""

from dataclasses import replace

import numpy as np
import pytest

from mien.aus import AUVector
from mien.data.synth.camera import Camera
from mien.data.synth.drawing import BUFFERS, DEPTH_STEP, FARTHEST, _linear
from mien.data.synth.light import first_order, irradiance
from mien.data.synth.scenes import scene
from mien.geometry import facemesh, head, rotation
from mien.types import Pose

LIPS = [*facemesh.LIP_UPPER_OUTLINE, *facemesh.LIP_LOWER_OUTLINE]


def plain(index=0, expression=None, angles=(0.0, 0.0, 0.0), **look):
    """A scene seen as asked, in full light, with some of its colours."""
    known = scene(96, 0, index, 70)
    pose = Pose(rotation.from_angles(np.array(angles)), 4.5, np.array([47.0, 52.0]))
    colours = replace(known.look, shine=0.0, blush=0.0, rings=0.0, mottle=0.0, beard=0.0, scalp=0.0, freckles=0.0)
    light = first_order(0.7, np.array([0.1, 0.1, 0.2]))
    return replace(
        known,
        aus=AUVector.of(expression or {}),
        camera=Camera(pose, 90.0),
        light=light,
        look=replace(colours, **look),
        shape=known.shape * 0.5,
    )


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (8.0, -18.0, 12.0)])
@pytest.mark.parametrize("expression", [{}, {"AU12": 4}, {"AU18": 4}])
def test_landmarks_lie_around_the_lips_that_are_drawn(painter, angles, expression):
    (drawn,) = painter.draw(
        [plain(1, expression, angles, lips=np.array([250.0, 4.0, 4.0]), skin=np.array([120.0, 120.0, 120.0]))], ["albedo"]
    )
    colour = drawn.buffers["albedo"].astype(int)
    y, x = np.nonzero((colour[..., 0] > 150) & (colour[..., 1] < 90))
    around = drawn.landmarks[LIPS, :2]
    assert len(x) > 40
    for seen, told in ((x, around[:, 0]), (y, around[:, 1])):
        assert seen.min() == pytest.approx(told.min(), abs=1.6)
        assert seen.max() == pytest.approx(told.max(), abs=1.6)


def test_the_iris_is_where_the_camera_puts_it(painter):
    shown = plain(2, {"AU05": 3, "AU61": 3}, (0.0, 10.0, 0.0), iris=np.array([10.0, 240.0, 10.0]))
    (drawn,) = painter.draw([shown], ["albedo"])
    vertices = painter._vertices([shown])[0].numpy()
    for side in "LR":
        ring = shown.camera.project(vertices[head.bundled().loops[f"iris_{side}"].numpy()])[:, :2]
        x0, y0 = np.floor(ring.min(0)).astype(int) - 1
        x1, y1 = np.ceil(ring.max(0)).astype(int) + 2
        part = drawn.buffers["albedo"][y0:y1, x0:x1].astype(float)
        green = np.clip(part[..., 1] - part[..., 0] - 20, 0, None)
        assert green.sum() > 200
        column = (green.sum(0) * np.arange(x0, x1)).sum() / green.sum()
        assert column == pytest.approx(ring[:, 0].mean(), abs=1.0)


def test_the_mask_ends_where_the_head_ends_and_depth_is_the_nose_s(painter):
    shown = plain(3, angles=(0.0, 15.0, 5.0))
    (drawn,) = painter.draw([shown], list(BUFFERS))
    points = shown.camera.project(painter._vertices([shown])[0].numpy())
    mask = drawn.buffers["mask"] > 127
    x = np.nonzero(mask.any(0))[0]
    assert x[0] == pytest.approx(max(points[:, 0].min(), 0), abs=1.5) and x[-1] == pytest.approx(min(points[:, 0].max(), 95), abs=1.5)
    nose = drawn.landmarks[facemesh.NOSE_TIP]
    cm = drawn.buffers["depth"][round(nose[1]), round(nose[0])] * DEPTH_STEP - FARTHEST
    vertices = painter._head.landmarks(painter._vertices([shown]))[0].numpy() @ shown.camera.pose.rotation.T
    assert cm == pytest.approx(vertices[facemesh.NOSE_TIP, 2], abs=0.25)
    assert not drawn.buffers["depth"][drawn.buffers["mask"] == 0].any()


def test_the_picture_is_the_albedo_in_the_light_of_the_label(painter):
    shown = plain(4)
    (drawn,) = painter.draw([shown], list(BUFFERS))
    front = head.bundled().landmarks(head.bundled().mean).numpy()[:, 2] > 9.0
    x, y = np.round(drawn.landmarks[front, :2]).astype(int).T
    normals = drawn.buffers["normals"][y, x] / 127.5 - 1
    told = _linear(drawn.buffers["albedo"][y, x].astype(float)) * irradiance(shown.light, normals)
    seen = _linear(drawn.rgb[y, x].astype(float))
    assert np.corrcoef(told.ravel(), seen.ravel())[0, 1] > 0.9
    assert np.median(seen / told) == pytest.approx(1.0, abs=0.15)  # but for what the face hides from the light


def test_nothing_shines_through_a_mouth_that_is_wide_open(painter):
    (drawn,) = painter.draw([plain(0, {"AU27": 5, "AU25": 5})], ["mask"])
    around = drawn.landmarks[list(facemesh.LIP_UPPER + facemesh.LIP_LOWER), :2]
    (x0, y0), (x1, y1) = np.ceil(around.min(0)).astype(int), np.floor(around.max(0)).astype(int)
    assert y1 - y0 > 8
    assert (drawn.buffers["mask"][y0:y1, x0:x1] == 255).all()


def test_a_picture_does_not_depend_on_what_else_is_drawn_or_written(painter):
    scenes = [scene(96, 9, i, 70) for i in range(3)]
    together = painter.draw(scenes)
    for shown, drawn in zip(scenes, together, strict=True):
        (alone,) = painter.draw([shown], ["normals", "mask"])
        assert np.array_equal(alone.rgb, drawn.rgb) and np.array_equal(alone.landmarks, drawn.landmarks)
