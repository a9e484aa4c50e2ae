import numpy as np
import pytest
import torch

from mien.geometry import mesh
from mien.geometry.making import chart, remesh
from mien.geometry.making.correctives import oval


def _plane(size=21, jitter=0.0, seed=0):
    """A square of 2 x 2 cm cut into triangles; inner vertices moved at random."""
    line = np.linspace(-1, 1, size)
    x, y = np.meshgrid(line, line)
    points = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)
    inner = np.abs(points[:, :2]).max(axis=1) < 1
    points[inner, :2] += np.random.default_rng(seed).normal(size=(inner.sum(), 2)) * jitter
    i, j = np.meshgrid(np.arange(size - 1), np.arange(size - 1), indexing="ij")
    a = i * size + j
    return points, np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, a + 1, a + size + 1), (a, a + size + 1, a + size))])


def test_normals_point_out_of_a_closed_surface():
    points = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    triangles = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    normals = mesh.vertex_normals(points, triangles)
    assert torch.allclose(normals.norm(dim=1), torch.ones(4))
    assert ((points - points.mean(dim=0)) * normals).sum(dim=1).min() > 0


def test_boundary_keeps_the_surface_on_its_left():
    points, triangles = _plane(5)
    (loop,) = mesh.boundary_loops(triangles)
    corners = points[loop]
    following = np.roll(corners, -1, axis=0)
    assert len(loop) == 16
    assert (corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]).sum() > 0


def test_geodesic_distance_on_a_plane_is_straight():
    points, triangles = _plane(31, jitter=0.012)
    source = np.array([31 * 15 + 15])
    found = mesh.geodesic_distances(points, triangles, source)
    straight = np.linalg.norm(points - points[source], axis=1)
    assert np.abs(found - straight).max() < 0.035  # along edges alone it would be .4
    assert found[source] == 0


def test_geodesic_distance_is_infinite_across_a_gap():
    points, triangles = _plane(4)
    both = np.concatenate([triangles, triangles + len(points)])
    found = mesh.geodesic_distances(np.concatenate([points, points + np.array([5.0, 0.0, 0.0])]), both, np.array([0]))
    assert np.isinf(found[len(points) :]).all()
    assert np.isfinite(found[: len(points)]).all()
    assert len(set(mesh.components(both, 2 * len(points)))) == 2


def test_mean_value_map_leaves_a_flat_convex_piece_as_it_is():
    points, triangles = _plane(9, jitter=0.04)
    (border,) = mesh.boundary_loops(triangles)
    uv = chart.solve_map(chart.mean_value_weights(points, triangles), border, points[border, :2])
    assert np.allclose(uv, points[:, :2], atol=1e-9)


def test_spread_gives_more_room_to_what_matters_without_folds():
    points, triangles = _plane(17)
    (border,) = mesh.boundary_loops(triangles)
    matters = np.where(points[:, 0] > 0, 1.0, 0.3)
    uv = chart.spread(points, triangles, border, chart.convex_border(points[border]), matters)
    a, b = uv[triangles[:, 1]] - uv[triangles[:, 0]], uv[triangles[:, 2]] - uv[triangles[:, 0]]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    right = points[triangles].mean(axis=1)[:, 0] > 0
    assert area.min() > 0
    assert area[right].sum() > 1.4 * area[~right].sum()


def test_places_are_found_again():
    points, triangles = _plane(9, jitter=0.04)
    rng = np.random.default_rng(1)
    placed = remesh.scatter_on(points, triangles, np.ones(len(triangles)), 200, rng)
    wanted = placed.matrix(triangles, len(points)) @ points[:, :2]
    found = chart.locate(points[:, :2], triangles, wanted)
    assert np.allclose(found.matrix(triangles, len(points)) @ points[:, :2], wanted, atol=1e-9)
    outside = chart.locate(points[:, :2], triangles, np.array([[3.0, 0.0]]))
    assert (outside.matrix(triangles, len(points)) @ points)[0, 0] == pytest.approx(1.0, abs=0.1)


def test_scattered_points_keep_their_distance():
    rng = np.random.default_rng(0)
    points = np.c_[rng.random((3000, 2)), np.zeros(3000)]
    kept = points[remesh.poisson(points, np.full(3000, 0.1), np.array([[0.5, 0.5, 0.0]]), np.array([0.2]))]
    apart = np.linalg.norm(kept[:, None] - kept[None], axis=2)[~np.eye(len(kept), dtype=bool)]
    assert apart.min() > 0.1
    assert len(kept) > 50
    assert np.linalg.norm(kept - 0.5 * np.array([1, 1, 0]), axis=1).min() > 0.2


def test_flips_follow_the_shape_in_space():
    uv = np.array([[0.0, 0.0], [1.0, -0.6], [2.0, 0.0], [1.0, 0.6]])
    points = np.c_[uv, np.zeros(4)] * [1.0, 4.0, 1.0]  # in space the quad is tall, in the chart wide
    long_way = np.array([[0, 1, 3], [1, 2, 3]])
    flipped = remesh.flip(long_way, uv, points)
    assert {frozenset(t) for t in flipped.tolist()} == {frozenset({0, 1, 2}), frozenset({0, 2, 3})}


def test_nearest_place_faces_the_same_way():
    points, triangles = _plane(9)
    sheets = np.concatenate([points, points + np.array([0.0, 0.0, 0.2])])
    both = np.concatenate([triangles[:, ::-1], triangles + len(points)])  # the lower sheet faces down
    where, weights = mesh.closest_points(sheets, both, np.array([[0.13, 0.21, 0.05]]), np.array([[0.0, 0.0, 1.0]]))
    assert np.allclose((sheets[both[where]] * weights[..., None]).sum(axis=1), [[0.13, 0.21, 0.2]])


def test_affine_weights_follow_any_affine_motion():
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(12, 3)), np.array([0.2, -1.0, 3.0])
    weights = mesh.affine_weights(points, target)
    turn, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    assert np.allclose(weights @ (points @ turn.T + shift), turn @ target + shift)
    found = mesh.affine_maps(points, (points @ turn.T + shift - points)[None])[0]
    assert np.allclose(found, np.c_[turn - np.eye(3), shift])


def test_sphere_center():
    direction = np.random.default_rng(0).normal(size=(50, 3))
    points = np.array([1.0, 2.0, 3.0]) + 1.5 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    assert np.allclose(mesh.sphere_center(points), [1, 2, 3])


def test_a_v_becomes_rounder_and_an_ellipse_stays():
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ellipse = np.c_[2 * np.cos(turn), np.sin(turn), 0 * turn]
    assert np.abs(oval(ellipse)).max() < 0.01
    diamond = ellipse / np.abs(np.c_[np.cos(turn), np.sin(turn)]).sum(axis=1, keepdims=True)
    moved = diamond + oval(diamond)
    assert (np.linalg.norm(moved, axis=1) >= np.linalg.norm(diamond, axis=1) - 1e-9).all()
    assert np.linalg.norm(moved - ellipse, axis=1).mean() < 0.35 * np.linalg.norm(diamond - ellipse, axis=1).mean()
