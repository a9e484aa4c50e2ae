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


def boundary_loops(triangles: Int[np.ndarray, "f 3"]) -> list[Int[np.ndarray, " n"]]:
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
    vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], sources: Int[np.ndarray, " s"], rounds: int = 40
) -> Float[np.ndarray, " v"]:
    """Length in cm of the shortest way over the surface to the nearest source; inf where there is none.

    Shortest paths along edges, straightened by the eikonal update of Kimmel & Sethian (Computing geodesic paths on manifolds, 1998):
    a plane wave that reaches two corners of a triangle at their times reaches the third at the larger root of a quadratic.
    """
    pairs = edges(triangles)
    lengths = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    graph = sparse.csr_matrix((np.maximum(lengths, 1e-9), pairs.T), shape=(len(vertices), len(vertices)))
    distance = csgraph.dijkstra(graph, directed=False, indices=sources, min_only=True)
    reached = triangles[np.isfinite(distance[triangles[:, 0]])]
    corner = np.concatenate([reached, reached[:, [1, 2, 0]], reached[:, [2, 0, 1]]])
    legs = vertices[corner[:, 1:]] - vertices[corner[:, :1]]  # n 2 3
    gram = legs @ legs.transpose(0, 2, 1)
    solid = np.linalg.det(gram) > 1e-12
    corner, inverse = corner[solid], np.linalg.inv(gram[solid])
    for _ in range(rounds):
        times = distance[corner[:, 1:]]
        through = inverse @ times[..., None]
        a, b = inverse.sum(axis=(1, 2)), through.sum(axis=(1, 2))
        c = (times[:, None] @ through)[:, 0, 0] - 1.0
        arrival = (b + np.sqrt(np.maximum(b * b - a * c, 0.0))) / a
        inside = (inverse @ (times - arrival[:, None])[..., None])[..., 0].max(axis=1) < 0.0  # the wave comes through the triangle
        straighter = distance.copy()
        np.minimum.at(straighter, corner[inside, 0], np.maximum(arrival, times.max(axis=1))[inside])
        if np.array_equal(straighter, distance):
            break
        distance = straighter
    return distance


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
