"""Corrections that the source's shapes need: lips that meet, a mouth that opens to an oval."""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from mien.geometry import mesh

Offsets = Float[np.ndarray, "v 3"]


class Spread:
    """Carries displacements of a few vertices over the surface around them, fading with the distance along it."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "v 3"],
        triangles: Int[np.ndarray, "f 3"],
        sources: Int[np.ndarray, " s"],
        *,
        blur: float = 0.25,
        reach: float = 1.4,
    ) -> None:
        """`blur` (cm) mixes neighbouring displacements; nothing moves beyond `reach` (cm)."""
        local = triangles[(KDTree(vertices[sources]).query(vertices[triangles])[0] < reach).any(axis=1)]
        away = np.stack([mesh.geodesic_distances(vertices, local, source[None]) for source in sources], axis=1)
        away = np.minimum(away, 10 * reach)  # those not reached at all do not move either
        near = away.min(axis=1, keepdims=True)
        share = np.exp((near / blur) ** 2 - (away / blur) ** 2)
        fade = np.clip(1.0 - near / reach, 0.0, 1.0)
        self._weights = share / share.sum(axis=1, keepdims=True) * (fade * fade * (3.0 - 2.0 * fade))

    def __call__(self, displacements: Float[np.ndarray, "s 3"]) -> Offsets:
        """Offsets of all vertices."""
        return self._weights @ displacements


class LipSeal:
    """Where the lips of a mean face meet, and how to close or keep a gap there.

    `rings` [r n] are vertices around the mouth, from inside to outside, each counter-clockwise from the corner on the subject's right;
    lower lip first. In every column the gap is the height of the lowest ring of the upper lip over the highest of the lower.
    """

    def __init__(self, vertices: Float[np.ndarray, "v 3"], rings: Int[np.ndarray, "r n"], spread: Spread) -> None:
        """`spread` carries displacements of the last ring of `rings`."""
        count = rings.shape[1]
        lower, upper = np.arange(1, count // 2), count - np.arange(1, count // 2)
        heights = vertices[rings, 1]
        self._top = rings[heights[:, upper].argmin(axis=0), upper]
        self._bottom = rings[heights[:, lower].argmax(axis=0), lower]
        self._lower, self._upper, self._count, self._spread = lower, upper, count, spread

    def gaps(self, offsets: Offsets) -> Float[np.ndarray, " c"]:
        """Height of the opening in every column (cm), or its change by offsets."""
        return offsets[self._top, 1] - offsets[self._bottom, 1]

    def closing(self, gaps: Float[np.ndarray, " c"]) -> Offsets:
        """Offsets that take gaps away, half from each lip."""
        move = np.zeros((self._count, 3))
        move[self._upper, 1], move[self._lower, 1] = -0.5 * gaps, 0.5 * gaps
        return self._spread(move)


def oval(curve: Float[np.ndarray, "n 3"], strength: float = 0.8) -> Float[np.ndarray, "n 3"]:
    """Displacements that push a closed curve, seen from the front, towards the ellipse of its own extent; never inwards."""
    low, high = curve[:, :2].min(axis=0), curve[:, :2].max(axis=0)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    unit = (curve[:, :2] - middle) / half
    short = np.clip(1.0 / np.linalg.norm(unit, axis=1, keepdims=True) - 1.0, 0.0, None)
    return np.c_[strength * short * unit * half, np.zeros(len(curve))]
