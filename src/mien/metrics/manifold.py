"""Precision and recall of a set of generated features (Kynkaanniemi et al. 2019, equations 1 and 2).

A set's manifold is the union of balls, one around each feature, that just reach its k-th nearest neighbour. Precision is the share of
generated features in the manifold of the real ones (do they look real?), recall the share of the real in that of the generated (is all
that is real covered?).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NEIGHBOURS = 3  #: k, as published
_ROWS = 1024  # of a distance matrix at a time: memory stays flat
_ROUNDING = 1e-12  # of the squared length of the longest feature: a squared distance is a difference of such


@dataclass(frozen=True)
class Cover:
    """Shares 0..1."""

    precision: float
    recall: float


def cover(real: Float[np.ndarray, "m d"], fake: Float[np.ndarray, "n d"], *, neighbours: int = NEIGHBOURS) -> Cover:
    """Precision and recall; raises `ValueError` when a set has no more than `neighbours` features."""
    if min(len(real), len(fake)) <= neighbours:
        raise ValueError(f"precision and recall need more than {neighbours} pictures of each kind, there are {len(real)} and {len(fake)}")
    middle = real.mean(axis=0)  # short vectors keep their distances' digits
    real, fake = real - middle, fake - middle
    return Cover(_share_inside(fake, real, neighbours), _share_inside(real, fake, neighbours))


def _share_inside(points: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], neighbours: int) -> float:
    """The share of points in at least one ball of the centres."""
    slack = _ROUNDING * max(float((points**2).sum(axis=1).max()), float((centres**2).sum(axis=1).max()))
    reach = np.concatenate([np.partition(_squared(rows, centres), neighbours, axis=1)[:, neighbours] for rows in _parts(centres)])
    inside = [(_squared(rows, centres) <= reach + slack).any(axis=1) for rows in _parts(points)]
    return float(np.concatenate(inside).mean())


def _parts(rows: Float[np.ndarray, "n d"]) -> list[Float[np.ndarray, "_ d"]]:
    return [rows[i : i + _ROWS] for i in range(0, len(rows), _ROWS)]


def _squared(a: Float[np.ndarray, "m d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m n"]:
    """Squared distances."""
    return (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
