"""The rasteriser against closed forms and against a loop over pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.geometry.raster import interpolate, rasterize

ONE = torch.tensor([[0, 1, 2]])


def cross(a, b):
    return a[0] * b[1] - a[1] * b[0]


def draw(points, triangles=ONE, width=8, height=8):
    return rasterize(torch.tensor(points, dtype=torch.float64)[None], triangles, width, height)


def by_hand(points, triangles, width, height):
    """The nearest triangle whose inside holds the pixel centre, by float64 barycentrics; NaN margins mark centres on an edge."""
    seen, near, margin = np.full((height, width), -1), np.full((height, width), -np.inf), np.full((height, width), np.inf)
    for index, (a, b, c) in enumerate(points[triangles]):
        area = cross(b[:2] - a[:2], c[:2] - a[:2])
        for y in range(height):
            for x in range(width):
                p = np.array([x, y])
                w = np.array([cross(c[:2] - b[:2], p - b[:2]), cross(a[:2] - c[:2], p - c[:2]), cross(b[:2] - a[:2], p - a[:2])]) / area
                margin[y, x] = min(margin[y, x], np.abs(w).min())
                depth = w @ np.array([a[2], b[2], c[2]])
                if (w > 0).all() and depth > near[y, x]:
                    seen[y, x], near[y, x] = index, depth
    return seen, margin


def test_a_right_triangle_covers_its_half_of_the_square():
    covered = draw([[0, 0, 0], [6, 0, 0], [0, 6, 0]]).covered[0].numpy()
    x, y = np.meshgrid(np.arange(8), np.arange(8))
    assert np.array_equal(covered, x + y < 6)  # the long edge is a right one: its centres are not covered


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
def test_orientation_and_order_do_not_matter(order):
    points = [[0.3, 0.2, 1], [6.8, 1.1, 2], [2.2, 6.9, 3]]
    first, second = draw(points), draw([points[i] for i in order])
    assert torch.equal(first.covered, second.covered)


def test_attributes_are_affine():
    points = torch.tensor([[[0.3, 0.2, 1.0], [6.8, 1.1, 2.0], [2.2, 6.9, 3.0]]], dtype=torch.float64)
    fragments = rasterize(points, ONE, 8, 8)
    drawn = interpolate(fragments, points, ONE)[0].numpy()
    y, x = np.nonzero(fragments.covered[0].numpy())
    assert len(x) > 15
    assert np.allclose(drawn[y, x, 0], x) and np.allclose(drawn[y, x, 1], y)
    assert not drawn[~fragments.covered[0].numpy()].any()


def test_the_nearer_triangle_wins_and_the_first_on_a_tie():
    points = [[0, 0, 1], [7, 0, 1], [0, 7, 1], [0, 0, 2], [7, 0, 2], [0, 7, 2]]
    assert set(draw(points, torch.tensor([[0, 1, 2], [3, 4, 5]])).triangle.unique().tolist()) == {-1, 1}
    assert set(draw(points, torch.tensor([[0, 1, 2], [0, 1, 2]])).triangle.unique().tolist()) == {-1, 0}
    assert set(draw([[x, y, -z] for x, y, z in points], torch.tensor([[3, 4, 5], [0, 1, 2]])).triangle.unique().tolist()) == {-1, 1}


def test_without_area_nothing_is_drawn_and_beyond_the_border_nothing_breaks():
    assert not draw([[1, 1, 0], [3, 3, 0], [5, 5, 0]]).covered.any()
    assert not draw([[20, 20, 0], [30, 20, 0], [20, 30, 0]]).covered.any()
    assert draw([[-90, -90, 0], [300, -90, 0], [-90, 300, 0]]).covered.all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_fan_of_triangles_is_watertight(seed):
    """Every pixel inside a convex polygon cut at random into a fan is covered by exactly one triangle, even with centres on edges."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
    rim = np.round(10 + 9 * np.stack([np.cos(angle), np.sin(angle)], axis=1))  # on the grid: centres fall on edges and corners
    points = np.concatenate([np.round(rim.mean(0, keepdims=True)), rim])
    triangles = [(0, i, i % 9 + 1) for i in range(1, 10)]
    count = sum(draw(np.c_[points, np.zeros(10)], torch.tensor([t]), 21, 21).covered[0].int() for t in triangles)
    area = [cross(points[b] - points[a], points[c] - points[a]) for a, b, c in triangles]
    if min(area) >= 0:  # a true fan: no triangle is turned over
        assert int(count.max()) <= 1
        assert int(count.sum()) == pytest.approx(sum(area) / 2, abs=9 * 2.0)
        together = draw(np.c_[points, np.zeros(10)], torch.tensor(triangles), 21, 21).covered[0]
        assert torch.equal(together, count > 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_it_agrees_with_a_loop_over_pixels(seed):
    rng = np.random.default_rng(seed)
    points, triangles = rng.uniform(-2, 14, (12, 3)), rng.integers(0, 12, (9, 3))
    triangles = np.unique(np.sort(triangles, axis=1), axis=0)  # no ties
    triangles = triangles[[len(set(t)) == 3 for t in triangles]]
    seen, margin = by_hand(points, triangles, 12, 10)
    drawn = rasterize(torch.tensor(points)[None], torch.tensor(triangles), 12, 10).triangle[0].numpy()
    clear = margin > 1e-4
    assert np.array_equal(drawn[clear], seen[clear])


def test_batches_are_drawn_one_by_one():
    rng = np.random.default_rng(0)
    points, triangles = torch.tensor(rng.uniform(0, 30, (3, 20, 3))), torch.tensor(rng.integers(0, 20, (15, 3)))
    together = rasterize(points, triangles, 30, 20)
    for i in range(3):
        assert torch.equal(rasterize(points[i : i + 1], triangles, 30, 20).triangle[0], together.triangle[i])


def test_gradients_reach_vertices_and_attributes():
    points = torch.tensor([[[0.3, 0.2, 1.0], [6.8, 1.1, 2.0], [2.2, 6.9, 3.0]]], dtype=torch.float64, requires_grad=True)
    attributes = torch.rand(1, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)

    def total(p, a):
        return interpolate(rasterize(p, ONE, 8, 8), a, ONE).square().sum()

    assert torch.autograd.gradcheck(total, (points, attributes), eps=1e-6, atol=1e-5)
