"""Measures ICT-FaceKit's eyes, teeth and jaw, for organs of our own that fit in their place."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from mien.convert.ict import ICT
from mien.geometry import mesh
from mien.geometry.head import PARTS
from mien.geometry.making import organs
from mien.geometry.making.organs import BONES, Organ, Tooth

_CROWN_CM = 1.15  # what shows of an incisor; the source's teeth include their roots
_TEETH = 12  # of the 16 of a row, the middle ones
#: How far the eyes turn at full weight: degrees towards the nose, and up. The lids of the source's shapes go about as far.
_GAZE = {"eyeLookIn": (30.0, 0.0), "eyeLookOut": (-30.0, 0.0), "eyeLookUp": (0.0, 25.0), "eyeLookDown": (0.0, -27.0)}


@dataclass(frozen=True, eq=False)
class Organs:
    """Organs in the source's place, the rims of the irises, and how the bones move."""

    pieces: tuple[Organ, ...]  #: the inside of the mouth first; its first row is the rim
    iris: dict[str, Int[np.ndarray, " n"]]  #: vertices of the piece, per side
    eye_centers: Float[np.ndarray, "2 3"]
    iris_radius: Float[np.ndarray, " 2"]
    identity: Float[np.ndarray, "k 4 3 4"]  #: the affine offset of each of `BONES`
    expressions: Float[np.ndarray, "s 4 3 4"]


def measure(ict: ICT, parts: Int[np.ndarray, " f"], rim: Float[np.ndarray, "c 3"]) -> Organs:
    """Build the organs; `parts` is the part of each triangle of the source, `rim` the edge that the inside of the mouth hangs from."""
    ids = {name: np.unique(ict.triangles[parts == PARTS.index(name)]) for name in ("eye_L", "eye_R", "teeth_upper", "teeth_lower")}
    carriers = dict(zip(BONES, ids.values(), strict=True))
    upper, lower = (_row(ict, parts == PARTS.index(f"teeth_{name}"), name) for name in ("upper", "lower"))
    pieces: list[Organ] = [organs.cavity(rim, upper, lower)]
    rims: dict[str, Int[np.ndarray, " n"]] = {}
    centers, radii = [], []
    for side in "LR":
        center, axis, profile, radius = _eye(ict, ids[f"eye_{side}"], side)
        ball, rims[side] = organs.eyeball(f"eye_{side}", center, axis, profile, float(np.arcsin(radius / np.interp(0.4, *profile))))
        pieces.append(ball)
        centers.append(center)
        radii.append(radius)
    pieces += [
        organs.teeth("teeth_upper", upper, "skull"),
        organs.teeth("teeth_lower", lower, "jaw"),
        organs.gums("gums_upper", upper, "skull"),
        organs.gums("gums_lower", lower, "jaw"),
        organs.tongue(lower),
    ]

    def maps(offsets: Float[np.ndarray, "n v 3"]) -> Float[np.ndarray, "n 4 3 4"]:
        return np.stack([mesh.affine_maps(ict.neutral[i], offsets[:, i]) for i in carriers.values()], axis=1)

    expressions = maps(ict.expressions)
    for i, name in enumerate(ict.expression_names):
        if name[:-2] in _GAZE:  # the source's shapes move the lids only
            bone = BONES.index(f"eye_{name[-1]}")
            expressions[i, bone] = _turned(centers[bone], *_GAZE[name[:-2]], inward=1.0 if name[-1] == "R" else -1.0)
    return Organs(tuple(pieces), rims, np.stack(centers), np.array(radii), maps(ict.identity), expressions)


def _turned(center: Float[np.ndarray, " 3"], aside: float, up: float, *, inward: float) -> Float[np.ndarray, "3 4"]:
    """The affine offset of a rotation about a point: degrees towards the nose, and up."""
    turn = Rotation.from_euler("yx", [aside * inward, -up], degrees=True).as_matrix() - np.eye(3)
    return np.c_[turn, -turn @ center]


def _eye(
    ict: ICT, ids: Int[np.ndarray, " n"], side: str
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"], tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]], float]:
    """Centre, axis, radius by angle from the axis, and radius of the iris."""
    points = ict.neutral[ids].astype(np.float64)
    pupil, *rim = ict.neutral[ict.iris[side]].astype(np.float64)
    center = mesh.sphere_center(points)
    axis = (pupil - center) / np.linalg.norm(pupil - center)
    away = points - center
    radius = np.linalg.norm(away, axis=1)
    angle = np.arccos(np.clip(away @ axis / radius, -1, 1))
    knots = np.linspace(0.0, 2.0, 21)
    nearness = np.exp(-(((angle[None] - knots[:, None]) / 0.08) ** 2)) + 1e-12
    profile = (nearness * radius).sum(axis=1) / nearness.sum(axis=1)
    span = np.linalg.norm(np.cross(np.array(rim) - center, axis), axis=1).mean()
    return center, axis, (knots, profile), float(span)


def _row(ict: ICT, here: Bool[np.ndarray, " f"], jaw: str) -> list[Tooth]:
    """The middle teeth of a jaw, from the subject's right to left."""
    triangles = ict.triangles[here]
    piece = mesh.components(triangles, len(ict.neutral))
    used = np.unique(triangles)
    crowns: list[Float[np.ndarray, "n 3"]] = []
    for label in np.unique(piece[used]):
        points = ict.neutral[used[piece[used] == label]].astype(np.float64)
        y = points[:, 1]
        crowns.append(points[y < y.min() + _CROWN_CM if jaw == "upper" else y > y.max() - _CROWN_CM])
    crowns.sort(key=lambda crown: float(_aside(crown.mean(axis=0))))
    first = (len(crowns) - _TEETH) // 2
    middles = np.stack([0.5 * (crown.min(axis=0) + crown.max(axis=0)) for crown in crowns])
    across = np.gradient(middles, axis=0) * np.array([1.0, 0.0, 1.0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    outward = np.cross(across, [0.0, 1.0, 0.0])
    row: list[Tooth] = []
    for i in range(first, first + _TEETH):
        low, high = crowns[i].min(axis=0), crowns[i].max(axis=0)
        spans = [float(np.ptp(crowns[i] @ direction)) for direction in (across[i], outward[i])]
        row.append(Tooth(0.5 * (low + high), across[i], outward[i], spans[0], float(high[1] - low[1]), spans[1]))
    return row


def _aside(point: Float[np.ndarray, " 3"]) -> float:
    """Order along the arch of teeth: the angle around a point behind them."""
    return float(np.arctan2(point[0], point[2] - 4.0))
