"""What is where on a head: lips, brows, beard, hair, iris, blemishes, and how much light reaches it; drawn once into its texture."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from scipy.interpolate import CubicSpline

from mien.geometry import facemesh, raster, rotation
from mien.geometry.head import PARTS, HeadModel
from mien.geometry.mesh import vertex_normals

#: The masks of `Skin.masks`, in their order; each 0..255.
MASKS = ("lips", "brows", "beard", "scalp", "blush", "rings", "freckles", "mottle", "coarse", "strands", "iris", "creases")
IRIS_REACH = 2.0  #: radii of the iris at which its mask is 255
_CELL = 0.02  # cm: a pixel of the frontal view in which outlines are drawn
_VIEW = (-10.0, 13.0, 10.0, -13.0)  # cm: left, top, right, bottom of that view
_BROW_LOWER = {"R": (46, 53, 52, 65, 55), "L": (285, 295, 282, 283, 276)}  # outer end first on the right, inner end first on the left
_RAYS, _SHADOW_VIEW = 64, 160  # directions, and pixels of the view from each, from which the light that reaches the skin is counted
_BEHIND_LIPS = 1.4  # cm over which light fades in a mouth, to 1 / e


@dataclass(frozen=True, eq=False)
class Skin:
    """The texture of a head, the same for everybody."""

    masks: tuple[UInt8[np.ndarray, "s s 4"], ...]  #: three pictures of four of `MASKS` each
    uv: Float32[np.ndarray, "v 2"]  #: texel of each vertex
    reached: Float32[np.ndarray, " v"]  #: share of the light from all around that reaches a vertex


def skin(head: HeadModel, size: int) -> Skin:
    """The texture, `size` texels wide; deterministic."""
    texel = (head.uv * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])) * size - 0.5
    seen = raster.rasterize(torch.cat([texel, torch.zeros(len(texel), 1)], dim=1)[None], head.triangles, size, size)
    place = raster.interpolate(seen, head.mean[None], head.triangles)[0].numpy()
    part = torch.where(seen.covered, head.triangle_part[seen.triangle.clamp(min=0)], -1)[0].numpy()
    found = {**_outlined(head, place), **_regions(place), **_noises(size), "iris": _iris(head, place, part)}
    front = (part == PARTS.index("face")) & (place[..., 2] > 4.0)
    for name in ("lips", "brows", "creases"):
        found[name] = found[name] * front
    layers = [np.clip(np.round(255 * found[name]), 0, 255).astype(np.uint8) for name in MASKS]
    outside = part < 0
    filled = [_bled(np.stack(layers[i : i + 4], axis=-1), outside) for i in range(0, len(MASKS), 4)]
    return Skin(tuple(filled), texel.numpy().astype(np.float32), reached(head))


def _bled(layers: UInt8[np.ndarray, "s s 4"], outside: np.ndarray) -> UInt8[np.ndarray, "s s 4"]:
    """Values carried a few texels past the edges of the parts, for what is sampled there."""
    grown = cv2.dilate(np.where(outside[..., None], 0, layers).astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.where(outside[..., None], grown, layers).astype(np.uint8)


def _outlined(head: HeadModel, place: Float32[np.ndarray, "s s 3"]) -> dict[str, np.ndarray]:
    """Lips, brows and the creases of the lids: outlines between landmarks, seen from the front."""
    marks = head.landmarks(head.mean).numpy().astype(np.float64)[:, :2]
    lips = _filled([np.r_[marks[list(facemesh.LIP_UPPER_OUTLINE)], marks[list(facemesh.LIP_LOWER_OUTLINE)][-2:0:-1]]], 0.035)
    hair: list[np.ndarray] = []
    for side in "RL":
        upper, lower = marks[list(facemesh.BROW[side])], marks[list(_BROW_LOWER[side])]
        middle, half = (upper + lower) / 2, (upper - lower) / 2
        outer = 0 if side == "R" else -1
        width = np.interp(np.abs(np.arange(5) - np.arange(5)[outer]), [0, 1, 3, 4], [0.25, 0.65, 0.85, 0.75])[:, None]
        hair.append(np.r_[middle + width * half, (middle - width * half)[::-1]])
    lids = [marks[list(facemesh.LID_UPPER[side])] + (0.0, 0.32) for side in "RL"]
    found = {"lips": lips, "brows": _filled(hair, 0.09), "creases": _lined(lids, 0.10)}
    return {name: _at(stencil, place) for name, stencil in found.items()}


def _pixels(points: Float[np.ndarray, "n 2"]) -> np.ndarray:
    return np.stack([points[:, 0] - _VIEW[0], _VIEW[1] - points[:, 1]], axis=1) / _CELL


def _stencil() -> UInt8[np.ndarray, "h w"]:
    return np.zeros((round((_VIEW[1] - _VIEW[3]) / _CELL), round((_VIEW[2] - _VIEW[0]) / _CELL)), np.uint8)


def _filled(outlines: list[np.ndarray], soft: float) -> Float32[np.ndarray, "h w"]:
    """Smooth closed curves through points, filled, with an edge `soft` cm wide."""
    stencil = _stencil()
    for points in outlines:
        closed = np.r_[points, points[:1]]
        along = np.r_[0.0, np.cumsum(np.sqrt(np.linalg.norm(np.diff(closed, axis=0), axis=1)))]  # centripetal: no loops
        curve = CubicSpline(along, closed, bc_type="periodic")(np.linspace(0, along[-1], 240))
        cv2.fillPoly(stencil, [np.round(_pixels(curve)).astype(np.int32)], 255)
    return cv2.GaussianBlur(stencil, (0, 0), soft / _CELL).astype(np.float32) / 255


def _lined(lines: list[np.ndarray], width: float) -> Float32[np.ndarray, "h w"]:
    """Soft lines `width` cm wide."""
    stencil = _stencil()
    for points in lines:
        cv2.polylines(stencil, [np.round(_pixels(points)).astype(np.int32)], False, 255, round(width / _CELL))
    return cv2.GaussianBlur(stencil, (0, 0), 0.5 * width / _CELL).astype(np.float32) / 255


def _at(stencil: Float32[np.ndarray, "h w"], place: Float32[np.ndarray, "s s 3"]) -> Float32[np.ndarray, "s s"]:
    """A frontal view at the places of texels."""
    x, y = (place[..., 0] - _VIEW[0]) / _CELL, (_VIEW[1] - place[..., 1]) / _CELL
    return cv2.remap(stencil, x, y, cv2.INTER_LINEAR)


def _regions(place: Float32[np.ndarray, "s s 3"]) -> dict[str, np.ndarray]:
    """Beard, hair, cheeks and the surroundings of the eyes, by where they are on the mean head (cm)."""
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    aside = np.degrees(np.arctan2(x, z - 2.0))
    ear = _between(x, 6.9, 7.4) * _between(-z, -2.8, -2.2) * _between(y, -4.0, -3.4) * _between(-y, -4.6, -4.0)
    hairline = np.interp(aside, [0, 35, 60, 74, 80, 90, 125, 180], [8.9, 9.0, 7.4, 6.0, 1.0, 0.8, -2.5, -4.0])
    cheek = -1.2 - 2.8 * np.exp(-(((x - 3.0) / 2.6) ** 2)) + 0.0012 * np.clip(aside - 30, 0, None) ** 2
    bare = 0.25 * _spot(x, y, 0.0, -3.6, 1.6)  # thinner right around the lips
    beard = _between(cheek - y, -0.3, 0.7) * _between(y, -11.5, -9.0) * _between(-aside, -92.0, -80.0) * (1 - bare) * (1 - ear)
    beard = np.maximum(beard, _between(-1.2 - y, 0.0, 0.3) * _between(-x, -2.7, -2.2) * _between(y, -4.0, -3.0) * _between(z, 8.0, 9.0))
    eye = ((x - 3.0) / 1.9) ** 2
    return {
        "beard": beard,
        "scalp": _between(y - hairline, -0.25, 0.45) * (1 - ear),
        "blush": np.maximum(_spot(x, y, 4.2, 0.2, 1.65), _spot(x, y, 0.0, 0.4, 1.2)) * (z > 4),
        "rings": np.exp(-eye - ((y - 2.5) / 0.75) ** 2) * (z > 4),
    }  # fmt: skip


def _spot(x: np.ndarray, y: np.ndarray, at_x: float, at_y: float, radius: float) -> np.ndarray:
    return np.exp(-(((x - at_x) / radius) ** 2) - ((y - at_y) / radius) ** 2)


def _between(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _noises(size: int) -> dict[str, np.ndarray]:
    """Unevenness: fine, coarse, spots and strands, 0..1 around a half (spots: 0)."""
    rng, unit = np.random.default_rng(0), size / 512
    noise = rng.normal(size=(3, size, size)).astype(np.float32)
    fine = cv2.GaussianBlur(noise[0], (0, 0), max(0.5, 1.2 * unit))
    coarse = cv2.GaussianBlur(noise[1], (0, 0), 9 * unit)
    strands = cv2.GaussianBlur(noise[2], (0, 0), sigmaX=max(0.5, 0.7 * unit), sigmaY=max(0.5, 2.2 * unit))
    spots = cv2.GaussianBlur(rng.normal(size=(size, size)).astype(np.float32), (0, 0), max(0.7, 1.8 * unit))
    return {
        "mottle": 0.5 + 0.2 * fine / fine.std(),
        "coarse": 0.5 + 0.2 * coarse / coarse.std(),
        "strands": 0.5 + 0.2 * strands / strands.std(),
        "freckles": np.clip(spots / spots.std() - 1.4, 0.0, 1.0),
    }


def _iris(head: HeadModel, place: Float32[np.ndarray, "s s 3"], part: np.ndarray) -> Float32[np.ndarray, "s s"]:
    """How far texels of an eyeball are from the middle of its pupil, 1 at `IRIS_REACH` radii of the iris."""
    away = np.full(part.shape, IRIS_REACH, np.float32)
    for side in "LR":
        middle, rim = (head.mean[head.loops[f"{name}_{side}"]].numpy() for name in ("iris_center", "iris"))
        mine = part == PARTS.index(f"eye_{side}")
        away[mine] = np.linalg.norm(place[mine] - middle[0], axis=1) / np.linalg.norm(rim - middle[0], axis=1).mean()
    return np.clip(away / IRIS_REACH, 0.0, 1.0)


def reached(head: HeadModel) -> Float32[np.ndarray, " v"]:
    """The share of the light from all around that reaches each vertex of the mean head, weighted by the cosine; 1 where nothing hides it.

    Of some directions, spread evenly (Fibonacci), those in which the vertex is seen. In the mouth it fades with depth.
    """
    order = np.arange(_RAYS) + 0.5
    height, turn = 1 - 2 * order / _RAYS, np.pi * (1 + 5**0.5) * order
    rays = np.stack([np.sqrt(1 - height**2) * np.cos(turn), height, np.sqrt(1 - height**2) * np.sin(turn)], axis=1)
    rays = rays[rays[:, 2] > -0.3]  # the model has no back of the head
    normals, points = vertex_normals(head.mean, head.triangles).numpy(), head.mean.numpy()
    facing = np.clip(normals @ rays.T, 0.0, None)
    seen = np.stack([_seen(head, points, ray) for ray in rays], axis=1)
    share = (facing * seen).sum(axis=1) / np.maximum(facing.sum(axis=1), 1e-6)
    share = np.clip((share + 0.05) / 0.95, 0.25, 1.0)  # a surface hides parts of itself at the grain of the view
    lip = head.landmarks(head.mean)[[13, 14], 2].mean().item()
    for name in PARTS:
        mine = head.parts[name].numpy()
        if name.startswith("eye"):
            share[mine] = 1.0
        elif name not in ("face", "head"):
            share[mine] = np.exp(-np.clip(lip - 0.5 - points[mine, 2], 0, None) / _BEHIND_LIPS)
    return share.astype(np.float32)


def _seen(head: HeadModel, points: Float32[np.ndarray, "v 3"], ray: Float[np.ndarray, " 3"]) -> np.ndarray:
    """Which vertices are seen from afar along a direction."""
    pitch, yaw = np.degrees(np.arcsin(ray[1])), np.degrees(np.arctan2(ray[0], ray[2]))
    turn = rotation.from_angles(np.array([-pitch, 0.0, 0.0])) @ rotation.from_angles(np.array([0.0, yaw, 0.0]))
    view = points @ turn.T.astype(np.float32)
    scale = (_SHADOW_VIEW - 1) / np.ptp(view[:, :2], axis=0).max()
    corners = (view - [*view[:, :2].min(axis=0), 0.0]) * scale
    drawn = raster.rasterize(torch.from_numpy(corners).float()[None], head.triangles, _SHADOW_VIEW, _SHADOW_VIEW)
    depth = raster.interpolate(drawn, torch.from_numpy(corners[:, 2:]).float()[None], head.triangles)[0, ..., 0].numpy()
    depth[~drawn.covered[0].numpy()] = -np.inf
    column, row = np.round(corners[:, :2]).astype(int).T
    return depth[row, column] <= corners[:, 2] + 0.6 * scale
