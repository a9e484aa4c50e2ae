"""Whether probabilities of action units are what they say: of the faces of which p is said, p show the unit.

Faces whose probability or label is NaN do not count; numbers without any are NaN. A label is 1 (present) or 0.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

BINS = 10  #: of equal width, from 0 to 1

Numbers = Float[np.ndarray, " f"]


def brier_score(probabilities: Numbers, labels: Numbers) -> float:
    """The mean squared difference of probability and label (Brier 1950): 0 is perfect, a half said of everything has 0.25."""
    said, labels = _known(probabilities, labels)
    return float(np.mean((said - labels) ** 2)) if len(said) else math.nan


def calibration_error(probabilities: Numbers, labels: Numbers, bins: int = BINS) -> float:
    """The expected calibration error (Naeini et al. 2015): how far said and found are apart in a bin, in the mean over faces; 0..1."""
    table = reliability(probabilities, labels, bins)
    apart = np.abs(table["said"].to_numpy() - table["found"].to_numpy())
    return float(np.average(apart, weights=table["faces"].to_numpy())) if len(table) else math.nan


def reliability(probabilities: Numbers, labels: Numbers, bins: int = BINS) -> pd.DataFrame:
    """A row for each bin of probabilities in which there are faces: what a reliability diagram draws (DeGroot & Fienberg 1983).

    `from, to`: the bin; `faces` in it; `said`: their mean probability; `found`: the share of them that shows the unit.
    """
    said, labels = _known(probabilities, labels)
    place = np.minimum((said * bins).astype(int), bins - 1)
    rows = [_row(number / bins, 1 / bins, said[place == number], labels[place == number]) for number in np.unique(place).tolist()]
    return pd.DataFrame(rows, columns=["from", "to", "faces", "said", "found"])


def reliabilities(units: Sequence[str], probabilities: Float[np.ndarray, "f n"], labels: Float[np.ndarray, "f n"]) -> pd.DataFrame:
    """The rows of `reliability` of every unit, its name before them as `unit`."""
    tables = {unit: reliability(*numbers) for unit, *numbers in zip(units, probabilities.T, labels.T, strict=True)}
    return pd.concat(tables, names=["unit"]).reset_index("unit").reset_index(drop=True)


def calibrations(units: Sequence[str], probabilities: Float[np.ndarray, "f n"], labels: Float[np.ndarray, "f n"]) -> pd.DataFrame:
    """A row for each unit: `unit`, its `faces`, the share of them that shows it (`present`), `brier` and `ece` (`calibration_error`)."""
    return pd.DataFrame([_scores(*each) for each in zip(units, probabilities.T, labels.T, strict=True)])


def _scores(unit: str, probabilities: Numbers, labels: Numbers) -> Mapping[str, object]:
    _, known = _known(probabilities, labels)
    present = float(known.mean()) if len(known) else math.nan
    scores = {"brier": brier_score(probabilities, labels), "ece": calibration_error(probabilities, labels)}
    return {"unit": unit, "faces": len(known), "present": present, **scores}


def _row(start: float, width: float, said: Numbers, labels: Numbers) -> Mapping[str, float]:
    return {"from": start, "to": start + width, "faces": len(said), "said": float(said.mean()), "found": float(labels.mean())}


def _known(probabilities: Numbers, labels: Numbers) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    both = np.isfinite(probabilities) & np.isfinite(labels)
    return probabilities[both], labels[both]
