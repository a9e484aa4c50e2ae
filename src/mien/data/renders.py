"""Drawn faces: a head model as a photo, with everything about it known. Nobody's picture, and always at hand."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from mien import images
from mien.aus import AUVector
from mien.geometry import raster, rotation
from mien.geometry.head import PARTS, HeadModel
from mien.geometry.mesh import vertex_normals
from mien.types import Face, Photo, Pose

_COLOURS = {
    "face": (214, 168, 142), "head": (205, 158, 132), "eye_L": (236, 233, 230), "eye_R": (236, 233, 230), "mouth": (52, 22, 22),
    "teeth_upper": (235, 228, 212), "teeth_lower": (226, 218, 200), "gums_upper": (168, 84, 84), "gums_lower": (160, 78, 78),
    "tongue": (176, 88, 88),
}  # fmt: skip
_LIPS, _IRIS, _BROW, _BEHIND = (176, 96, 92), (72, 88, 96), (58, 42, 34), (96, 112, 128)
_BROWS = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))  # landmarks along the upper edge, outer end first
_BROW_WIDTH = 0.4  # cm
_LIPS_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)  # landmarks around the red
_TINY = 0.02  # cm: a pixel of the stencil of the lips
_LIGHT = np.array([0.35, 0.45, 0.82])  # towards the light, camera axes
_FINER = 2  # times, then averaged down


@dataclass(frozen=True, eq=False)
class Render:
    """A drawn photo and what is in it."""

    photo: Photo
    face: Face
    pose: Pose
    aus: AUVector


def render(
    head: HeadModel,
    aus: AUVector | None = None,
    *,
    shape: Float[np.ndarray, " k"] | None = None,
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    size: int = 384,
    seed: int = 0,
) -> Render:
    """Draw a head that shows `aus`, turned by (pitch, yaw, roll) in degrees, in the middle of a square of `size` pixels.

    `shape` are identity coefficients of unit variance; `seed` draws the grain of skin and background, so that a warp shows.
    """
    shown = aus or AUVector.neutral()
    who = torch.zeros(head.identity.shape[0]) if shape is None else torch.from_numpy(shape.astype(np.float32))
    vertices = head.vertices(who, torch.from_numpy(shown.known.values.astype(np.float32)))
    turn = rotation.from_angles(np.array(angles))
    landmarks = head.landmarks(vertices).numpy().astype(np.float64)
    scale = size / 26.0  # a head and some air: 26 cm
    middle = turn @ landmarks.mean(axis=0)
    pose = Pose(turn, scale, np.array([size / 2 - scale * middle[0], size / 2 + scale * middle[1]]))
    rgb = _drawn(head, vertices, pose, size, np.random.default_rng(seed))
    points = pose.project(landmarks)
    points[:, 2] *= -1  # landmarks count away from the viewer
    rgb = _with_brows(rgb, points, scale)
    low, extent = points[:, :2].min(axis=0), np.ptp(points[:, :2], axis=0)
    face = Face((float(low[0]), float(low[1]), float(extent[0]), float(extent[1])), 1.0, points)
    return Render(images.read(rgb), face, pose, shown)


def _drawn(head: HeadModel, vertices: torch.Tensor, pose: Pose, size: int, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """The head before its brows, lit by one lamp, in front of a plain wall."""
    wide = size * _FINER
    corners = pose.project(vertices.numpy().astype(np.float64))
    corners[:, :2] = (corners[:, :2] + 0.5) * _FINER - 0.5
    normals = vertex_normals(vertices, head.triangles).numpy() @ pose.rotation.T
    light = 0.42 + 0.62 * np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0.0, 1.0)
    lit = torch.from_numpy((_colours(head) * light[:, None]).astype(np.float32))[None]
    fragments = raster.rasterize(torch.from_numpy(corners.astype(np.float32))[None], head.triangles, wide, wide)
    picture = raster.interpolate(fragments, lit, head.triangles)[0].numpy()
    picture[~fragments.covered[0].numpy()] = _BEHIND
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    grain = cv2.GaussianBlur(rng.normal(size=(size, size)), (0, 0), 1.0) * 14.0
    return np.clip(small + grain[..., None], 0, 255).round().astype(np.uint8)


def _colours(head: HeadModel) -> Float[np.ndarray, "v 3"]:
    """The colour of every vertex under full light: by its part, lips and irises by their curves."""
    colours = np.full((len(head.mean), 3), _COLOURS["head"], dtype=np.float64)
    for name in PARTS[::-1]:
        colours[head.parts[name].numpy()] = _COLOURS[name]
    skin, mean = head.parts["face"].numpy(), head.mean.numpy()
    colours[skin[_inside(mean[skin], head.landmarks(head.mean).numpy()[list(_LIPS_OUTER)])]] = _LIPS
    for side, radius in zip("LR", head.iris_radius.tolist(), strict=True):
        eye = head.parts[f"eye_{side}"].numpy()
        centre = mean[head.loops[f"iris_center_{side}"].numpy()]
        if len(eye) and len(centre):
            away = np.linalg.norm(mean[eye] - centre[0], axis=1)
            colours[eye[away < radius]] = _IRIS
            colours[eye[away < 0.45 * radius]] = (18, 16, 16)
    return colours


def _inside(points: Float[np.ndarray, "n 3"], outline: Float[np.ndarray, "k 3"]) -> Bool[np.ndarray, " n"]:
    """Which points a closed outline surrounds, seen from the front."""
    low = outline[:, :2].min(axis=0) - 2 * _TINY
    width, height = (np.ptp(outline[:, :2], axis=0) / _TINY).astype(int) + 5
    stencil = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(stencil, [np.round((outline[:, :2] - low) / _TINY).astype(np.int32)], 1)
    x, y = np.round((points[:, :2] - low) / _TINY).astype(int).T
    return stencil[y.clip(0, height - 1), x.clip(0, width - 1)] > 0


def _with_brows(rgb: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "468 3"], scale: float) -> UInt8[np.ndarray, "h w 3"]:
    hair = np.zeros(rgb.shape[:2], dtype=np.uint8)
    for brow in _BROWS:
        line = np.round(points[list(brow), :2] * 16).astype(np.int32)
        cv2.polylines(hair, [line], False, 255, max(1, round(_BROW_WIDTH * scale)), cv2.LINE_AA, shift=4)
    matte = cv2.GaussianBlur(hair, (0, 0), max(0.5, 0.06 * scale))[..., None] / 255.0 * 0.85
    return np.round(rgb * (1 - matte) + np.array(_BROW) * matte).astype(np.uint8)
