"""How far landmarks lie from the truth, in units of the face: the normalised mean error (NME) and what is told of many.

The unit is the distance of the outer corners of the eyes (300-W's *inter-ocular*), or the side of a square as large as the box of the true
points (AFLW's). The curve of cumulative errors is summed up by the area under it up to a limit, and by the share beyond the limit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.errors import DataError
from mien.tables.joining import Joined, join
from mien.tables.reading import FaceTable

OUTER_EYES_68 = (36, 45)  #: of the iBUG-68 points
LIMIT = 0.08  #: an error from which a face counts as missed


@dataclass(frozen=True)
class PointScore:
    """Of many faces, in percent of the unit."""

    faces: int
    missed: int  #: of them, where nothing was found
    mean: float  #: of those found, as the median
    median: float
    auc: float  #: area under the cumulative errors from 0 to `LIMIT`, 100 if all are 0; a face that was missed counts
    failures: float  #: share of the faces beyond `LIMIT`; a face that was missed counts


def eye_distances(truth: Float[np.ndarray, "n k 2"], corners: tuple[int, int] = OUTER_EYES_68) -> Float[np.ndarray, " n"]:
    """Pixels between the outer corners of the eyes."""
    return np.linalg.norm(truth[:, corners[0]] - truth[:, corners[1]], axis=1)


def box_sides(truth: Float[np.ndarray, "n k 2"]) -> Float[np.ndarray, " n"]:
    """The root of the area of the box around the points, pixels."""
    return np.sqrt(np.prod(np.ptp(truth, axis=1), axis=1))


def errors(found: Float[np.ndarray, "n k 2"], truth: Float[np.ndarray, "n k 2"], unit: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The mean distance of each face's points in its unit; NaN where a point is."""
    return np.linalg.norm(found - truth, axis=2).mean(axis=1) / unit


def summary(errors: Float[np.ndarray, " n"], limit: float = LIMIT) -> PointScore:
    """Of at least one face; NaN is a face that was missed.

    The cumulative curve is a step at each error, so the area under it up to the limit is the mean of ``max(0, 1 - error / limit)``.
    """
    seen = np.isfinite(errors)
    found = 100 * errors[seen]
    far = np.where(seen, errors, np.inf)
    return PointScore(
        faces=len(errors),
        missed=int((~seen).sum()),
        mean=float(found.mean()) if len(found) else float("nan"),
        median=float(np.median(found)) if len(found) else float("nan"),
        auc=100 * float(np.clip(1 - far / limit, 0.0, None).mean()),
        failures=100 * float((far > limit).mean()),
    )


def score_points(predicted: FaceTable, truth: FaceTable) -> tuple[dict[str, PointScore], Joined]:
    """The iBUG-68 points of two tables, by `eyes` and by `box`. Faces without true points are left out.

    Raises `DataError` when a table has no points, and when no face with true points is in both.
    """
    found, true = _points(predicted), _points(truth)
    joined = join(predicted, truth)
    found, true = found[joined.rows], true[joined.others]
    known = np.isfinite(true).all(axis=(1, 2))
    if not known.any():
        raise DataError(f"{truth.path} has no landmarks for the faces that are in both tables")
    found, true = found[known], true[known]
    return {name: summary(errors(found, true, unit(true))) for name, unit in (("eyes", eye_distances), ("box", box_sides))}, joined


def _points(faces: FaceTable) -> Float[np.ndarray, "n 68 2"]:
    if faces.points is None:
        raise DataError(f"{faces.path} has no landmarks: it needs the columns x_0 to x_67 and y_0 to y_67")
    return faces.points
