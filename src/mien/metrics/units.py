"""Tables of measured action units against tables of labels: a row for each unit, and their mean."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd

from mien.errors import DataError
from mien.metrics.agreement import Agreement, agreement
from mien.tables.joining import Joined, join
from mien.tables.reading import FaceTable

PRESENT = 2.0  #: the intensity from which DISFA's labels count as present in publications
_NUMBERS = [field.name for field in fields(Agreement) if field.name not in ("faces", "present")]


@dataclass(frozen=True, eq=False)
class UnitScore:
    """See `score_units`."""

    table: pd.DataFrame  #: `au, in` (both, pred or truth) and the numbers of `Agreement`; the last row is their mean
    joined: Joined
    notes: tuple[str, ...]  #: what a reader of the numbers has to know


def score_units(predicted: FaceTable, truth: FaceTable, threshold: float = PRESENT) -> UnitScore:
    """Agreement on every unit that either table has; a unit counts as present from `threshold` on.

    Units in one table only are listed without numbers. The mean is over the units where a number is defined; its `faces` and `present`
    are sums. Raises `DataError` when the tables share no face or no unit.
    """
    joined = join(predicted, truth)
    units = sorted({*predicted.units, *truth.units})
    if not set(predicted.units) & set(truth.units):
        raise DataError(f"{predicted.path.name} and {truth.path.name} have no action unit (a column like AU12) in common")
    rows = [_row(unit, predicted, truth, joined, threshold) for unit in units]
    return UnitScore(pd.DataFrame([*rows, _mean(rows)]), joined, tuple(_notes(predicted, truth, rows, threshold)))


def _row(unit: str, predicted: FaceTable, truth: FaceTable, joined: Joined, threshold: float) -> dict[str, Any]:
    if unit not in predicted.units or unit not in truth.units:
        where = "pred" if unit in predicted.units else "truth"
        return {"au": unit, "in": where, "faces": 0, "present": 0, **dict.fromkeys(_NUMBERS, math.nan)}
    found = agreement(
        predicted.units[unit][joined.rows],
        truth.units[unit][joined.others],
        thresholds=(_threshold(predicted, unit, threshold), _threshold(truth, unit, threshold)),
        graded=unit in predicted.graded and unit in truth.graded,
    )
    return {"au": unit, "in": "both", **asdict(found)}


def _threshold(faces: FaceTable, unit: str, threshold: float) -> float:
    """What makes yes of a number: the half where the table itself says yes (1) or no (0)."""
    return threshold if unit in faces.graded else 0.5


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(row[name] for row in rows) for name in ("faces", "present")}
    defined = {name: [row[name] for row in rows if not math.isnan(row[name])] for name in _NUMBERS}
    return {"au": "mean", "in": "", **sums, **{name: sum(values) / len(values) if values else math.nan for name, values in defined.items()}}


def _notes(predicted: FaceTable, truth: FaceTable, rows: list[dict[str, Any]], threshold: float) -> list[str]:
    notes = [f"{faces.path.name} has py-feat's columns: its 0..1 count as 0..5." for faces in (predicted, truth) if faces.tool == "pyfeat"]
    labels = [truth.units[unit] for unit in truth.graded]
    if labels and not any((values >= threshold).any() for values in labels):
        notes.append(f"No label of {truth.path.name} reaches {threshold:g}: for labels of 0 and 1 call their columns AUxx_c.")
    undefined = [str(row["au"]) for row in rows if row["faces"] and math.isnan(row["f1"])]
    if undefined:
        notes.append(f"Nothing to find and nothing found, so no F1, in {', '.join(undefined)}.")
    return notes
