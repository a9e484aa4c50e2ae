"""The topology of mien's own skin: rings around eyes and mouth, scattered points between, mirrored left to right."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from mien.geometry import mesh
from mien.geometry.making import chart, remesh
from mien.geometry.making.chart import Places

_FLIP = np.array([-1.0, 1.0])  # the mirror of the chart
_EAR = (6.8, 2.5, -4.0, 4.5)  # further aside than the first, behind the second, between two heights: ears; cm on the mean head


@dataclass(frozen=True)
class SkinPlan:
    """Where vertices go. Lengths in cm; ring distances are geodesic, from the edge of the skin inside an opening."""

    eye_points: int = 56
    mouth_points: int = 88
    eye_rings: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.52, 0.68, 0.9, 1.2)
    mouth_rings: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.62, 0.78, 1.02, 1.3, 1.65)
    upper_lid: int = 4  #: the ring (from 1) on the edge of the upper lid, which is lowest there when open and meets the lower when closed
    lower_lid: int = 2  #: the ring on the edge of the lower lid
    mouth_margin: int = 6  #: the ring that lies on the visible edge of the lips
    finest: float = 0.24  #: spacing near the features
    coarsest: float = 1.28
    growth: float = 0.088  #: of the spacing, per cm away from the features beyond `plateau`
    plateau: float = 1.4
    ears: float = 0.5  #: spacing on the ears, which stand off the head

    def spacing(self, points: Float[np.ndarray, "n 3"], features: KDTree) -> Float[np.ndarray, " n"]:
        """Wanted distance between vertices at points of the head, by their distance from the features."""
        wider = self.growth * np.maximum(features.query(points)[0] - self.plateau, 0.0)
        aside, behind, bottom, top = _EAR
        x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
        on_ear = (x > aside) & (z < behind) & (y > bottom) & (y < top)
        return np.clip(self.finest + wider, self.finest, np.where(on_ear, self.ears, self.coarsest))


@dataclass(frozen=True, eq=False)
class Skin:
    """A new mesh over a source surface."""

    places: Places  #: of the vertices, on the triangles of the source
    triangles: Int[np.ndarray, "f 3"]
    chart: Float[np.ndarray, "v 2"]  #: the flat disc, mirror-symmetric about u = 0
    source_chart: Float[np.ndarray, "w 2"]  #: of the source's vertices
    loops: Mapping[str, Int[np.ndarray, " _"]]  #: as in `mien.geometry.head.HeadModel.loops`, and ``border``
    mouth_rings: Int[np.ndarray, "r n"]  #: from the hole outwards, each counter-clockwise from the corner on the subject's right


@dataclass(frozen=True, eq=False)
class _Source:
    vertices: Float[np.ndarray, "w 3"]
    triangles: Int[np.ndarray, "g 3"]
    chart: Float[np.ndarray, "w 2"]

    def at(self, uv: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 3"]:
        return chart.locate(self.chart, self.triangles, uv).matrix(self.triangles, len(self.vertices)) @ self.vertices


def disc_chart(vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]) -> Float[np.ndarray, "v 2"]:
    """A mirror-symmetric map of a mirror-symmetric skin with eye and mouth holes to the unit disc; the top of its border at (0, 1)."""
    border, *holes = mesh.boundary_loops(triangles)
    points, closed = chart.fan_holes(vertices, triangles, holes)
    middle = border[np.abs(points[border, 0]) < 0.05]
    top = middle[points[middle, 1].argmax()]
    border = np.roll(border, -int(np.flatnonzero(border == top)[0]))
    uv = chart.solve_map(chart.mean_value_weights(points, closed), border, chart.convex_border(points[border]))[: len(vertices)]
    partner = KDTree(vertices).query(vertices * [-1.0, 1.0, 1.0])[1]
    return 0.5 * (uv + _FLIP * uv[partner])


def build(
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    features: Float[np.ndarray, "m 3"],
    plan: SkinPlan,
    rng: np.random.Generator,
) -> Skin:
    """Lay a new mesh over a symmetric skin (`vertices` in head space) with three holes; dense around `features`."""
    source = _Source(vertices, triangles, disc_chart(vertices, triangles))
    border, *holes = mesh.boundary_loops(triangles)
    right, mouth, _ = sorted(holes, key=lambda loop: float(vertices[loop, 0].mean()))
    distance = {"eye": mesh.geodesic_distances(vertices, triangles, right), "mouth": mesh.geodesic_distances(vertices, triangles, mouth)}
    eye = _rings(source, right, distance["eye"], (0.0, *plan.eye_rings), plan.eye_points)
    lips = _rings(source, mouth, distance["mouth"], (0.0, *plan.mouth_rings), plan.mouth_points)
    lips = 0.5 * (lips + _mirrored(lips))
    rings = np.concatenate([eye.reshape(-1, 2), _mirrored(eye).reshape(-1, 2), lips.reshape(-1, 2)])
    edge = _border(source, border, plan.coarsest)

    near = KDTree(features)

    def spacing(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        return plan.spacing(points, near)

    gap = np.minimum(distance["eye"] - plan.eye_rings[-1], distance["mouth"] - plan.mouth_rings[-1])
    midline = _midline(source, gap, spacing)
    free = _scatter(source, np.concatenate([rings, edge, midline]), gap, spacing, rng)
    uv = np.concatenate([rings, edge, midline, free, _FLIP * free])
    loops = _loops(plan, len(rings), len(edge))
    holes_here = [loops[name] for name in ("eye_hole_L", "eye_hole_R", "mouth_hole")]
    places = chart.locate(source.chart, triangles, uv)
    points = places.matrix(triangles, len(vertices)) @ vertices
    around = loops["mouth_hole"] + plan.mouth_points * np.arange(1 + len(plan.mouth_rings))[:, None]
    return Skin(places, remesh.triangulate(uv, points, holes_here), uv, source.chart, loops, around)


def _rings(
    source: _Source, hole: Int[np.ndarray, " h"], field: Float[np.ndarray, " v"], levels: tuple[float, ...], count: int
) -> Float[np.ndarray, "r n 2"]:
    """Chart places of rings at distances from a hole, each from its extreme on the subject's right, counter-clockwise."""
    rings: list[Float[np.ndarray, "n 2"]] = []
    axis = np.array([1.0, 0.0, 0.0])
    for level in levels:
        if level == 0.0:
            edges, along = np.stack([hole, hole], axis=1), np.zeros(len(hole))
        else:
            edges, along = remesh.level_loop(field, source.triangles, level)
        flat = source.chart[edges[:, 0]] * (1 - along)[:, None] + source.chart[edges[:, 1]] * along[:, None]
        curve = source.vertices[edges[:, 0]] * (1 - along)[:, None] + source.vertices[edges[:, 1]] * along[:, None]
        following = np.roll(flat, -1, axis=0)
        if (flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]).sum() < 0:
            flat, curve = flat[::-1], curve[::-1]
        segment, fraction = remesh.resample_loop(curve, axis, count)
        rings.append(flat[segment] * (1 - fraction)[:, None] + np.roll(flat, -1, axis=0)[segment] * fraction[:, None])
    return np.stack(rings)


def _mirrored(rings: Float[np.ndarray, "r n 2"]) -> Float[np.ndarray, "r n 2"]:
    """The rings of the other side, again counter-clockwise from their extreme on the subject's right."""
    count = rings.shape[1]
    return _FLIP * rings[:, (count // 2 - np.arange(count)) % count]


def _border(source: _Source, border: Int[np.ndarray, " b"], step: float) -> Float[np.ndarray, "m 2"]:
    """Places around the edge of the disc, both halves alike, with one in the middle at the top and at the bottom."""
    angle = np.unwrap(np.arctan2(source.chart[border, 1], source.chart[border, 0]))
    length = np.linalg.norm(np.roll(source.vertices[border], -1, axis=0) - source.vertices[border], axis=1).sum()
    count = max(4, round(length / step / 2))
    half = np.pi / 2 + np.pi * np.arange(count + 1) / count
    radius = np.cos(0.5 * np.abs(np.diff(angle)).max())  # stay inside the polygon that the border really is
    places = radius * np.stack([np.cos(half), np.sin(half)], axis=1)
    places[[0, -1], 0] = 0.0
    return np.concatenate([places, (_FLIP * places[1:-1])[::-1]])


def _midline(source: _Source, gap: Float[np.ndarray, " v"], spacing: remesh.Spacing) -> Float[np.ndarray, "n 2"]:
    """Places down the middle of the face, outside the rings."""
    flat = np.stack([np.zeros(4001), np.linspace(0.995, -0.995, 4001)], axis=1)
    places = chart.locate(source.chart, source.triangles, flat).matrix(source.triangles, len(source.vertices))
    points, clear = places @ source.vertices, places @ gap
    wanted = spacing(points)
    kept: list[int] = []
    for i in range(len(flat)):
        if clear[i] > 0.6 * wanted[i] and (not kept or np.linalg.norm(points[i] - points[kept[-1]]) >= wanted[i]):
            kept.append(i)
    return flat[kept]


def _scatter(
    source: _Source, fixed: Float[np.ndarray, "n 2"], gap: Float[np.ndarray, " v"], spacing: remesh.Spacing, rng: np.random.Generator
) -> Float[np.ndarray, "m 2"]:
    """Places on the subject's right half, outside the rings, at their own spacing from everything."""
    density = spacing(source.vertices[source.triangles].mean(axis=1)) ** -2.0
    corners = source.vertices[source.triangles]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    count = int(15 * (area * density).sum())  # so many more than can stay that no gap is left
    candidates = remesh.scatter_on(source.vertices, source.triangles, density, count, rng).matrix(source.triangles, len(source.vertices))
    points, flat = candidates @ source.vertices, candidates @ source.chart
    wanted = spacing(points)
    open_ground = (points[:, 0] < -0.45 * wanted) & (flat[:, 0] < 0) & (candidates @ gap > 0.6 * wanted)
    points, flat, wanted = points[open_ground], flat[open_ground], wanted[open_ground]
    pinned = source.at(fixed)
    kept = remesh.poisson(points, wanted, pinned, 0.75 * spacing(pinned))
    return flat[kept]


def _loops(plan: SkinPlan, rings: int, edge: int) -> dict[str, Int[np.ndarray, " _"]]:
    """Named curves in the order in which `build` lists the vertices."""
    eye, mouth = plan.eye_points, plan.mouth_points
    block = eye * (1 + len(plan.eye_rings))
    start = {"R": 0, "L": block, "mouth": 2 * block}
    loops = {"mouth_hole": start["mouth"] + np.arange(mouth), "border": rings + np.arange(edge)}
    lips = start["mouth"] + plan.mouth_margin * mouth + np.r_[np.arange(mouth), 0]
    loops["lip_lower"], loops["lip_upper"] = lips[: mouth // 2 + 1], lips[mouth // 2 :][::-1]
    for side in "LR":
        loops[f"eye_hole_{side}"] = start[side] + np.arange(eye)
        around = start[side] + np.r_[np.arange(eye), 0]
        loops[f"lid_lower_{side}"] = around[: eye // 2 + 1] + plan.lower_lid * eye
        loops[f"lid_upper_{side}"] = around[eye // 2 :][::-1] + plan.upper_lid * eye
    return loops
