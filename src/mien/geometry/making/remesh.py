"""A new mesh over an old surface: rings around openings, scattered points between them, triangles without slivers."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import Delaunay, KDTree

from mien.errors import DataError
from mien.geometry.making.chart import Places

Points = Float[np.ndarray, "n 3"]
Spacing = Callable[[Points], Float[np.ndarray, " n"]]  #: wanted distance between vertices at points of a surface, cm


def level_loop(field: Float[np.ndarray, " v"], triangles: Int[np.ndarray, "f 3"], value: float) -> tuple[np.ndarray, np.ndarray]:
    """The longest closed curve where a field on the vertices has a value: edges [n,2], and how far along each [n]."""
    above = field > value
    follow: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for triangle in triangles[(above[triangles].sum(axis=1) % 3) != 0]:
        around = zip(triangle.tolist(), np.roll(triangle, -1).tolist(), strict=True)
        cut = [(min(a, b), max(a, b)) for a, b in around if above[a] != above[b]]
        for one, other in (cut, cut[::-1]):
            follow.setdefault(one, []).append(other)
    loops: list[list[tuple[int, int]]] = []
    while follow:
        loop = [next(iter(follow))]
        while loop[-1] in follow:
            ahead = [edge for edge in follow.pop(loop[-1]) if edge in follow]
            if not ahead:
                break
            loop.append(ahead[0])
        loops.append(loop)
    edges = np.array(max(loops, key=len))
    low, high = field[edges[:, 0]], field[edges[:, 1]]
    return edges, (value - low) / (high - low)


def resample_loop(curve: Points, axis: Float[np.ndarray, " 3"], count: int) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """`count` places on a closed curve, evenly spaced on each side of its two extremes along `axis`.

    The first lies at the negative extreme, number count / 2 at the positive one. Returns the segment and the fraction along it.
    """
    along = curve @ axis
    start, turn = int(along.argmin()), int(along.argmax())
    step = np.linalg.norm(np.roll(curve, -1, axis=0) - curve, axis=1)
    rolled = np.r_[0.0, np.cumsum(np.roll(step, -start))]
    half = rolled[(turn - start) % len(curve)]
    places = np.concatenate(
        [np.linspace(0.0, half, count // 2, endpoint=False), np.linspace(half, rolled[-1], count - count // 2, endpoint=False)]
    )
    segment = np.clip(np.searchsorted(rolled, places, side="right") - 1, 0, len(curve) - 1)
    fraction = (places - rolled[segment]) / np.maximum(rolled[segment + 1] - rolled[segment], 1e-12)
    return (segment + start) % len(curve), fraction


def scatter_on(
    vertices: Points, triangles: Int[np.ndarray, "f 3"], weight: Float[np.ndarray, " f"], count: int, rng: np.random.Generator
) -> Places:
    """Random points on a mesh; `weight` is their density per area."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    chance = np.linalg.norm(np.cross(b - a, c - a), axis=1) * weight
    triangle = rng.choice(len(triangles), size=count, p=chance / chance.sum())
    root, other = np.sqrt(rng.random(count)), rng.random(count)
    return Places(triangle, np.stack([1.0 - root, root * (1.0 - other), root * other], axis=1))


def poisson(
    points: Points, spacing: Float[np.ndarray, " n"], fixed: Float[np.ndarray, "m 3"], fixed_spacing: Float[np.ndarray, " m"]
) -> Bool[np.ndarray, " n"]:
    """Keep points, in their order, that are at least their own spacing from each other and from the fixed ones (dart throwing)."""
    tree = KDTree(points)
    free, kept = np.ones(len(points), bool), np.zeros(len(points), bool)
    for near in tree.query_ball_point(fixed, fixed_spacing):
        free[near] = False
    for i, near in enumerate(tree.query_ball_point(points, spacing)):
        if free[i]:
            kept[i] = True
            free[near] = False
    return kept


def triangulate(uv: Float[np.ndarray, "n 2"], points: Points, holes: list[Int[np.ndarray, " _"]]) -> Int[np.ndarray, "f 3"]:
    """Delaunay triangles of a flat map, cut free inside the holes, then flipped until they are Delaunay in space."""
    triangles = Delaunay(uv).simplices.astype(np.int64)
    a, b, c = (uv[triangles[:, i]] for i in range(3))
    turned = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    triangles[turned] = triangles[turned][:, ::-1]
    for hole in holes:
        triangles = triangles[~_within(triangles, uv, hole)]
    return flip(triangles, uv, points)


def _within(triangles: Int[np.ndarray, "f 3"], uv: Float[np.ndarray, "n 2"], hole: Int[np.ndarray, " m"]) -> Bool[np.ndarray, " f"]:
    """The triangles that the edges of a hole wall in: all that hang together with the largest one inside."""
    count = len(uv)
    pairs = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edge, owner = pairs[:, 0] * count + pairs[:, 1], np.repeat(np.arange(len(triangles)), 3)
    wall = np.sort(np.stack([hole, np.roll(hole, -1)], axis=1), axis=1)
    wall = wall[:, 0] * count + wall[:, 1]
    if not np.isin(wall, edge).all():
        raise DataError("an opening is too ragged for its rings: put more points on the rings, or the first ring further out")
    order = np.argsort(edge, kind="stable")
    same = np.flatnonzero(np.diff(edge[order]) == 0)
    same = same[~np.isin(edge[order[same]], wall)]
    links = (owner[order[same]], owner[order[same + 1]])
    graph = sparse.coo_matrix((np.ones(len(same)), links), shape=(len(triangles), len(triangles)))
    region = csgraph.connected_components(graph, directed=False)[1]
    a, b, c = (uv[triangles[:, i]] for i in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    inside = np.isin(triangles, hole).all(axis=1) & _inside((a + b + c) / 3, uv[hole])
    return region == region[np.where(inside, area, -1.0).argmax()]


def _inside(points: Float[np.ndarray, "n 2"], polygon: Float[np.ndarray, "m 2"]) -> Bool[np.ndarray, " n"]:
    """Even-odd rule."""
    a, b = polygon[None], np.roll(polygon, -1, axis=0)[None]
    p = points[:, None]
    spans = (a[..., 1] > p[..., 1]) != (b[..., 1] > p[..., 1])
    rise = np.where(a[..., 1] == b[..., 1], np.inf, b[..., 1] - a[..., 1])
    crossing = a[..., 0] + (p[..., 1] - a[..., 1]) / rise * (b[..., 0] - a[..., 0])
    return (spans & (p[..., 0] < crossing)).sum(axis=1) % 2 == 1


def flip(triangles: Int[np.ndarray, "f 3"], uv: Float[np.ndarray, "n 2"], points: Points, rounds: int = 20) -> Int[np.ndarray, "f 3"]:
    """Swap the diagonal of two triangles while their facing angles in space sum to more than 180 degrees and the flat map stays valid."""
    triangles = triangles.copy()
    for _ in range(rounds):
        owner: dict[tuple[int, int], int] = {}
        for t, (a, b, c) in enumerate(triangles.tolist()):
            owner[a, b] = owner[b, c] = owner[c, a] = t
        touched = np.zeros(len(triangles), bool)
        for (a, b), t in owner.items():
            s = owner.get((b, a))
            if a > b or s is None or touched[t] or touched[s]:
                continue
            c, d = _third(triangles[t], a, b), _third(triangles[s], a, b)
            if _angle(points, c, a, b) + _angle(points, d, a, b) > np.pi + 1e-6 and _ccw(uv, c, d, b) and _ccw(uv, d, c, a):
                triangles[t], triangles[s] = (c, d, b), (d, c, a)
                touched[[t, s]] = True
        if not touched.any():
            break
    return triangles


def _third(triangle: np.ndarray, a: int, b: int) -> int:
    return next(int(v) for v in triangle if v not in (a, b))


def _angle(points: Points, apex: int, a: int, b: int) -> float:
    p, q = points[a] - points[apex], points[b] - points[apex]
    return float(np.arctan2(np.linalg.norm(np.cross(p, q)), p @ q))


def _ccw(uv: Float[np.ndarray, "n 2"], a: int, b: int, c: int) -> bool:
    p, q = uv[b] - uv[a], uv[c] - uv[a]
    return bool(p[0] * q[1] - p[1] * q[0] > 1e-12)
