"""How a network that is learning does on faces of people it does not learn from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from mien.metrics.agreement import auc, icc31, occurrence
from mien.metrics.detection.scores import mean

Numbers = Float[Tensor, "n k"]


class Seen(NamedTuple):
    """Faces, as they are read and as they are."""

    scores: Numbers  #: the higher, the surer a unit is there
    intensities: Numbers  #: of those units whose intensity is told
    present: Numbers  #: 1, 0, or NaN where nobody knows
    strong: Numbers  #: 0..5, or NaN


def judged(found: Seen, units: Sequence[str], threshold: float) -> Mapping[str, float]:
    """F1 of scores from `threshold` on and AUC of each unit, and their means; of intensities the mean ICC(3,1); 0..1.

    What is not defined is left out: the F1 of a unit that nobody shows is no 0 that would pull the mean down.
    """
    each = [_unit(*unit, threshold) for unit in _known(found.scores, found.present)]
    told = {f"{name}_{unit}": scores[name] for unit, scores in zip(units, each, strict=True) for name in scores}
    told |= {name: mean(scores[name] for scores in each) for name in ("f1", "auc")}
    told["icc"] = mean(icc31(np.column_stack(unit)) for unit in _known(found.intensities, found.strong))
    return {name: value for name, value in told.items() if not np.isnan(value)}


def _unit(scores: Float[np.ndarray, " f"], present: Float[np.ndarray, " f"], threshold: float) -> Mapping[str, float]:
    there = present == 1
    f1 = occurrence(scores >= threshold, there)[0] if there.any() else np.nan
    return {"f1": f1, "auc": auc(scores, there) if len(scores) else np.nan}


def _known(told: Numbers, true: Numbers) -> list[tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]]:
    """What is told and what is true of each unit, where that is known."""
    both = zip(told.double().T.numpy(), true.double().T.numpy(), strict=True)
    return [(one[np.isfinite(other)], other[np.isfinite(other)]) for one, other in both]
