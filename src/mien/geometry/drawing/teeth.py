"""Teeth, gums and tongue as simple surfaces in head space, and their colours.

Both rows stand on arches (Angle's: x = a sin phi, z = z0 - b (1 - cos phi)); the upper one is fixed to the skull, the lower one moves
with the jaw. Widths and heights of the crowns are the averages of Wheeler's Dental Anatomy, in cm.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.drawing.morph import Sitting, at_landmarks
from mien.geometry.head import HeadModel

UPPER, LOWER, TONGUE = 0, 1, 2
_WIDTHS = {UPPER: (0.85, 0.66, 0.76, 0.70, 0.68, 1.02, 0.98), LOWER: (0.54, 0.59, 0.69, 0.70, 0.71, 1.10, 1.05)}
_HEIGHTS = {UPPER: (1.02, 0.90, 1.00, 0.85, 0.82, 0.75, 0.70), LOWER: (0.90, 0.92, 1.00, 0.86, 0.80, 0.72, 0.70)}
_HALF_WIDTH, _DEPTH = {UPPER: 2.55, LOWER: 2.30}, {UPPER: 3.1, LOWER: 3.0}
_BEHIND_LIP, _OVERJET = 0.5, 0.28  # cm: upper row behind the margin of the lips, lower row behind the upper one
_BELOW_LINE, _OVERBITE = 0.15, 0.12  # cm: upper edge below the line where the lips meet, lower edge above that of the upper row
_GUM = 1.6  # cm of gum beyond the crowns


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Triangles of one jaw's visible inner mouth."""

    points: Float[np.ndarray, "v 3"]  #: head space, cm
    along: Float[np.ndarray, " v"]  #: cm along the arch from the middle, to the subject's left; the tongue: -1..1 across
    up: Float[np.ndarray, " v"]  #: cm from the biting edge towards the root; the tongue: 0 at its tip to 1 at its back
    kind: Float[np.ndarray, " v"]  #: UPPER, LOWER or TONGUE
    triangles: Int[np.ndarray, "f 3"]
    edge: Float[np.ndarray, " 3"]  #: middle of the biting edge, head space


@cache
def _arch(kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles and the arc lengths that belong to them."""
    phi = np.linspace(0.0, 1.35, 200)
    step = np.hypot(np.diff(_HALF_WIDTH[kind] * np.sin(phi)), np.diff(_DEPTH[kind] * np.cos(phi)))
    return phi, np.r_[0.0, np.cumsum(step)]


def _sheet(rows: int, columns: int) -> Int[np.ndarray, "f 3"]:
    """Triangles of a grid of points."""
    i = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, :-1].ravel(), i[1:, 1:].ravel()
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def _row(kind: int, edge: Float[np.ndarray, " 3"]) -> Surfaces:
    """One row with its gum, from the middle of its biting edge."""
    phi, length = _arch(kind)
    along = np.linspace(-length[-1], length[-1], 61)
    angle = np.interp(np.abs(along), length, phi) * np.sign(along)
    up = np.r_[np.linspace(0.0, 1.1, 5), 1.1 + _GUM]
    towards = 1.0 if kind == UPPER else -1.0
    s, v = np.meshgrid(along, up)
    lean = 0.18 * np.clip(v - 1.1, 0.0, None) - 0.08 * v  # crowns lean back towards the root, gums come forward again
    sag = 0.10 * (s / length[-1]) ** 2  # the biting edge rises to the back (curve of Spee, smile arc)
    x = (_HALF_WIDTH[kind] + lean) * np.sin(angle)
    z = edge[2] + lean - (_DEPTH[kind] + lean) * (1 - np.cos(angle))
    y = edge[1] + towards * v + (sag if kind == UPPER else 0.5 * sag)
    points = np.stack([edge[0] + x, y, z], axis=-1).reshape(-1, 3)
    return Surfaces(points, s.ravel(), v.ravel(), np.full(s.size, float(kind)), _sheet(len(up), len(along)), edge)


def _tongue(edge: Float[np.ndarray, " 3"]) -> Surfaces:
    """A low dome behind the lower row, from its tip back; `up` runs from 0 there to 1 at its back."""
    u, w = np.meshgrid(np.linspace(-1, 1, 17), np.linspace(0.0, 1.0, 9))
    x = 2.0 * u * np.sqrt(np.clip(1 - (1 - w) ** 3, 0, 1))
    crown = np.clip(1 - (0.95 * u) ** 2, 0, 1) - 0.15 * np.exp(-((u / 0.15) ** 2))
    y = edge[1] - 0.85 + 1.25 * np.sin(w * np.pi * 0.5) * crown
    z = edge[2] - 0.5 - 4.0 * w**1.3
    points = np.stack([edge[0] + x, y, z], axis=-1).reshape(-1, 3)
    return Surfaces(points, u.ravel(), w.ravel(), np.full(u.size, float(TONGUE)), _sheet(9, 17), edge)


def upper(line: Float[np.ndarray, " 3"]) -> Surfaces:
    """The upper row of a mouth whose lips meet at `line` when it is shut (head space, cm)."""
    return _row(UPPER, line + np.array([0.0, -_BELOW_LINE, -_BEHIND_LIP]))


def lower(line: Float[np.ndarray, " 3"]) -> Surfaces:
    """The lower row and the tongue, jaw shut."""
    edge = line + np.array([0.0, -_BELOW_LINE + _OVERBITE, -_BEHIND_LIP - _OVERJET])
    row, tongue = _row(LOWER, edge), _tongue(edge)
    return Surfaces(
        np.concatenate([row.points, tongue.points]), np.concatenate([row.along, tongue.along]), np.concatenate([row.up, tongue.up]),
        np.concatenate([row.kind, tongue.kind]), np.concatenate([row.triangles, tongue.triangles + len(row.points)]), edge,
    )  # fmt: skip


def lip_line(sitting: Sitting) -> Float[np.ndarray, " 3"]:
    """Where the lips of a person meet at rest, in the middle (head space, cm)."""
    marks = at_landmarks(sitting.head, sitting.neutral)
    return (marks[13] + marks[14]) / 2


def jaw(head: HeadModel, rest: Float[np.ndarray, "v 3"], now: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "4 3"]:
    """How the jaw has moved, as an affine map of homogeneous head-space points: the lower teeth's, or the chin's without teeth."""
    part = head.parts["teeth_lower"].numpy()
    if len(part) < 8:
        chin = at_landmarks(head, now)[[152, 148, 377, 176, 400]].mean(0) - at_landmarks(head, rest)[[152, 148, 377, 176, 400]].mean(0)
        return np.r_[np.eye(3), chin[None]]
    return np.linalg.lstsq(np.c_[rest[part], np.ones(len(part))], now[part], rcond=None)[0]


def carried(surfaces: Surfaces, move: Float[np.ndarray, "4 3"] | None) -> Float[np.ndarray, "v 3"]:
    """The points of the surfaces after a move of the jaw (none: of the skull), head space."""
    return surfaces.points if move is None else np.c_[surfaces.points, np.ones(len(surfaces.points))] @ move


def projected(points: Float[np.ndarray, "v 3"], sitting: Sitting, offset: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "v 3"]:
    """Crop pixels and nearness of points, shifted by `offset` pixels."""
    corners = sitting.code.pose.project(points)
    corners[:, :2] += offset
    return corners


def facing(surfaces: Surfaces, points: Float[np.ndarray, "v 3"], sitting: Sitting) -> Float[np.ndarray, " v"]:
    """Cosine between the outside of a row at its points and the way to the viewer; of the tongue, 1."""
    middle = points[surfaces.kind != TONGUE].mean(axis=0)
    out = points[:, [0, 2]] - middle[[0, 2]] + [0.0, 1.5]  # an arch turns its outside away from a point behind its middle
    normal = np.stack([out[:, 0], np.zeros(len(out)), out[:, 1]], axis=1) / np.maximum(np.linalg.norm(out, axis=1), 1e-6)[:, None]
    return np.where(surfaces.kind == TONGUE, 1.0, (normal @ sitting.code.pose.rotation.T)[:, 2])


def crowns(kind: int, along: Float[np.ndarray, "*n"], up: Float[np.ndarray, "*n"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per point of a row: how far it is tooth (not gum or gap), how far gum, and its brightness as a tooth, all 0..1."""
    ends = np.cumsum(_WIDTHS[kind])
    distance = np.abs(along)
    index = np.clip(np.searchsorted(ends, distance), 0, len(ends) - 1)
    width, height = np.array(_WIDTHS[kind])[index], np.array(_HEIGHTS[kind])[index]
    c = np.abs((distance - (ends[index] - width / 2)) / (width / 2))  # 0 in the middle of a tooth, 1 at its sides
    pointed = np.where(index == 2, 0.10 * c, 0.0) + np.where((index == 1) & (kind == UPPER), 0.06, 0.0)
    bite = pointed + 0.10 * c**6
    root = height - 0.16 * c**4
    tooth = _step(up, bite, 0.03) * (1 - _step(up, root, 0.04))
    gum = _step(up, root, 0.04)
    gap = 1 - 0.40 * np.exp(-((((1 - c) * width / 2) / 0.035) ** 2))
    round_ = 1 - 0.26 * c**2.5
    edge = 0.86 + 0.14 * np.clip((up - bite) / 0.18, 0, 1)
    return tooth, gum, gap * round_ * edge


def _step(value: np.ndarray, at: np.ndarray, soft: float) -> np.ndarray:
    return np.clip(0.5 + (value - at) / (2 * soft), 0.0, 1.0)


def attributes(surfaces: Surfaces) -> Float[np.ndarray, "v 3"]:
    """What colours depend on, per point: along, up and kind."""
    return np.stack([surfaces.along, surfaces.up, surfaces.kind], axis=1)
