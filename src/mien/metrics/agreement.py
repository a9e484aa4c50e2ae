"""How well measured intensities of one action unit agree with the truth.

Every number is NaN where it is not defined: without labels, with labels of one class only (AUC, balanced accuracy), with a truth that
never changes (PCC). A prediction that never changes has a PCC of 0: it says nothing.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata


@dataclass(frozen=True)
class Agreement:
    """Of one unit, on the faces where both sides have a number."""

    faces: int
    present: int  #: of them, where the truth has the unit
    f1: float  #: 2 TP / (2 TP + FP + FN); NaN when there is nothing to find and nothing was found
    accuracy: float
    balanced: float  #: mean of the shares found of the present and of the absent
    auc: float  #: area under the ROC curve of the prediction
    pcc: float  #: Pearson's correlation
    mae: float  #: mean absolute error, steps of intensity
    icc: float  #: ICC(3,1)


def occurrence(predicted: Bool[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> tuple[float, float, float]:
    """F1, accuracy and balanced accuracy of yes and no."""
    if len(truth) == 0:
        return math.nan, math.nan, math.nan
    hits, wrong = int((predicted & truth).sum()), int((predicted != truth).sum())
    f1 = _ratio(2 * hits, 2 * hits + wrong)
    recalls = _ratio(hits, int(truth.sum())), _ratio(int((~predicted & ~truth).sum()), int((~truth).sum()))
    return f1, float(np.mean(predicted == truth)), float(np.mean(recalls))


def auc(score: Float[np.ndarray, " n"], truth: Bool[np.ndarray, " n"]) -> float:
    """The chance that a face with the unit scores higher than one without, ties half (Mann & Whitney 1947)."""
    with_it, without = int(truth.sum()), int((~truth).sum())
    ranks = float(rankdata(score)[truth].sum())
    return _ratio(ranks - with_it * (with_it + 1) / 2, with_it * without)


def pearson(predicted: Float[np.ndarray, " n"], truth: Float[np.ndarray, " n"]) -> float:
    """Pearson's correlation: NaN when the truth never changes, 0 when the prediction does not."""
    return float(correlations(predicted[:, None], truth[:, None])[0])


def correlations(predicted: Float[np.ndarray, "n k"], truth: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Pearson's correlation of each column, see `pearson`."""
    if not len(truth):
        return np.full(truth.shape[1], math.nan)
    one, other = (values - values.mean(0, dtype=np.float64) for values in (predicted, truth))
    size = np.sqrt(np.square(one).sum(0) * np.square(other).sum(0))
    found = np.divide((one * other).sum(0), size, out=np.zeros_like(size), where=(np.ptp(predicted, axis=0) > 0) & (size > 0))
    return np.where(np.ptp(truth, axis=0) > 0, found, math.nan)


def icc31(ratings: Float[np.ndarray, "n k"]) -> float:
    """ICC(3,1), consistency of k fixed judges on n faces (Shrout & Fleiss 1979): ``(BMS - EMS) / (BMS + (k - 1) EMS)``.

    BMS and EMS are the mean squares between faces and of the residual. NaN for fewer than two faces or judges, or when
    no judge tells faces apart.
    """
    n, k = ratings.shape
    if min(n, k) < 2 or not np.ptp(ratings, axis=0).any():
        return math.nan
    faces, judges = ratings.mean(axis=1, keepdims=True), ratings.mean(axis=0, keepdims=True)
    between = k * float(((faces - ratings.mean()) ** 2).sum()) / (n - 1)
    residual = float(((ratings - faces - judges + ratings.mean()) ** 2).sum()) / ((n - 1) * (k - 1))
    return _ratio(between - residual, between + (k - 1) * residual)


def agreement(
    predicted: Float[np.ndarray, " n"], truth: Float[np.ndarray, " n"], *, thresholds: tuple[float, float], graded: bool = True
) -> Agreement:
    """All numbers of a unit; NaN is not measured. From its threshold on (of the prediction, of the truth) the unit is present.

    `graded`: both are intensities 0..5; otherwise PCC, MAE and ICC, which need such, are NaN.
    """
    both = np.isfinite(predicted) & np.isfinite(truth)
    predicted, truth = predicted[both], truth[both]
    is_there = truth >= thresholds[1]
    f1, accuracy, balanced = occurrence(predicted >= thresholds[0], is_there)
    compared = graded and len(truth) > 0
    return Agreement(
        faces=len(truth),
        present=int(is_there.sum()),
        f1=f1,
        accuracy=accuracy,
        balanced=balanced,
        auc=auc(predicted, is_there),
        pcc=pearson(predicted, truth) if compared else math.nan,
        mae=float(np.mean(np.abs(predicted - truth))) if compared else math.nan,
        icc=icc31(np.column_stack([predicted, truth])) if compared else math.nan,
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan
