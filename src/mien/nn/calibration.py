"""From a network's scores of action units to probabilities, and to yes or no: fitted on people whom the network has not learned from.

Platt scaling (Platt 1999, "Probabilistic outputs for support vector machines"): the probability is a sigmoid of the score, a slope and an
offset for each unit. Yes is from the probability on that has the best F1, which for a rare unit is far below a half (Lipton et al. 2014).
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor

from mien.errors import WeightsError
from mien.weights import Weights

_PART = "calibration."  # how the names of the tensors begin
_MOST = 1e3  # slope for scores whose spread is 1: by then the sigmoid is a step


class Calibration(NamedTuple):
    """How the scores of each unit are read."""

    slope: Float[Tensor, " n"]  #: of the logit by the score, above 0
    offset: Float[Tensor, " n"]  #: the logit at a score of 0
    threshold: Float[Tensor, " n"]  #: the probability from which the unit counts as present

    def probabilities(self, scores: Float[Tensor, "*b n"]) -> Float[Tensor, "*b n"]:
        """The probability of each unit, the higher the score the higher."""
        return torch.sigmoid(self.slope * scores + self.offset)

    def present(self, probabilities: Float[Tensor, "*b n"]) -> Bool[Tensor, "*b n"]:
        """Which units are there."""
        return probabilities >= self.threshold


def plain(units: int, *, half: float = 0.0, slope: float = 1.0) -> Calibration:
    """What is taken of `units` without labels: a probability and a threshold of 0.5 at the score `half`, where the logit has this slope."""
    ones = torch.ones(units)
    return Calibration(slope * ones, -slope * half * ones, 0.5 * ones)


def fitted(scores: Float[Tensor, "f n"], labels: Float[Tensor, "f n"], otherwise: Calibration | None = None) -> Calibration:
    """The calibration of faces with labels 0 and 1, NaN where a label is not known.

    A unit whose labels are of one class only, or whose score does not rise with them, keeps what `otherwise` says of it: without it, the
    `plain` sigmoid.
    """
    kept = otherwise or plain(scores.shape[1])
    units = [_unit(*known) for known in zip(_columns(scores), _columns(labels), strict=True)]
    found = [own or tuple(float(part[unit]) for part in kept) for unit, own in enumerate(units)]
    return Calibration(*torch.tensor(found, dtype=torch.float32).reshape(-1, 3).unbind(1))


def stored(calibration: Calibration) -> dict[str, Tensor]:
    """The tensors of a weight file that hold it, beside the network's."""
    return {f"{_PART}{name}": tensor for name, tensor in calibration._asdict().items()}


def of(weights: Weights, units: int) -> Calibration | None:
    """The calibration of a network's `units` in its weight file; None where there is none. Raises `WeightsError` for one of others."""
    names = [f"{_PART}{field}" for field in Calibration._fields]
    there = [name for name in names if name in weights.tensors]
    if not there:
        return None
    wrong = [name for name in names if name not in there or weights.tensors[name].shape != (units,)]
    if wrong:
        raise WeightsError(f"{weights.path}: {wrong[0]} has not a number for each of {units} units: train or import it again")
    return Calibration(*(weights.tensors[name].float() for name in names))


def without(weights: Weights) -> Weights:
    """The weight file without its calibration: the tensors of the network alone."""
    return replace(weights, tensors={name: tensor for name, tensor in weights.tensors.items() if not name.startswith(_PART)})


def _columns(numbers: Float[Tensor, "f n"]) -> Float[np.ndarray, "n f"]:
    return numbers.detach().double().cpu().numpy().T


def _unit(scores: Float[np.ndarray, " f"], labels: Float[np.ndarray, " f"]) -> tuple[float, float, float] | None:
    """Slope, offset and threshold of one unit; None where labels do not tell them."""
    known = np.isfinite(labels) & np.isfinite(scores)
    scores, present = scores[known], labels[known] > 0.5
    if present.all() or not present.any() or not np.ptp(scores):
        return None
    slope, offset = _platt(scores, present)
    if slope <= 0:
        return None
    return slope, offset, best_threshold(expit(slope * scores + offset), present)


def _platt(scores: Float[np.ndarray, " f"], present: Bool[np.ndarray, " f"]) -> tuple[float, float]:
    """Slope and offset of the likeliest sigmoid, with Platt's targets: a little within 0 and 1, so that separable scores get an end."""
    yes = int(present.sum())
    no = len(present) - yes
    target = np.where(present, (yes + 1) / (yes + 2), 1 / (no + 2))
    mean, spread = scores.mean(), scores.std()
    x = (scores - mean) / spread

    def loss(line: Float[np.ndarray, " 2"]) -> tuple[float, Float[np.ndarray, " 2"]]:
        logit = line[0] * x + line[1]
        off = expit(logit) - target
        return float(np.mean(np.logaddexp(0.0, logit) - target * logit)), np.array([np.mean(off * x), np.mean(off)])

    start = np.array([0.0, np.log((yes + 1) / (no + 1))])
    slope, offset = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, _MOST), (None, None)], options={"ftol": 1e-14}).x
    return float(slope / spread), float(offset - slope * mean / spread)


def best_threshold(probabilities: Float[np.ndarray, " f"], present: Bool[np.ndarray, " f"]) -> float:
    """The threshold with the best F1, ``2 TP / (faces called + faces with it)``: in the middle between the two probabilities it parts."""
    order = np.argsort(-probabilities, kind="stable")
    values, hits = probabilities[order], np.cumsum(present[order])
    ends = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)  # equal ones are called together
    best = ends[np.argmax(2 * hits[ends] / (ends + 1 + hits[-1]))]
    below = values[best + 1] if best + 1 < len(values) else 0.0
    return float((values[best] + below) / 2)
