"""The colours of eyeballs from a photo.

A photo shows a small part of an eye, in the shade of lashes, with highlights, and looking somewhere. So the iris is looked for, as the
darkest disc between the lids, and the medians of rings around its middle make an eye that is whole: no lid is on it when it turns.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from mien.geometry.head import HeadModel

_RADIUS, _REACH = 12, 3.5  # pixels of an iris's radius in the picture that is searched, which reaches so many radii
_EDGE = 0.12  # radii along the lids that are left out: lashes and the wet line
_FACING = 0.35  # cosine to the viewer from which an eye can be read
_LEAST = 0.5  # of the area of an iris: what an opening must show
_FAR_LEVELS = 10.0  # grey levels by which a disc a radius away from where the head has the iris must be the better one
_RING, _RINGS = 0.1, 12  # radii: rings from the middle to a little beyond the edge of the iris
_PUPIL, _WHITE = 0.35, 1.2  # radii
_PLAIN = np.array([[40, 26, 20], [92, 62, 42], [222, 214, 208]], np.float32)  # pupil, iris and white in full light


def profiles(
    head: HeadModel, corners: Float[np.ndarray, "v 3"], facing: Float[np.ndarray, " v"], rgb: UInt8[np.ndarray, "h w 3"]
) -> dict[str, Float32[np.ndarray, "r 3"]]:
    """For each side, L and R, the colours of rings from the pupil outwards, the last one the white.

    `corners` are the photo pixels of the vertices, `facing` their cosines to the viewer. An eye that is shut or turned away looks like
    the other one; two of them have plain colours.
    """
    found = {side: _read(head, corners, facing, rgb, side) for side in "LR"}
    other = next((seen for seen in found.values() if seen is not None), _plain(1.0))
    return {side: other if seen is None else seen for side, seen in found.items()}


def paint(profile: Float32[np.ndarray, "r 3"], away: Float[np.ndarray, " n"]) -> Float32[np.ndarray, "n 3"]:
    """The colours at distances from the pupil, in radii of the iris; the white goes into the shade of the socket."""
    middles = np.append((np.arange(_RINGS) + 0.5) * _RING, _WHITE + _RING)
    colors = np.stack([np.interp(away, middles, profile[:, c]) for c in range(3)], axis=1)
    shade = 1.0 - 0.3 * np.clip((away - 1.5) / 1.5, 0.0, 1.0)
    return (colors * shade[:, None]).astype(np.float32)


def _read(
    head: HeadModel, corners: np.ndarray, facing: np.ndarray, rgb: UInt8[np.ndarray, "h w 3"], side: str
) -> Float32[np.ndarray, "r 3"] | None:
    middle, rim = (head.loops[f"{name}_{side}"].numpy() for name in ("iris_center", "iris"))
    if not len(rim) or facing[middle].mean() < _FACING:
        return None
    center = corners[middle, :2].mean(axis=0)
    radius = float(np.linalg.norm(corners[rim, :2] - center, axis=1).max())
    lids = np.concatenate([head.loops[f"{name}_{side}"].numpy() for name in ("lid_upper", "lid_lower")])
    picture = _cut(rgb, center, radius)
    between = _opening((corners[lids, :2] - center) * (_RADIUS / radius) + (picture.shape[0] - 1) / 2, picture.shape[0])
    if between.sum() < _LEAST * np.pi * _RADIUS**2:
        return None
    away = np.linalg.norm(np.moveaxis(np.indices(between.shape)[::-1], 0, -1) - _iris(picture, between), axis=-1) / _RADIUS
    return _profile(picture[between], away[between])


def _cut(rgb: UInt8[np.ndarray, "h w 3"], center: Float[np.ndarray, " 2"], radius: float) -> Float32[np.ndarray, "s s 3"]:
    """The surroundings of an iris at `_RADIUS` pixels of its radius; beyond the photo its edge goes on."""
    reach = max(2, round(_REACH * radius))
    column, row = (round(float(c)) + np.arange(-reach, reach + 1) for c in center)
    part = rgb[np.clip(row, 0, rgb.shape[0] - 1)][:, np.clip(column, 0, rgb.shape[1] - 1)]
    side = 2 * round(_REACH * _RADIUS) + 1
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if len(part) > side else cv2.INTER_LINEAR).astype(np.float32)


def _opening(lids: Float[np.ndarray, "n 2"], side: int) -> Bool[np.ndarray, "s s"]:
    """The pixels well between the lids."""
    hull = cv2.convexHull(lids.astype(np.float32))
    inside = cv2.fillConvexPoly(np.zeros((side, side), np.uint8), np.round(hull).astype(np.int32), 1)
    edge = 2 * round(_EDGE * _RADIUS) + 1
    return cv2.erode(inside, np.ones((edge, edge), np.uint8), borderValue=0) > 0


def _iris(picture: Float32[np.ndarray, "s s 3"], between: Bool[np.ndarray, "s s"]) -> Float[np.ndarray, " 2"]:
    """The centre (x, y) of the disc that is darkest against the ring around it, by what is seen of both; near the middle if in doubt."""
    grid = np.arange(-2 * _RADIUS, 2 * _RADIUS + 1)
    distance = np.hypot(*np.meshgrid(grid, grid)) / _RADIUS
    light, seen = picture.mean(axis=2) * between, between.astype(np.float32)

    def within(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return cv2.filter2D(values.astype(np.float32), cv2.CV_32F, kernel.astype(np.float32), borderType=cv2.BORDER_CONSTANT)

    disc, ring = distance < 0.95, (distance > 1.15) & (distance < 1.9)
    dark = within(light, disc) / np.maximum(within(seen, disc), 1.0)
    white = within(light, ring) / np.maximum(within(seen, ring), 1.0)
    place = np.moveaxis(np.indices(between.shape)[::-1], 0, -1)
    off = np.linalg.norm(place - (np.array(between.shape) - 1) / 2, axis=-1) / _RADIUS
    contrast = (white - dark) * np.minimum(within(seen, disc) / disc.sum() / 0.6, 1.0) - _FAR_LEVELS * off**2
    contrast[~between] = -np.inf
    row, column = np.unravel_index(int(contrast.argmax()), contrast.shape)
    return np.array([column, row], float)


def _profile(colors: Float32[np.ndarray, "n 3"], away: Float[np.ndarray, " n"]) -> Float32[np.ndarray, "r 3"]:
    """The rings' median colours where enough of a ring is seen, drawn towards plain ones where not; then the white."""
    white = colors[away > _WHITE]
    if len(white) < _RADIUS:
        white = colors
    light = white.mean(axis=1)
    bright = np.median(white[light >= np.quantile(light, 0.6)], axis=0)  # the rest lies in the shade of the lids
    rings = _plain(float(bright.mean() / _PLAIN[2].mean()))
    for k in range(_RINGS):
        mine = colors[(away >= k * _RING) & (away < (k + 1) * _RING)]
        if len(mine):
            share = len(mine) / (len(mine) + 6.0)
            rings[k] += share * (np.median(mine, axis=0) - rings[k])
    pupil = round(_PUPIL / _RING)
    iris = np.median(rings[pupil : round(0.9 / _RING)], axis=0)
    rings[:pupil] = np.minimum(rings[:pupil], 0.5 * iris)  # a highlight often lies on it
    rings[-1] = bright
    return rings


def _plain(light: float) -> Float32[np.ndarray, "r 3"]:
    """Brown eyes in a light, 1 the full one."""
    middles = np.append((np.arange(_RINGS) + 0.5) * _RING, _WHITE + _RING)
    plain = np.stack([np.interp(middles, [0.3, 0.4, 0.9, 1.15], _PLAIN[[0, 1, 1, 2], c]) for c in range(3)], axis=1)
    return (plain * np.clip(light, 0.2, 1.1)).astype(np.float32)
