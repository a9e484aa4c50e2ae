"""Flat maps of a surface with one border, and points carried through them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree


@dataclass(frozen=True, eq=False)
class Places:
    """Points on a mesh: a triangle each, and the weights of its corners."""

    triangle: Int[np.ndarray, " n"]
    barycentric: Float[np.ndarray, "n 3"]

    def matrix(self, triangles: Int[np.ndarray, "f 3"], count: int) -> sparse.csr_matrix:
        """The sparse matrix that samples attributes of `count` vertices at the points."""
        rows = np.repeat(np.arange(len(self.triangle)), 3)
        return sparse.csr_matrix((self.barycentric.ravel(), (rows, triangles[self.triangle].ravel())), shape=(len(self.triangle), count))


def fan_holes(
    vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], holes: list[Int[np.ndarray, " _"]]
) -> tuple[Float[np.ndarray, "w 3"], Int[np.ndarray, "g 3"]]:
    """Close each hole (a loop of `mesh.boundary_loops`) by a fan around a new vertex in its middle."""
    middles = np.stack([vertices[loop].mean(axis=0) for loop in holes])
    fans = [np.stack([np.roll(loop, -1), loop, np.full_like(loop, len(vertices) + i)], axis=1) for i, loop in enumerate(holes)]
    return np.concatenate([vertices, middles]), np.concatenate([triangles, *fans])


def mean_value_weights(vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]) -> sparse.csr_matrix:
    """Floater's mean value coordinates (CAGD 2003, equation 2.1): positive, so that a map to a convex border never folds."""
    rows, columns, values = [], [], []
    for i in range(3):
        here, first, second = triangles[:, i], triangles[:, (i + 1) % 3], triangles[:, (i + 2) % 3]
        a, b = vertices[first] - vertices[here], vertices[second] - vertices[here]
        length_a, length_b = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        half = np.tan(0.5 * np.arccos(np.clip((a * b).sum(axis=1) / (length_a * length_b), -1.0, 1.0)))
        rows += [here, here]
        columns += [first, second]
        values += [half / length_a, half / length_b]
    size = len(vertices)
    return sparse.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size))


def solve_map(weights: sparse.csr_matrix, border: Int[np.ndarray, " n"], border_uv: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "v 2"]:
    """Every inner vertex at the weighted mean of its neighbours (Tutte 1963), the border where it is told."""
    size = len(weights.indptr) - 1
    inner = np.setdiff1d(np.arange(size), border)
    rows = weights[inner]
    normal = sparse.diags(1.0 / np.asarray(rows.sum(axis=1)).ravel()) @ rows
    system = sparse.csc_matrix(sparse.identity(len(inner)) - normal[:, inner])
    uv = np.zeros((size, 2))
    uv[border] = border_uv
    uv[inner] = splu(system).solve(normal[:, border] @ border_uv)
    return uv


def convex_border(points: Float[np.ndarray, "n 3"], roundness: float = 2.0) -> Float[np.ndarray, "n 2"]:
    """Places on the curve |u|^p + |v|^p = 1 (2: circle, larger: squarer) by arc length; the first point at the top, counter-clockwise."""
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    angle = np.pi / 2 + 2 * np.pi * np.r_[0.0, np.cumsum(steps)[:-1]] / steps.sum()
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return direction / (np.abs(direction) ** roundness).sum(axis=1, keepdims=True) ** (1.0 / roundness)


def spread(
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    border: Int[np.ndarray, " n"],
    border_uv: Float[np.ndarray, "n 2"],
    importance: Float[np.ndarray, " v"],
    *,
    rounds: int = 8,
) -> Float[np.ndarray, "v 2"]:
    """A map without folds whose lengths follow `importance`.

    Yoshizawa, Belyaev & Seidel (SMI 2004): where the surface is squeezed, weaken the pull towards it and solve again.
    """
    weights = mean_value_weights(vertices, triangles)
    corner, first, second = (vertices[triangles[:, i]] for i in range(3))
    solid = np.linalg.norm(np.cross(first - corner, second - corner), axis=1)
    wanted = solid * importance[triangles].mean(axis=1) ** 2
    uv = solve_map(weights, border, border_uv)
    for _ in range(rounds):
        flat = _cross(uv[triangles[:, 1]] - uv[triangles[:, 0]], uv[triangles[:, 2]] - uv[triangles[:, 0]])
        squeeze = np.sqrt(wanted / np.maximum(flat, 1e-12))
        total, share = np.zeros(len(vertices)), np.zeros(len(vertices))
        np.add.at(total, triangles.ravel(), np.repeat(squeeze * solid, 3))
        np.add.at(share, triangles.ravel(), np.repeat(solid, 3))
        stretch = total / np.maximum(share, 1e-12)
        weights = sparse.csr_matrix(weights @ sparse.diags(1.0 / np.sqrt(stretch / stretch.mean())))
        uv = solve_map(weights, border, border_uv)
    return uv


def locate(uv: Float[np.ndarray, "v 2"], triangles: Int[np.ndarray, "f 3"], points: Float[np.ndarray, "n 2"], near: int = 64) -> Places:
    """The triangle of a flat mesh that each point lies in; a point outside goes to the edge it is nearest to."""
    corners = uv[triangles]
    candidates = np.asarray(KDTree(corners.mean(axis=1)).query(points, k=min(near, len(triangles)))[1])
    a, b, c = (corners[candidates][:, :, i] for i in range(3))
    area = _cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-15, np.inf, area)
    p = points[:, None]
    weights = np.stack([_cross(b - p, c - p), _cross(c - p, a - p), _cross(a - p, b - p)], axis=2) / area[..., None]
    best = weights.min(axis=2).argmax(axis=1)
    chosen = np.maximum(weights[np.arange(len(points)), best], 0.0)
    return Places(candidates[np.arange(len(points)), best], chosen / chosen.sum(axis=1, keepdims=True))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
