"""How well a head model stands in for the mesh it was learned from."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.aus import AXES, AUVector
from mien.geometry import mesh
from mien.geometry.head import PARTS, HeadModel
from mien.geometry.raster import rasterize

_FRONT = 0.5  # vertices of the source with more than this `front` weight are compared
_PIXELS_PER_CM = 40


@dataclass(frozen=True)
class Distance:
    """Distances between corresponding points of two surfaces, millimetres."""

    mean: float
    p95: float


@dataclass(frozen=True)
class HeadScore:
    """See `score_head`."""

    identities: Distance  #: neutral faces of people drawn at random, after fitting the coefficients
    expressions: Mapping[str, Distance]  #: each AU axis at 5, mean head
    mixtures: Distance  #: three random AU axes at random intensities
    eyeball_mm2: tuple[float, float]  #: visible from the front, this head and the source: neutral eyes
    blink_mm2: tuple[float, float]  #: the same with AU43 = 5
    gap_mm2: float  #: of the mouth's inside seen between the lips, mean over neutral people
    through_mm2: float  #: of eyes, teeth, gums and tongue seen outside the openings, mean over people and expressions


def score_head(head: HeadModel, source: HeadModel, *, people: int = 20, mixtures: int = 40, seed: int = 0) -> HeadScore:
    """Compare a head with the source model in the same head space; shapes of people and mixtures are drawn by `seed`."""
    draw = torch.Generator().manual_seed(seed)
    match = _Match(head, source)
    faces = source.vertices(torch.randn(people, len(source.identity), generator=draw))
    coefficients = match.fit(faces)
    shared = [axis for axis in AXES if axis in head.axes_known & source.axes_known]
    single = torch.stack([_intensities({axis: 5.0}) for axis in shared])
    apart = match.apart(_expressions(head, single), _expressions(source, single))
    mixed = torch.stack([_mixture(shared, draw) for _ in range(mixtures)])
    blink = _intensities({"AU43": 5.0})
    neutral = torch.zeros_like(blink)
    return HeadScore(
        identities=_distance(match.apart(head.vertices(coefficients), faces)),
        expressions={axis: _distance(apart[i]) for i, axis in enumerate(shared)},
        mixtures=_distance(match.apart(_expressions(head, mixed), _expressions(source, mixed))),
        eyeball_mm2=(_eyes_seen(head, neutral), _eyes_seen(source, neutral)),
        blink_mm2=(_eyes_seen(head, blink), _eyes_seen(source, blink)),
        gap_mm2=float(np.mean([_mouth_seen(head, c) for c in coefficients])),
        through_mm2=float(np.mean([_through(head, head.vertices(c, a)) for c, a in zip(coefficients, mixed[:people], strict=False)])),
    )


class _Match:
    """The place on one mean head of every front vertex of another."""

    def __init__(self, head: HeadModel, source: HeadModel) -> None:
        self._front = torch.nonzero(source.front > _FRONT).flatten()
        normals = mesh.vertex_normals(source.mean, source.triangles)[self._front]
        skin = head.triangles[head.triangle_part == PARTS.index("face")]
        where, weights = mesh.closest_points(head.mean.numpy(), skin.numpy(), source.mean[self._front].numpy(), normals.numpy())
        self._corners, self._weights = skin[torch.from_numpy(where)], torch.from_numpy(weights).float()
        self._head = head

    def _sample(self, vertices: Float[Tensor, "*b v 3"]) -> Float[Tensor, "*b n 3"]:
        return (vertices[..., self._corners, :] * self._weights[..., None]).sum(dim=-2)

    def apart(self, vertices: Float[Tensor, "b v 3"], others: Float[Tensor, "b w 3"]) -> Float[np.ndarray, "b n"]:
        return (self._sample(vertices) - others[:, self._front]).norm(dim=-1).numpy()

    def fit(self, others: Float[Tensor, "b w 3"], ridge: float = 1e-3) -> Float[Tensor, "b k"]:
        """Identity coefficients that come nearest to the given heads."""
        basis = self._sample(self._head.identity).flatten(1).double()
        target = (others[:, self._front] - self._sample(self._head.mean)).flatten(1).double()
        gram = basis @ basis.T + ridge * torch.eye(len(basis), dtype=torch.float64)
        return torch.linalg.solve(gram, basis @ target.T).T.float()


def _intensities(pairs: Mapping[str, float]) -> Float[Tensor, " a"]:
    return torch.tensor(AUVector.of(pairs).values, dtype=torch.float32)


def _mixture(axes: list[str], draw: torch.Generator) -> Float[Tensor, " a"]:
    chosen = torch.randperm(len(axes), generator=draw)[:3].tolist()
    return _intensities({axes[i]: float(5 * torch.rand((), generator=draw)) for i in chosen})


def _expressions(head: HeadModel, aus: Float[Tensor, "b a"]) -> Float[Tensor, "b v 3"]:
    return head.vertices(torch.zeros(len(aus), len(head.identity)), aus)


def _distance(apart_cm: Float[np.ndarray, "..."]) -> Distance:
    return Distance(round(10 * float(apart_cm.mean()), 4), round(10 * float(np.quantile(apart_cm, 0.95)), 4))


def _seen(head: HeadModel, vertices: Float[Tensor, "v 3"]) -> tuple[Int[np.ndarray, "h w"], Float[np.ndarray, "v 2"]]:
    """The part seen at each pixel from the front (-1: none) and the pixels of the vertices."""
    left, right, top, bottom = -5.5, 5.5, 6.0, -9.5
    pixels = torch.stack([vertices[:, 0] - left, top - vertices[:, 1], vertices[:, 2]], dim=1) * _PIXELS_PER_CM
    triangles = head.triangles[head.triangle_part != PARTS.index("head")]
    parts = head.triangle_part[head.triangle_part != PARTS.index("head")]
    size = int((right - left) * _PIXELS_PER_CM), int((top - bottom) * _PIXELS_PER_CM)
    nearest = rasterize(pixels[None], triangles, *size).triangle[0]
    return torch.where(nearest >= 0, parts[nearest.clamp(min=0)], -1).numpy(), pixels[:, :2].numpy()


def _area_mm2(seen: Bool[np.ndarray, "h w"]) -> float:
    return float(seen.sum()) * (10.0 / _PIXELS_PER_CM) ** 2


def _eyes_seen(head: HeadModel, aus: Float[Tensor, " a"]) -> float:
    parts, _ = _seen(head, _expressions(head, aus[None])[0])
    return _area_mm2(np.isin(parts, [PARTS.index("eye_L"), PARTS.index("eye_R")]))


def _mouth_seen(head: HeadModel, shape: Float[Tensor, " k"]) -> float:
    parts, _ = _seen(head, head.vertices(shape))
    inside = ("teeth_upper", "teeth_lower", "gums_upper", "gums_lower", "tongue", "mouth")
    return _area_mm2(np.isin(parts, [PARTS.index(name) for name in inside]))


def _through(head: HeadModel, vertices: Float[Tensor, "v 3"], slack_px: int = 4) -> float:
    """What is neither skin nor within the outlines of the eyes and lips, widened by a millimetre."""
    parts, pixels = _seen(head, vertices)
    openings = np.zeros(parts.shape, np.uint8)
    for upper, lower in (("lip_upper", "lip_lower"), ("lid_upper_L", "lid_lower_L"), ("lid_upper_R", "lid_lower_R")):
        outline = np.concatenate([pixels[head.loops[upper].numpy()], pixels[head.loops[lower].numpy()][::-1]])
        cv2.fillPoly(openings, [np.round(outline).astype(np.int32)], 1)
    openings = cv2.dilate(openings, np.ones((2 * slack_px + 1, 2 * slack_px + 1), np.uint8))
    return _area_mm2((parts > PARTS.index("head")) & (openings == 0))
