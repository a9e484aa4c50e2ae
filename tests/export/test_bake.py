import numpy as np
import pytest
import torch

from mien.export import Head
from mien.geometry import mesh
from mien.geometry.exchange import bake
from mien.geometry.head import PARTS


def texels_of(head, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    uv = head.uv.numpy()[points] * bake.SIZE
    return np.clip(bake.SIZE - uv[:, 1], 0, bake.SIZE - 1).astype(int), np.clip(uv[:, 0], 0, bake.SIZE - 1).astype(int)


def facing(head, vertices: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    return mesh.vertex_normals(torch.from_numpy(vertices), head.triangles).numpy() @ rotation[2]


def test_the_front_of_the_face_has_the_colours_of_the_photo(still) -> None:
    head, pose = still.model, still.code.pose
    front = np.flatnonzero((head.front.numpy() > 0.9) & (facing(head, still.vertices, pose.rotation) > 0.8))
    pixel = pose.project(still.vertices[front].astype(float))
    expected = pixel[:, :2] * (255 / 480, 255 / 400)
    off = np.abs(still.texture[texels_of(head, front)][:, :2] - expected)
    assert len(front) > 500
    assert np.median(off) < 1.5  # of 255: within a texel or two
    assert np.quantile(off, 0.9) < 8  # the rest lies beside nostrils, lids and lips


def test_the_hidden_side_is_filled_from_the_other_one(posed, ramps) -> None:
    code = posed(yaw=50.0)
    turned = Head((code,), ramps)
    head = turned.model
    away = facing(head, turned.vertices, code.pose.rotation)
    mean = head.mean.numpy()
    hidden = np.flatnonzero((head.front.numpy() > 0.9) & (away < 0.0) & (np.abs(mean[:, 0]) > 3.0))
    twin = np.array([np.linalg.norm(mean - mean[i] * (-1, 1, 1), axis=1).argmin() for i in hidden])
    seen = away[twin] > 0.7
    assert seen.sum() > 20
    mine, its = turned.texture[texels_of(head, hidden[seen])].astype(int), turned.texture[texels_of(head, twin[seen])].astype(int)
    assert np.median(np.abs(mine - its)) <= 4


def test_the_sides_of_the_head_take_no_colour_from_the_wall_behind(posed, ramps) -> None:
    code = posed()
    rgb = np.full_like(ramps.rgb, (30, 220, 40))  # a green wall
    head = Head((code,), ramps).model
    place = code.pose.project(head.vertices(torch.from_numpy(code.shape).float()).numpy().astype(float))[head.front.numpy() > 0.5]
    low, high = place[:, :2].min(axis=0).astype(int), place[:, :2].max(axis=0).astype(int)
    rgb[low[1] : high[1], low[0] : high[0]] = (200, 150, 130)
    texture = bake.bake(head, head.vertices(torch.from_numpy(code.shape).float()).numpy(), code.pose, rgb)
    skin = head.parts["face"].numpy()
    colors = texture[texels_of(head, skin)].astype(int)
    assert (np.abs(colors - (200, 150, 130)).max(axis=1) < 30).mean() > 0.95


def test_a_smaller_texture_is_the_same_picture(still) -> None:
    small = bake.bake(still.model, still.vertices, still.code.pose, still.photo.rgb, size=256)
    shrunk = still.texture.reshape(256, 4, 256, 4, 3).mean(axis=(1, 3))
    part = bake.atlas(still.model, 256).triangle
    front = np.zeros(len(still.model.triangles) + 1, bool)
    front[:-1] = (still.model.triangle_part.numpy() == PARTS.index("face")) & (
        still.model.front.numpy()[still.model.triangles].min(axis=1) > 0.9
    )
    assert np.median(np.abs(shrunk - small)[front[part]]) < 3


def test_a_face_at_the_edge_of_the_picture_is_no_error(still) -> None:
    half = bake.bake(still.model, still.vertices, still.code.pose, still.photo.rgb[:, :240], size=128)
    assert half.shape == (128, 128, 3)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_spreading_nothing_and_everything(weight: float) -> None:
    color = np.full((32, 32, 3), 7.0, np.float32)
    out = bake.spread(color, np.full((32, 32), weight, np.float32))
    assert np.isfinite(out).all()
    if weight:
        np.testing.assert_allclose(out, 7.0, rtol=1e-5)


def test_spreading_keeps_between_the_colours_and_near_their_places() -> None:
    color, weight = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    color[:, 32:] = 100.0
    weight[:, :4] = weight[:, -4:] = 1.0
    out = bake.spread(color, weight)[..., 0]
    assert out.min() > -15
    assert out.max() < 115  # bicubic, so a little beyond
    assert out[32, 8] < 30 < 70 < out[32, 56]
