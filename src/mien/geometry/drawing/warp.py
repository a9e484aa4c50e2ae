"""The backward warp: where in the photo each pixel of the edited picture comes from.

Displacements are smooth on the skin, so they are drawn on a coarse grid and enlarged; what is sharp, the margins of lips and lids,
is kept as curves (`mien.geometry.drawing.slit`). A displacement is always *source minus target*, in pixels.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32

from mien.geometry import raster
from mien.geometry.drawing.box import Box

_RELAX = 6  # sweeps on each level of a continuation
_STRETCH = 2.2  # an inward move is made up for over this many times its length: the map stays one to one (1.5 would just do)
_FADE_IN, _FADE_OUT = 1.4, 0.6  # cm outside the face over which an inward, an outward move fades at least
_COVER = 0.35  # an outward move covers what is behind: it fades over this many times its length more


@dataclass(frozen=True)
class Grid:
    """A coarse grid over a part of a picture: grid node (i, j) is the pixel (left + i step, top + j step)."""

    left: float
    top: float
    step: float  #: pixels
    width: int
    height: int

    @staticmethod
    def over(low: Float[np.ndarray, " 2"], high: Float[np.ndarray, " 2"], nodes: int) -> "Grid":
        """A grid over a box of pixels with at most `nodes` nodes on the longer side, and none finer than the pixels."""
        extent = np.maximum(high - low, 1.0)
        step = max(1.0, float(extent.max()) / (nodes - 1))
        width, height = (int(n) for n in np.ceil(extent / step) + 1)
        return Grid(float(low[0]), float(low[1]), step, width, height)

    def nodes(self) -> Float32[np.ndarray, "h w 2"]:
        """The pixel of every node."""
        x = self.left + self.step * np.arange(self.width, dtype=np.float32)
        y = self.top + self.step * np.arange(self.height, dtype=np.float32)
        return np.stack(np.meshgrid(x, y), axis=-1)

    def enlarge(self, values: Float32[np.ndarray, "h w c"], box: Box) -> Float32[np.ndarray, "b a c"]:
        """Node values at the pixels of a box, bilinearly; beyond the grid, the values at its edge."""
        x, y = (box.left - self.left) / self.step, (box.top - self.top) / self.step
        shift = np.array([[1 / self.step, 0, x], [0, 1 / self.step, y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        large = cv2.warpAffine(values, shift, (box.width, box.height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return large.reshape(box.height, box.width, -1).astype(np.float32, copy=False)


def draw(
    corners: Float[np.ndarray, "v 3"], values: Float[np.ndarray, "v c"], triangles: torch.Tensor, grid: Grid
) -> tuple[Float32[np.ndarray, "h w c"], Bool[np.ndarray, "h w"]]:
    """Vertex values on the nodes of a grid where the mesh is seen (0 elsewhere), and where it is seen."""
    placed = torch.from_numpy((corners - [grid.left, grid.top, 0.0]) / [grid.step, grid.step, 1.0]).float()
    seen = raster.rasterize(placed[None], triangles, grid.width, grid.height)
    drawn = raster.interpolate(seen, torch.from_numpy(values).float()[None], triangles)
    return drawn[0].numpy(), seen.covered[0].numpy()


def fill(values: Float32[np.ndarray, "h w c"], known: Bool[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w c"]:
    """Known values as they are and a smooth continuation elsewhere: push-pull (Gortler et al. 1996), relaxed on every level."""
    weight = np.repeat(known.astype(np.float32)[..., None], values.shape[2], axis=-1)  # arrays of one shape are multiplied fastest
    levels: list[tuple[Any, Any]] = [(values * weight, weight)]
    while min(levels[-1][1].shape[:2]) > 2:
        levels.append((cv2.pyrDown(levels[-1][0]), cv2.pyrDown(levels[-1][1])))
    coarse = np.zeros((1, 1, values.shape[2]), np.float32)
    for total, amount in reversed(levels):
        share = np.clip(amount * 2.0, 0.0, 1.0).reshape(*amount.shape[:2], -1)
        given, rest = share * (total / np.maximum(amount, 1e-6)).reshape(share.shape), 1.0 - share
        coarse = given + rest * cv2.resize(coarse, amount.shape[1::-1], interpolation=cv2.INTER_LINEAR).reshape(share.shape)
        for _ in range(_RELAX):
            coarse = given + rest * cv2.blur(coarse, (3, 3)).reshape(share.shape)
    return np.where(known[..., None], values, coarse)


def fade(displacement: Float32[np.ndarray, "h w 2"], face: Bool[np.ndarray, "h w"], centimetre: float) -> Float32[np.ndarray, "h w"]:
    """What is left of a continued displacement outside the face, 1 on it, falling to 0.

    A contour that moves inwards leaves a gap: what lies outside is stretched to close it, over a way long enough for the map to stay
    one to one. A contour that moves outwards covers what lies behind it, and the fade is short. `centimetre` in grid steps.
    """
    away = cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 5)
    outward = np.stack([cv2.Sobel(away, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(away, cv2.CV_32F, 0, 1, scale=1 / 8)], -1)
    length = np.linalg.norm(displacement, axis=-1)
    inward = (displacement * outward).sum(-1) / np.maximum(length, 1e-6)  # the source lies further out: the contour came in
    share = np.clip(0.5 + inward, 0.0, 1.0)
    reach = share * np.maximum(_FADE_IN * centimetre, _STRETCH * length) + (1 - share) * (_FADE_OUT * centimetre + _COVER * length)
    reach = cv2.GaussianBlur(reach, (0, 0), max(0.2 * centimetre, 0.5))
    t = np.clip(1.0 - away / np.maximum(reach, 1e-3), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
