"""Where each part of the head lies in its one texture: the face over most of it, a row of small tiles below."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from mien.geometry import mesh
from mien.geometry.making import chart
from mien.geometry.making.organs import Organ
from mien.geometry.making.skin import Skin

_MARGIN = 0.004  # between tiles, of the width of the texture
_FACE = (0.0, 0.15, 1.0, 0.85)  # left, bottom, width, height
_ORGANS: Mapping[str, tuple[float, float, float, float]] = {
    "eye_L": (0.0, 0.0, 0.15, 0.15), "eye_R": (0.15, 0.0, 0.15, 0.15), "teeth_upper": (0.30, 0.075, 0.30, 0.075),
    "teeth_lower": (0.30, 0.0, 0.30, 0.075), "gums_upper": (0.60, 0.075, 0.10, 0.075), "gums_lower": (0.60, 0.0, 0.10, 0.075),
    "tongue": (0.70, 0.0, 0.15, 0.15), "mouth": (0.85, 0.0, 0.15, 0.15),
}  # fmt: skip


def _placed(uv: Float[np.ndarray, "n 2"], tile: tuple[float, float, float, float]) -> Float[np.ndarray, "n 2"]:
    left, bottom, width, height = tile
    return np.array([left, bottom]) + _MARGIN + uv * (np.array([width, height]) - 2 * _MARGIN)


def skin_texture(vertices: Float[np.ndarray, "v 3"], sheet: Skin, back: float = 0.35) -> Float[np.ndarray, "v 2"]:
    """The skin unrolled without folds onto a rounded square; sides, scalp and neck at `back` times the scale of the front."""
    top = int(sheet.loops["border"][0])
    loops = mesh.boundary_loops(sheet.triangles)
    border = next(loop for loop in loops if top in loop)
    border = np.roll(border, -int(np.flatnonzero(border == top)[0]))
    holes = [loop for loop in loops if top not in loop]
    points, closed = chart.fan_holes(vertices, sheet.triangles, holes)
    aside = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - 2.0))
    front = np.clip((85.0 - aside) / 40.0, 0, 1) * np.clip((points[:, 1] + 13.0) / 4.0, 0, 1) * np.clip((13.0 - points[:, 1]) / 4.0, 0, 1)
    uv = chart.spread(points, closed, border, chart.convex_border(points[border], 4.0), back + (1 - back) * front)
    return _placed(0.5 + 0.5 * uv[: len(vertices)], _FACE)


def organ_texture(organ: Organ) -> Float[np.ndarray, "n 2"]:
    """The tile of an organ."""
    return _placed(organ.uv, _ORGANS[organ.part])
