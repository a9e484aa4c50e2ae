"""Eyes in the colours of a photo, looking straight ahead wherever they looked in it."""

import numpy as np
import pytest
import torch

from mien.geometry import mesh
from mien.geometry.exchange import eyeballs

BLUE, WHITE, SKIN = (60, 90, 150), (215, 210, 205), (200, 150, 120)


def looking(still, aside: float) -> tuple:
    """A photo of flat skin with eyes whose blue irises lie `aside` radii off the middle, and what `profiles` wants of the head."""
    head, rgb = still.model, np.full_like(still.photo.rgb, SKIN)
    corners = still.code.pose.project(still.vertices)
    y, x = np.indices(rgb.shape[:2])
    for side in "LR":
        center, rim = corners[head.loops[f"iris_center_{side}"].numpy()][0, :2], corners[head.loops[f"iris_{side}"].numpy()][:, :2]
        radius = np.linalg.norm(rim - center, axis=1).max()
        rgb[np.hypot(x - center[0], y - center[1]) < 3 * radius] = WHITE
        rgb[np.hypot(x - center[0] - aside * radius, y - center[1]) < radius] = BLUE
    facing = mesh.vertex_normals(torch.from_numpy(still.vertices).float(), head.triangles).numpy() @ still.code.pose.rotation[2]
    return head, corners, facing, rgb


@pytest.mark.parametrize("aside", [-0.6, 0.0, 0.6])
def test_the_iris_is_found_where_it_looks_and_painted_in_the_middle(still, aside: float) -> None:
    profiles = eyeballs.profiles(*looking(still, aside))
    for profile in profiles.values():
        pupil, iris, white = eyeballs.paint(profile, np.array([0.1, 0.7, 1.4]))
        assert np.abs(iris - BLUE).max() < 30
        assert np.abs(white - WHITE).max() < 20
        assert pupil.mean() < 0.7 * iris.mean()


def test_an_eye_that_is_turned_away_looks_like_the_other_one(still) -> None:
    head, corners, facing, rgb = looking(still, 0.0)
    facing = facing.copy()
    facing[head.loops["iris_center_L"].numpy()] = -0.2
    profiles = eyeballs.profiles(head, corners, facing, rgb)
    assert np.array_equal(profiles["L"], profiles["R"])


def test_eyes_that_nobody_sees_are_brown(still) -> None:
    head, corners, facing, rgb = looking(still, 0.0)
    profile = eyeballs.profiles(head, corners, np.full_like(facing, -1.0), rgb)["R"]
    red, green, blue = eyeballs.paint(profile, np.array([0.7]))[0]
    assert red > green > blue
