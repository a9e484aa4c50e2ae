"""Furrows that action units fold into the skin, drawn as changes of its light.

A landmark mesh is too coarse for wrinkles, so they are drawn where anatomy has them: curves between landmarks, each with the units that
deepen it (Ekman, Friesen & Hager 2002, the "appearance changes" of each unit). Across a curve the light falls in the fold and rises on the
side that turns to the light. Where the skin has furrows of its own (`mien.geometry.drawing.relief`), those are worked instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, Float32

from mien.aus import MAX_INTENSITY, AUShift, axes
from mien.geometry.drawing.box import Box
from mien.geometry.drawing.relief import Relief
from mien.geometry.drawing.shade import Light
from mien.geometry.drawing.warp import Grid

_BROW_ROW = (68, 104, 69, 108, 151, 337, 299, 333, 298)
_HAIR_ROW = (54, 103, 67, 109, 10, 338, 297, 332, 284)
_RELIEF = 0.5  # of the depth of a furrow: how much its sides catch the light
_FLATTEN = 0.35  # of the depth: how much of a furrow goes when its unit relaxes
_OWN = 0.75  # of the depth: how much less is drawn on skin that has furrows of its own
_DEEPER, _FLATTER = 0.8, 0.6  # of the photo's own relief: how much it gains by a unit at full intensity, and loses as it relaxes
_UNSEEN = 0.02  # of the depth at full intensity: less shows nothing
_REACH, _SOFT = 0.35, 0.2  # cm around a curve where own furrows are worked fully, and over which that fades

Points = tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class Furrow:
    """A curve through points, each a landmark or a place between two, and what folds it."""

    points: Points  #: landmark, landmark, share of the way from the first to the second
    units: tuple[tuple[str, float], ...]  #: axis and its share; the depth is the sum over the changes
    width: float  #: cm from the bottom to the rim
    depth: float  #: fall of the logarithm of the sRGB value at full intensity; of a ridge, below 0
    taper: float = 0.7  #: 0: as deep at its ends as in its middle; the more, the longer it fades out towards them


def _through(*landmarks: int) -> Points:
    return tuple((i, i, 0.0) for i in landmarks)


def _forehead(share: float, depth: float) -> Furrow:
    points = tuple((low, high, share) for low, high in zip(_BROW_ROW, _HAIR_ROW, strict=True))
    return Furrow(points, (("AU01L", 0.25), ("AU01R", 0.25), ("AU02L", 0.25), ("AU02R", 0.25)), 0.09, depth)


def _both(right: Points, left: Points, units: dict[str, float], *, width: float, depth: float, taper: float = 0.7) -> list[Furrow]:
    """A furrow on either side, each with the units of its side."""
    return [
        Furrow(points, tuple((f"{unit}{side}", share) for unit, share in units.items()), width, depth, taper)
        for side, points in (("R", right), ("L", left))
    ]


def _chin(points: tuple[tuple[int, float], ...], depth: float) -> list[Furrow]:
    """A wavy crease across the chin that its muscle bunches up: each landmark with how far it lies towards the tip of the chin."""
    return [Furrow(tuple((i, 152, share) for i, share in points), (("AU17", 1.0),), 0.10, depth)]


FURROWS: tuple[Furrow, ...] = (
    _forehead(0.18, 0.08), _forehead(0.40, 0.11), _forehead(0.62, 0.07),
    *_both(  # between the brows a thin dark core, in the broad shadow that the drawn brows throw on either side of a bulge
        ((107, 151, 0.20), (107, 9, 0.42), (55, 8, 0.44), (193, 168, 0.20)),
        ((336, 151, 0.20), (336, 9, 0.42), (285, 8, 0.44), (417, 168, 0.20)),
        {"AU04": 1.0, "AU09": 0.3}, width=0.10, depth=0.11, taper=1.6,
    ),
    *_both(
        ((107, 151, 0.30), (107, 9, 0.36), (55, 8, 0.36), (193, 168, 0.25), (245, 168, 0.10)),
        ((336, 151, 0.30), (336, 9, 0.36), (285, 8, 0.36), (417, 168, 0.25), (465, 168, 0.10)),
        {"AU04": 1.0}, width=0.32, depth=0.19, taper=1.1,
    ),
    Furrow(_through(151, 9, 8, 168), (("AU04", 1.0),), 0.30, -0.06, 1.1),
    *_both(_through(221, 222, 223, 224), _through(441, 442, 443, 444), {"AU04": 1.0}, width=0.22, depth=0.16),
    Furrow(_through(193, 168, 417), (("AU09", 0.8), ("AU04", 0.2)), 0.17, 0.15, 1.2),
    Furrow(_through(122, 6, 351), (("AU09", 1.0),), 0.17, 0.11, 1.2),
    *_both(_through(188, 114, 217), _through(412, 343, 437), {"AU09": 1.0}, width=0.20, depth=0.13),
    *_both(((128, 114, 0.5), (114, 217, 0.6), (198, 217, 0.4)), ((357, 343, 0.5), (343, 437, 0.6), (420, 437, 0.4)),
           {"AU09": 1.0}, width=0.14, depth=0.11),
    *_both(
        _through(129, 203, 206, 216), _through(358, 423, 426, 436),
        {"AU12": 0.9, "AU10": 0.9, "AU09": 0.8, "AU11": 1.0, "AU20": 0.4}, width=0.20, depth=0.24,
    ),
    *_both(_through(92, 216, 212, 202), _through(322, 436, 432, 422), {"AU14": 1.0, "AU20": 0.8, "AU12": 0.4}, width=0.16, depth=0.20),
    *_both(_through(57, 43, 204, 211), _through(287, 273, 424, 431), {"AU15": 1.0, "AU20": 0.5}, width=0.18, depth=0.20),
    *_both(_through(130, 143, 34), _through(359, 372, 264), {"AU06": 1.0}, width=0.09, depth=0.18),
    *_both(_through(226, 156, 139), _through(446, 383, 368), {"AU06": 1.0}, width=0.09, depth=0.15),
    *_both(_through(31, 111, 116), _through(261, 340, 345), {"AU06": 1.0}, width=0.09, depth=0.16),
    *_both(_through(243, 112, 231, 230), _through(463, 341, 451, 450), {"AU06": 0.8, "AU07": 0.8}, width=0.12, depth=0.12),
    Furrow(_through(182, 83, 18, 313, 406), (("AU17", 1.0), ("AU24", 0.6), ("AU23", 0.4)), 0.20, 0.26),
    *_chin(((204, 0.3), (201, 0.4), (200, 0.2), (421, 0.4), (424, 0.3)), 0.17),
    *_chin(((211, 0.4), (208, 0.5), (199, 0.0), (428, 0.4), (431, 0.4)), 0.14),
    Furrow(_through(78, 81, 13, 311, 308), (("AU24", 1.0), ("AU23", 0.6)), 0.09, 0.30),
    Furrow(_through(40, 37, 0, 267, 270), (("AU24", 0.8), ("AU23", 0.5)), 0.12, 0.14),
)  # fmt: skip
_DEEPEN = np.array([sum(share / len(axes(unit)) * AUShift.of({unit: 1.0}).values for unit, share in f.units) for f in FURROWS])
_POINTS = np.concatenate([f.points for f in FURROWS])  # of all furrows, one after the other
_FIRST, _SECOND, _SHARE = _POINTS[:, 0].astype(int), _POINTS[:, 1].astype(int), _POINTS[:, 2:]
_STARTS = np.cumsum([0, *(len(f.points) for f in FURROWS)])


def log_light(
    change: AUShift, landmarks: Float[np.ndarray, "468 2"], *, light: Light, grid: Grid, scale: float, own: tuple[float, ...] | None = None
) -> Float32[np.ndarray, "h w"]:
    """Change of the logarithm of sRGB values on the nodes of a grid, for a change of expression; 0 away from every furrow.

    `landmarks` are where the face is now; `scale` in pixels per cm; `own` as `wrinkled` tells.
    """
    out = np.zeros((grid.height, grid.width), np.float32)
    own = own or (0.0,) * len(FURROWS)
    for i, fold, curve in _folding(change, landmarks):
        furrow = FURROWS[i]
        depth = furrow.depth * (fold if fold > 0 else _FLATTEN * fold) * (1.0 - _OWN * own[i])
        _fold(out, grid, curve, depth=depth, width=furrow.width * scale, taper=furrow.taper, light=light)
    return out


def wrinkled(relief: Relief, landmarks: Float[np.ndarray, "468 2"]) -> tuple[float, ...]:
    """How far the skin has its own furrow, 0..1, where each of `FURROWS` runs in the photo with these landmarks."""
    return tuple(relief.along(curve) for curve in _curves(landmarks))


def worked(change: AUShift, landmarks: Float[np.ndarray, "468 2"], *, grid: Grid, scale: float) -> Float32[np.ndarray, "h w 1"]:
    """By how much the skin's own relief grows (below 0: shrinks) on the nodes of a grid, as a share of the photo's."""
    out = np.zeros((grid.height, grid.width), np.float32)
    thickness = max(1, round(2 * _REACH * scale / grid.step))
    work = [(_DEEPER * fold if fold > 0 else _FLATTER * fold, curve) for _, fold, curve in _folding(change, landmarks)]
    for amount, curve in sorted(work, key=lambda one: abs(one[0])):  # the strongest last: it counts where they meet
        corners = np.round((_smooth(curve) - [grid.left, grid.top]) / grid.step).astype(np.int32)
        cv2.polylines(out, [corners], isClosed=False, color=amount, thickness=thickness)
    return cv2.GaussianBlur(out, (0, 0), max(0.5, _SOFT * scale / grid.step))[..., None]


def _folding(change: AUShift, landmarks: Float[np.ndarray, "468 2"]) -> Iterator[tuple[int, float, Float[np.ndarray, "n 2"]]]:
    """The furrows that a change of expression shows: index, how far they are folded (-1..1), and their curve."""
    folds, curves = np.clip(_DEEPEN @ change.values / MAX_INTENSITY, -1.0, 1.0), _curves(landmarks)
    return ((int(i), float(folds[i]), curves[i]) for i in np.flatnonzero(np.abs(folds) > _UNSEEN))


def _curves(landmarks: Float[np.ndarray, "468 2"]) -> list[Float[np.ndarray, "n 2"]]:
    points = (1 - _SHARE) * landmarks[_FIRST] + _SHARE * landmarks[_SECOND]
    return [points[start:stop] for start, stop in pairwise(_STARTS)]


def _fold(out: np.ndarray, grid: Grid, curve: Float[np.ndarray, "n 2"], *, depth: float, width: float, taper: float, light: Light) -> None:
    """Add one furrow to a grid: a dark line, brighter where its side turns to the light, fading out at both ends."""
    width = max(width, 1.2 * grid.step)
    low = np.floor((curve.min(axis=0) - 4 * width - [grid.left, grid.top]) / grid.step).astype(int)
    high = np.ceil((curve.max(axis=0) + 4 * width - [grid.left, grid.top]) / grid.step).astype(int) + 1
    box = Box(*map(int, (*low, *(high - low)))).within(Box(0, 0, grid.width, grid.height))
    if box.empty:
        return
    x = grid.left + grid.step * np.arange(box.left, box.right, dtype=np.float32)
    y = grid.top + grid.step * np.arange(box.top, box.bottom, dtype=np.float32)[:, None]
    across, down, way = _nearest(x, y, _smooth(curve).astype(np.float32))
    squared = (across * across + down * down) / width**2
    slope = light.direction / width
    towards = down * float(slope[1]) - across * float(slope[0])  # > 0 on the side from which the light comes: that side turns away
    profile = -np.exp(-squared) - _RELIEF * towards * np.exp(-squared / 1.7**2)
    box.of(out)[:] += depth * np.maximum(np.sin(np.pi * way), 0.0) ** taper * profile


def _nearest(
    x: Float32[np.ndarray, " w"], y: Float32[np.ndarray, "h 1"], curve: Float32[np.ndarray, "n 2"]
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """From the nearest place of a curve to each node, across and down; and where on the curve that is, from 0 to 1."""
    along_x, along_y = np.diff(curve, axis=0).T[:, :, None, None]
    length = np.maximum(along_x**2 + along_y**2, 1e-12)
    x, y = x - curve[:-1, 0, None, None], y - curve[:-1, 1, None, None]
    place = np.clip(x * (along_x / length) + y * (along_y / length), 0.0, 1.0)
    across, down = x - place * along_x, y - place * along_y
    nearest = (across * across + down * down).argmin(axis=0)[None]
    across, down, place = (np.take_along_axis(values, nearest, 0)[0] for values in (across, down, place))
    return across, down, (place + nearest[0].astype(np.float32)) / len(along_x)


def _smooth(curve: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
    """The curve with its corners cut twice."""
    return _cut(len(curve)) @ curve


@cache
def _cut(count: int) -> Float[np.ndarray, "m n"]:
    """Chaikin's corner cutting (1974), twice, as a matrix on `count` points."""
    curve = np.eye(count)
    for _ in range(2):
        cut = np.stack([0.75 * curve[:-1] + 0.25 * curve[1:], 0.25 * curve[:-1] + 0.75 * curve[1:]], axis=1).reshape(-1, count)
        curve = np.concatenate([curve[:1], cut, curve[-1:]])
    return curve
