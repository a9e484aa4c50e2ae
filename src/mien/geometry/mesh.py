"""Triangle meshes: normals, edges, boundaries and distances along the surface."""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse import csgraph
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
    vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], sources: Int[np.ndarray, " s"]
) -> Float[np.ndarray, " v"]:
    """Length in cm of the shortest path along edges and across pairs of triangles to the nearest source; inf where there is none.

    Steps across an edge, to the opposite corner of its second triangle, keep the path from zigzagging over the grid.
    """
    pairs = np.concatenate([edges(triangles), opposite_corners(triangles)])
    lengths = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    graph = sparse.csr_matrix((np.maximum(lengths, 1e-9), pairs.T), shape=(len(vertices), len(vertices)))
    return csgraph.dijkstra(graph, directed=False, indices=sources, min_only=True)


def opposite_corners(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "n 2"]:
    """For every inner edge, the two corners that face it."""
    pairs = np.sort(directed_edges(triangles), axis=1)
    facing = triangles[:, [2, 0, 1]].reshape(-1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    same = np.flatnonzero((pairs[order[:-1]] == pairs[order[1:]]).all(axis=1))
    return np.stack([facing[order[same]], facing[order[same + 1]]], axis=1)
