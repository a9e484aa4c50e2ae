"""A texture for a head from one photo: every texel takes the colour of the place in the photo where it is seen.

Skin that the photo does not show is filled from the other side of the face, then from around it; eyes are painted in the photo's
colours (`mien.geometry.exchange.eyeballs`). Light stays in the colours as the photo has it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from mien.geometry import mesh, raster
from mien.geometry.exchange import eyeballs
from mien.geometry.head import PARTS, HeadModel
from mien.types import Pose

SIZE = 1024  #: texels on a side
_GRAZING, _FACING = 0.25, 0.6  # cosine to the viewer from which skin is used at all, and fully
_HIDDEN_CM = 0.35  # what lies further than this behind the nearest surface is hidden
_VIEW = 768  # pixels on the longer side of the picture in which hiding is decided
_CELL, _COMMON = 8, 5e-4  # the side of a cell of the colour histogram, and the share of the face that makes its colour a plausible one
_OPENINGS = {
    "eye_hole_L": ("lid_upper_L", "lid_lower_L"),
    "eye_hole_R": ("lid_upper_R", "lid_lower_R"),
    "mouth_hole": ("lip_upper", "lip_lower"),
}
_EDGE_CM, _LASHES_CM, _FAR_CM = 0.06, 0.25, 9.0  # softness of the edges of lids and lips; the dark line along them; beyond all of it


@dataclass(frozen=True, eq=False)
class Atlas:
    """What each texel of a head's texture is."""

    triangle: Int[np.ndarray, "s s"]  #: -1 between the parts
    corners: Float32[np.ndarray, "s s 3"]  #: barycentric

    def of(self, values: Float[np.ndarray, "v c"], triangles: Int[np.ndarray, "f 3"], texels: Bool[np.ndarray, "s s"]) -> np.ndarray:
        """Vertex values at texels, [n, c]."""
        return np.einsum("nk,nkc->nc", self.corners[texels], values[triangles[self.triangle[texels]]])


def atlas(head: HeadModel, size: int = SIZE) -> Atlas:
    """Draw the triangles of a head into its texture."""
    place = torch.stack([head.uv[:, 0], 1.0 - head.uv[:, 1], torch.zeros(len(head.uv))], dim=1)
    place[:, :2] = place[:, :2] * size - 0.5
    drawn = raster.rasterize(place[None], head.triangles, size, size)
    return Atlas(drawn.triangle[0].numpy(), drawn.barycentric[0].numpy())


def bake(
    head: HeadModel,
    vertices: Float[np.ndarray, "v 3"],
    pose: Pose,
    rgb: UInt8[np.ndarray, "h w 3"],
    *,
    corners: Float[np.ndarray, "v 3"] | None = None,
    size: int = SIZE,
) -> UInt8[np.ndarray, "s s 3"]:
    """The texture, in the layout of ``head.uv`` (v up: row 0 is v = 1), of a head whose `vertices` (cm) the photo shows under `pose`.

    `corners` are the photo pixels and the nearness of the vertices, where they are known better than by the pose.
    """
    corners = pose.project(vertices.astype(np.float64)) if corners is None else corners
    facing = mesh.vertex_normals(torch.from_numpy(vertices).float(), head.triangles).numpy() @ pose.rotation[2]
    chart = atlas(head, size)
    color, weight = _seen(head, chart, np.column_stack([corners, facing]), rgb, _HIDDEN_CM * pose.scale)
    part = np.where(chart.triangle >= 0, head.triangle_part.numpy()[chart.triangle], -1)
    skin = (part == PARTS.index("face")) | (part == PARTS.index("head"))
    place = chart.of(np.column_stack([head.mean.numpy(), _past_margins(head)]), head.triangles.numpy(), skin)
    out = _skin(color, weight, skin, place[:, :3], place[:, 3])
    for side, profile in eyeballs.profiles(head, corners, facing, rgb).items():
        texels = part == PARTS.index(f"eye_{side}")
        if texels.any():
            out[texels] = eyeballs.paint(profile, _from_pupil(head, chart, texels, side))
    return np.clip(np.round(_bleed(out, skin | (part >= 0))), 0, 255).astype(np.uint8)


def _seen(
    head: HeadModel, chart: Atlas, points: Float[np.ndarray, "v 4"], rgb: np.ndarray, hidden: float
) -> tuple[Float32[np.ndarray, "s s 3"], Float32[np.ndarray, "s s"]]:
    """The photo's colour of each texel, and how far it can be trusted, 0..1.

    `points` are x, y and nearness of the vertices in pixels, and the cosine to the viewer; what lies `hidden` behind is not seen.
    """
    triangles = head.triangles.numpy()
    texels = chart.triangle >= 0
    x, y, near, turned = chart.of(points, triangles, texels).T
    weight = _smoothstep((turned - _GRAZING) / (_FACING - _GRAZING))
    weight *= near > _nearest(points[:, :3], triangles, x, y) - hidden
    weight *= (x >= 0) & (y >= 0) & (x <= rgb.shape[1] - 1) & (y <= rgb.shape[0] - 1)
    colors, weights = np.zeros((*texels.shape, 3), np.float32), np.zeros(texels.shape, np.float32)
    colors[texels], weights[texels] = _sample(rgb, x, y, texels.shape[0]), weight
    front = chart.of(head.front.numpy()[:, None], triangles, texels)[:, 0]
    weights[texels] *= _plausible(colors[texels], weight, _smoothstep((front - 0.5) / 0.4))
    return colors, _recede(weights)


def _recede(weight: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """The weight, drawn back from where it ends: there the photo shows what lies in front or behind."""
    step = max(1, weight.shape[0] // 256)
    kernel = np.ones((2 * step + 1, 2 * step + 1), np.uint8)
    return np.minimum(weight, cv2.GaussianBlur(cv2.erode(weight, kernel), (0, 0), step / 2))


def _plausible(
    color: Float32[np.ndarray, "n 3"], weight: Float[np.ndarray, " n"], front: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """0..1: off the front of the face, whether a colour is one that the front has; walls and collars mostly are not.

    The texels with weight on the front teach the colours, in a histogram of Lab.
    """
    lab = cv2.cvtColor(np.clip(color, 0, 255)[:, None].astype(np.uint8), cv2.COLOR_RGB2LAB)[:, 0]
    cell = tuple((lab // _CELL).T)
    known = np.zeros((256 // _CELL,) * 3)
    np.add.at(known, cell, weight * front)
    known = gaussian_filter(known, 1.0)
    likely = _smoothstep(known[cell] / (_COMMON * known.sum()))
    return np.maximum(likely, front)


def _sample(rgb: np.ndarray, x: np.ndarray, y: np.ndarray, finest: int) -> Float32[np.ndarray, "n 3"]:
    """The photo's colours at pixels; a face much larger than `finest` pixels is shrunk first, so that nothing is skipped."""
    low = np.clip(np.floor([x.min(), y.min()]).astype(int) - 2, 0, np.array(rgb.shape[1::-1]) - 1)
    high = np.clip(np.ceil([x.max(), y.max()]).astype(int) + 3, low + 1, rgb.shape[1::-1])
    cut = rgb[low[1] : high[1], low[0] : high[0]]
    zoom = min(1.0, finest / max(cut.shape[:2]))
    cut = cv2.resize(cut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    place = (np.stack([x, y]) - low[:, None] + 0.5) * zoom - 0.5
    place = np.pad(place, ((0, 0), (0, -len(x) % finest))).reshape(2, -1, finest).astype(np.float32)  # as a picture, as remap wants it
    return cv2.remap(cut, place[0], place[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)[: len(x)].astype(np.float32)


def _nearest(points: np.ndarray, triangles: np.ndarray, x: np.ndarray, y: np.ndarray) -> Float[np.ndarray, " n"]:
    """The nearness of the front surface at photo pixels."""
    low = points[:, :2].min(axis=0)
    zoom = (_VIEW - 1) / np.ptp(points[:, :2], axis=0).max()
    view = np.column_stack([(points[:, :2] - low) * zoom, points[:, 2]])
    corners, faces = torch.from_numpy(view)[None].float(), torch.from_numpy(triangles)
    drawn = raster.rasterize(corners, faces, _VIEW, _VIEW)
    depth = raster.interpolate(drawn, corners[..., 2:], faces)[0, ..., 0].numpy()
    depth[~drawn.covered[0].numpy()] = -np.inf
    column, row = (np.clip(np.round((v - o) * zoom), 0, _VIEW - 1).astype(int) for v, o in ((x, low[0]), (y, low[1])))
    return depth[row, column]


def _past_margins(head: HeadModel) -> Float[np.ndarray, " v"]:
    """How far each vertex of the skin lies outside the edges of lids and lips, cm over the surface; negative on their inner sides."""
    skin = head.triangles[(head.triangle_part == PARTS.index("face")) | (head.triangle_part == PARTS.index("head"))].numpy()
    mean, past = head.mean.numpy().astype(np.float64), np.full(len(head.mean), np.inf)
    for hole, margins in _OPENINGS.items():
        edge = np.concatenate([head.loops[name].numpy() for name in margins])
        if len(edge):
            inside = mesh.geodesic_distances(mean, skin, head.loops[hole].numpy())
            depth = inside[edge][KDTree(mean[edge]).query(mean)[1]]  # from the hole to the nearest place of the edge
            past = np.minimum(past, inside - depth)
    return past.clip(-_FAR_CM, _FAR_CM)


def _skin(color: np.ndarray, weight: np.ndarray, skin: np.ndarray, place: np.ndarray, past: np.ndarray) -> Float32[np.ndarray, "s s 3"]:
    """Skin seen, then mirrored, then spread from around; the fades between them are as soft as the weights.

    `place` [n, 3] is where the skin's texels are on the mean head, `past` [n] how far outside the edges of lids and lips. The inner
    sides take nothing from the photo, where eye and teeth are; what is spread over them comes from beyond lashes and lip line.
    """
    own = weight[skin] * _smoothstep(1.0 + past / _EDGE_CM)
    _, twin = KDTree(place[::4]).query(place * (-1.0, 1.0, 1.0))  # the texel at the same place on the other side
    other, trust = color[skin][::4][twin], own[::4][twin]
    rest = trust * (1.0 - own)
    total, source = np.zeros_like(weight), np.zeros_like(weight)
    total[skin] = own + rest
    source[skin] = total[skin] * _smoothstep((past - _EDGE_CM) / _LASHES_CM)
    mixed = np.zeros_like(color)
    mixed[skin] = (own[:, None] * color[skin] + rest[:, None] * other) / np.maximum(own + rest, 1e-6)[:, None]
    return mixed * total[..., None] + spread(mixed, source) * (1.0 - total[..., None])


def spread(color: Float32[np.ndarray, "s s 3"], weight: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s 3"]:
    """Smooth colours everywhere from those with weight: the pull-push pyramid of Gortler et al. (SIGGRAPH 1996)."""
    if min(weight.shape) <= 2 or weight.min() >= 1.0:
        return np.full_like(color, np.average(color.reshape(-1, 3), axis=0, weights=weight.ravel() + 1e-9))
    half = (weight.shape[1] // 2, weight.shape[0] // 2)
    coarse_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(color * weight[..., None], half, interpolation=cv2.INTER_AREA) / np.maximum(coarse_weight, 1e-6)[..., None]
    full = np.minimum(4.0 * coarse_weight, 1.0)  # a quarter of the finer texels is enough to trust the coarser one
    coarse = full[..., None] * coarse + (1.0 - full[..., None]) * spread(coarse, full)
    return cv2.blur(cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR), (3, 3))


def _from_pupil(head: HeadModel, chart: Atlas, texels: np.ndarray, side: str) -> Float[np.ndarray, " n"]:
    """How far each texel of an eye is from the middle of its pupil, in radii of the iris."""
    center, rim = (head.mean[head.loops[f"{name}_{side}"]].numpy() for name in ("iris_center", "iris"))
    away = np.linalg.norm(chart.of(head.mean.numpy(), head.triangles.numpy(), texels) - center, axis=1)
    return away / np.linalg.norm(rim - center, axis=1).mean()


def _bleed(color: np.ndarray, inside: np.ndarray) -> Float32[np.ndarray, "s s 3"]:
    """Carry the colours past the edges of the parts, so that no filter of a viewer mixes in what lies between."""
    weight = inside.astype(np.float32)
    return np.where(inside[..., None], color, spread(color * weight[..., None], weight))


def _smoothstep(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
