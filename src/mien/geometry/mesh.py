"""Triangle meshes: normals, edges, boundaries and distances along the surface."""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree
from torch import Tensor


def vertex_normals(vertices: Float[Tensor, "*b v 3"], triangles: Int[Tensor, "f 3"]) -> Float[Tensor, "*b v 3"]:
    """Unit normals, each the sum of the triangles around it weighted by area; zero for a vertex without triangles."""
    a, b, c = (vertices[..., triangles[:, i], :] for i in range(3))
    faces = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(vertices)
    for i in range(3):
        normals.index_add_(-2, triangles[:, i], faces)
    return torch.nn.functional.normalize(normals, dim=-1, eps=1e-12)


def directed_edges(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "e 2"]:
    """The three edges of every triangle, each in the triangle's own direction."""
    return triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def edges(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "e 2"]:
    """Every edge once, lower index first."""
    return np.unique(np.sort(directed_edges(triangles), axis=1), axis=0)


def components(triangles: Int[np.ndarray, "f 3"], count: int) -> Int[np.ndarray, " v"]:
    """The connected piece that each of `count` vertices belongs to; a vertex without triangles is a piece of its own."""
    pairs = directed_edges(triangles)
    graph = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return csgraph.connected_components(graph, directed=False)[1]


def boundary_loops(triangles: Int[np.ndarray, "f 3"]) -> list[Int[np.ndarray, " _"]]:
    """The closed borders of an oriented mesh, longest first; the surface lies to the left of each when seen from outside."""
    pairs = {(int(a), int(b)) for a, b in directed_edges(triangles)}
    following = {a: b for a, b in pairs if (b, a) not in pairs}
    loops: list[Int[np.ndarray, " n"]] = []
    while following:
        start, vertex = following.popitem()
        loop = [start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop))
    return sorted(loops, key=lambda loop: (-len(loop), int(loop.min())))


def geodesic_distances(
    vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], sources: Int[np.ndarray, " s"], rounds: int = 60
) -> Float[np.ndarray, " v"]:
    """Length in cm of the shortest way over the surface to the nearest source; inf where there is none.

    Shortest paths along edges (Dijkstra), straightened across triangles until nothing changes (`_across`).
    """
    pairs = edges(triangles)
    lengths = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    graph = sparse.csr_matrix((np.maximum(lengths, 1e-9), pairs.T), shape=(len(vertices), len(vertices)))
    distance = csgraph.dijkstra(graph, directed=False, indices=sources, min_only=True)
    reached = triangles[np.isfinite(distance[triangles[:, 0]])]
    corner = np.concatenate([reached, reached[:, [1, 2, 0]], reached[:, [2, 0, 1]]])  # apex, then the edge facing it
    edge, apex = vertices[corner[:, 2]] - vertices[corner[:, 1]], vertices[corner[:, 0]] - vertices[corner[:, 1]]
    width = np.maximum(np.linalg.norm(edge, axis=1), 1e-9)
    along = (apex * edge).sum(axis=1) / width
    height = np.maximum(np.linalg.norm(np.cross(edge, apex), axis=1) / width, 1e-9)
    for _ in range(rounds):
        arrival = _across(distance[corner[:, 1]], distance[corner[:, 2]], width, along, height)
        straighter = distance.copy()
        np.minimum.at(straighter, corner[:, 0], arrival)
        if np.allclose(straighter, distance, rtol=0.0, atol=1e-6):
            break
        distance = straighter
    return distance


def _across(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"], width: Float[np.ndarray, " n"],
    along: Float[np.ndarray, " n"], height: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:  # fmt: skip
    """Distance at the apex of a triangle from those at the ends of the edge facing it; inf where the way does not cross that edge.

    The edge lies from 0 to `width`, the apex at (`along`, `height`). The distances at its ends place a point source below the edge
    (Novotni & Klein, Computing geodesic distances on triangular meshes, 2002), or a straight front where they are too small for one.
    """
    x = (width**2 + first**2 - second**2) / (2 * width)
    depth = np.sqrt(np.maximum(first**2 - x**2, 0.0))
    slope = np.clip((second - first) / width, -1.0, 1.0)
    climb = np.sqrt(np.maximum(1.0 - slope**2, 1e-12))
    point = first + second > width
    crossing = np.where(point, x + (along - x) * depth / (depth + height), along - slope / climb * height)
    arrival = np.where(point, np.hypot(along - x, depth + height), first + slope * along + climb * height)
    return np.where((crossing >= 0) & (crossing <= width), arrival, np.inf)


def affine_weights(points: Float[np.ndarray, "n 3"], target: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " n"]:
    """The smallest weights, summing to 1, that place a target among points and carry it along with any affine motion of them."""
    system = np.c_[points, np.ones(len(points))].T.astype(np.float64)
    return np.linalg.lstsq(system, np.r_[target, 1.0], rcond=None)[0]


def sphere_center(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " 3"]:
    """The centre of the sphere that fits points best, in the least squares of squared distances."""
    points = points.astype(np.float64)
    return np.linalg.lstsq(np.c_[2 * points, np.ones(len(points))], (points**2).sum(axis=1), rcond=None)[0][:3]


def affine_maps(points: Float[np.ndarray, "n 3"], offsets: Float[np.ndarray, "s n 3"]) -> Float[np.ndarray, "s 3 4"]:
    """For each set of offsets the affine map ``M [x, 1]`` nearest to it at the points."""
    system = np.c_[points, np.ones(len(points))].astype(np.float64)
    return (np.linalg.pinv(system) @ offsets.astype(np.float64)).transpose(0, 2, 1)


def closest_points(
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    near: int = 24,
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
    """Triangle and barycentric weights of the nearest place on a mesh that faces the same way as each point.

    Facing the same way (within 70 degrees of `normals`) keeps a point on the upper lip from being matched to the lower. The place is
    exact inside a triangle, and on its outline where a point projects beyond it.
    """
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    area = np.linalg.norm(face, axis=1, keepdims=True)
    face = face / np.maximum(area, 1e-12)
    candidates = np.asarray(KDTree((a + b + c) / 3).query(points, k=min(near, len(triangles)))[1])
    p, n = points[:, None], face[candidates]
    a, b, c = a[candidates], b[candidates], c[candidates]
    parts = [(np.cross(v - u, p - u) * n).sum(axis=2) for u, v in ((b, c), (c, a), (a, b))]
    weights = np.maximum(np.stack(parts, axis=2) / np.maximum(area[candidates], 1e-12), 0.0)
    weights /= weights.sum(axis=2, keepdims=True)
    apart = np.linalg.norm(weights[..., :1] * a + weights[..., 1:2] * b + weights[..., 2:] * c - p, axis=2)
    apart = np.where((n * normals[:, None]).sum(axis=2) > np.cos(np.radians(70.0)), apart, apart + 10.0)
    best = apart.argmin(axis=1)
    rows = np.arange(len(points))
    return candidates[rows, best], weights[rows, best]
