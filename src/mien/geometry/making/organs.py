"""What lies behind the skin: eyeballs, teeth, gums, tongue and the dark inside of the mouth, as simple surfaces of our own.

Each moves with up to four *bones* (`BONES`), whose motion under any identity or expression is an affine map.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: What carries the organs: two eyeballs, the skull with the upper teeth, the lower jaw.
BONES = ("eye_L", "eye_R", "skull", "jaw")


@dataclass(frozen=True, eq=False)
class Organ:
    """A surface in one of the parts of a head."""

    part: str
    points: Float[np.ndarray, "n 3"]  #: head space, cm
    triangles: Int[np.ndarray, "f 3"]  #: counter-clockwise from where it is seen
    uv: Float[np.ndarray, "n 2"]  #: in the organ's own unit square
    bones: Float[np.ndarray, "n 4"]  #: weight of each of `BONES`, summing to 1


@dataclass(frozen=True, eq=False)
class Tooth:
    """The box that a tooth fills: middle, unit vectors across (to the subject's left) and outward, and its size in cm."""

    middle: Float[np.ndarray, " 3"]
    across: Float[np.ndarray, " 3"]
    outward: Float[np.ndarray, " 3"]
    width: float
    height: float
    depth: float


def _bone(name: str, count: int) -> Float[np.ndarray, "n 4"]:
    weights = np.zeros((count, len(BONES)))
    weights[:, BONES.index(name)] = 1.0
    return weights


def _grid(rows: int, columns: int, *, closed: bool = False) -> Int[np.ndarray, "f 3"]:
    """Triangles of a grid of vertices listed row by row; rows run down and columns to the right where it is seen."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    right = (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + right, (i + 1) * columns + j, (i + 1) * columns + right
    return np.concatenate([np.stack([a, c, d], axis=-1).reshape(-1, 3), np.stack([a, d, b], axis=-1).reshape(-1, 3)])


def eyeball(
    part: str,
    center: Float[np.ndarray, " 3"],
    axis: Float[np.ndarray, " 3"],
    profile: tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]],
    iris_angle: float,
    *,
    columns: int = 28,
) -> tuple[Organ, Int[np.ndarray, " n"]]:
    """An eyeball around `center` that looks along `axis`, and its ring of vertices on the rim of the iris.

    `profile` is the radius in cm at angles (radians) from the axis: it holds the bulge of the cornea. Vertex 0 is the pupil's middle.
    In the organ's texture the angle from the axis is the distance from the middle; the iris ends at a quarter of the width.
    """
    angles = np.r_[0.38, 0.7, 1.0, 1.35, 1.8, 2.4, 3.2, 4.2, 5.2] * iris_angle
    turn = 2 * np.pi * np.arange(columns) / columns
    side = np.cross([0.0, 1.0, 0.0], axis)
    side /= np.linalg.norm(side)
    up = np.cross(axis, side)
    around = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * up
    direction = np.cos(angles)[:, None, None] * axis + np.sin(angles)[:, None, None] * around
    points = np.concatenate(
        [axis[None] * np.interp(0.0, *profile), (direction * np.interp(angles, *profile)[:, None, None]).reshape(-1, 3)]
    )
    reach = _reach(angles / iris_angle)
    flat = 0.5 + (reach[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)).reshape(-1, 2)
    fan = np.stack([np.zeros(columns, int), 1 + np.arange(columns), 1 + (np.arange(columns) + 1) % columns], axis=1)
    triangles = np.concatenate([fan, 1 + _grid(len(angles), columns, closed=True)])
    ring = 1 + columns * int(np.flatnonzero(angles == iris_angle)[0]) + np.arange(columns)
    uv = np.concatenate([[[0.5, 0.5]], flat])
    return Organ(part, center + points, triangles, uv, _bone(part, len(points))), ring


def _reach(turns: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Distance from the middle of the eye's texture: linear to .25 at the iris, then slower to .5 at the last ring."""
    return np.where(turns <= 1.0, 0.25 * turns, 0.25 + 0.25 * (turns - 1.0) / (turns[-1] - 1.0))


def teeth(part: str, row: list[Tooth], bone: str, columns: int = 5) -> Organ:
    """Rounded crowns, from the gum over the front and the edge to the back; upper teeth hang, lower teeth stand."""
    down = -1.0 if part == "teeth_upper" else 1.0
    # (height from -.5 at the gum to .5 at the edge, depth from 1 at the front to 0) of the rows of a crown
    crown = np.array([[-0.5, 0.80], [-0.2, 0.97], [0.15, 1.0], [0.42, 0.86], [0.5, 0.62], [0.35, 0.42], [-0.1, 0.2]])
    s = np.linspace(-1.0, 1.0, columns)
    points, triangles, uv = [], [], []
    for number, tooth in enumerate(row):
        taper = 1.0 - 0.10 * np.clip(-crown[:, :1] + 0.1, 0, None) - 0.05 * np.clip(crown[:, :1] - 0.3, 0, None)
        x = s[None] * 0.5 * tooth.width * taper * 1.02
        y = down * (crown[:, :1] - 0.09 * np.abs(s[None]) ** 3 * (crown[:, :1] > 0.2)) * tooth.height
        z = (crown[:, 1:] * (1.0 - 0.22 * s[None] ** 2) - 0.5) * tooth.depth
        body = tooth.middle + x[..., None] * tooth.across + z[..., None] * tooth.outward
        body[..., 1] += y
        grid = _grid(len(crown), columns)
        triangles.append(len(crown) * columns * number + (grid if down < 0 else grid[:, ::-1]))
        points.append(body.reshape(-1, 3))
        u, v = np.meshgrid((number + 0.05 + 0.9 * (s + 1) / 2) / len(row), 0.5 - 0.45 * down * np.linspace(1, -1, len(crown)))
        uv.append(np.stack([u, v], axis=-1).reshape(-1, 2))
    body = np.concatenate(points)
    return Organ(part, body, np.concatenate(triangles), np.concatenate(uv), _bone(bone, len(body)))


def gums(part: str, row: list[Tooth], bone: str) -> Organ:
    """A band around the roots, from a little over the necks of the teeth to beyond what an open mouth shows."""
    up = 1.0 if part == "gums_upper" else -1.0
    ends = [row[0].middle - row[0].across * row[0].width, row[-1].middle + row[-1].across * row[-1].width]
    line = np.stack([ends[0], *(t.middle for t in row), ends[1]])
    outward = np.stack([row[0].outward, *(t.outward for t in row), row[-1].outward])
    height = np.array([row[0].height, *(t.height for t in row), row[-1].height])[:, None]
    depth = np.array([row[0].depth, *(t.depth for t in row), row[-1].depth])[:, None]
    # (height in teeth above the middle, forwardness in depths) of the rows
    band = np.array([[0.28, -0.10], [0.36, 0.36], [0.5, 0.42], [0.8, 0.3], [1.0, 0.0]])
    rows = [line + outward * depth * forward + np.array([0.0, up, 0.0]) * height * rise for rise, forward in band]
    points = np.concatenate(rows if up < 0 else rows[::-1])
    u, v = np.meshgrid(np.linspace(0, 1, len(line)), np.linspace(1, 0, len(band)))
    return Organ(part, points, _grid(len(band), len(line)), np.stack([u.ravel(), v.ravel()], axis=1), _bone(bone, len(points)))


def tongue(lower: list[Tooth], rows: int = 9, columns: int = 9) -> Organ:
    """A rounded blade on the floor of the mouth, its tip behind the lower front teeth."""
    middle = np.mean([t.middle for t in lower], axis=0)
    front, half = max(t.middle[2] for t in lower) - 1.1, max(abs(t.middle[0]) for t in lower) - 0.9
    t, s = np.meshgrid(np.linspace(0, 1, rows), np.linspace(-1, 1, columns), indexing="ij")  # back to tip, right to left
    width = half * np.sqrt(np.clip(1.0 - np.clip(t - 0.35, 0, None) ** 2 / 0.65**2 * 0.97, 0, None))
    x = s * width
    z = front - 5.0 * (1.0 - t) - 0.35 * s**2 * t
    y = (
        middle[1]
        + 0.15
        + 0.30 * (1 - s**2)
        - 0.16 * np.exp(-((s / 0.18) ** 2))
        - 0.75 * np.clip(t - 0.55, 0, None) ** 2 * 2.0
        - 0.35 * s**4
    )
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    uv = np.stack([0.5 + 0.48 * s.ravel(), 0.98 - 0.96 * t.ravel()], axis=1)
    return Organ("tongue", points, _grid(rows, columns), uv, _bone("jaw", len(points)))


def cavity(rim: Float[np.ndarray, "c 3"], upper: list[Tooth], lower: list[Tooth], rows: int = 7) -> Organ:
    """A dark bag that hangs from the skin's edge inside the lips, passes before the gums and closes behind the tongue.

    `rim` runs counter-clockwise from the corner on the subject's right; it is the first row of the organ and moves with the skin. The
    roof moves with the skull, the floor with the jaw.
    """
    columns = len(rim)
    turn = np.pi + 2 * np.pi * np.arange(columns) / columns
    every = np.stack([t.middle + 0.5 * t.depth * t.outward for t in upper + lower])
    wide = np.abs(every[:, 0]).max() + 0.4
    bow = np.polynomial.Polynomial.fit(every[:, 0], every[:, 2], [0, 2, 4], domain=[-wide, wide])  # the arch of the teeth from below
    height = every[:, 1].mean()
    x = wide * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.8
    rise = np.sin(turn)
    y = height + np.where(rise > 0, 1.75, 1.2) * rise  # the chin is near below
    before = np.stack([x, y, bow(np.clip(x, -0.95 * wide, 0.95 * wide)) + 0.1 + 0.2 * rise], axis=1)
    back = np.array([0.0, height - 0.6, 3.0])
    t = np.linspace(0.0, 0.97, rows)[:, None, None]
    body = back + (before - back) * np.concatenate([np.sqrt(1 - t**2), np.sqrt(1 - t**2), 1 - t], axis=2)
    points = np.concatenate([rim, body.reshape(-1, 3)])
    sink = np.clip(0.5 - (points[:, 1:2] - height) / 1.6, 0.0, 1.0)  # 0 on the roof, 1 on the floor
    bones = _bone("skull", len(points)) * (1 - sink) + _bone("jaw", len(points)) * sink
    reach = np.linspace(0.48, 0.02, rows + 1)[:, None]
    uv = 0.5 + np.stack([(reach * np.cos(turn)).ravel(), (reach * np.sin(turn)).ravel()], axis=1)
    return Organ("mouth", points, _grid(rows + 1, columns, closed=True)[:, ::-1], uv, bones)
