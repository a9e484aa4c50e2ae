"""The per-unit table of papers: a column for each unit and one for their mean, a row for each number of readers and each published one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mien import aus
from mien.metrics.detection.published import CERTAINTY, Published
from mien.metrics.detection.scores import SCORES, Detection

TITLES: Mapping[str, str] = {"f1": "F1", "accuracy": "accuracy", "auc": "AUC"}
POSITIVES = "positives"
SOURCES = ("citation", "source")  #: columns that say where a row is from
ALL = "mean"  #: of the folds
_ABOUT = ("printed", "certainty", *SOURCES)  # columns of published rows alone
_DIFFERS = "*"  # behind an average that was printed and is not the mean of its units


def units_of(tests: Iterable[Detection]) -> tuple[int, ...]:
    """The units of one test or another, in their order."""
    tested = {unit for found in tests for unit in found.plan.units}
    return tuple(unit for unit in aus.NAMES if unit in tested)


def table(tests: Sequence[Detection], peers: Sequence[Published]) -> pd.DataFrame:
    """`method, score, fold`, a column for each unit and their `mean`; of published rows also `printed` (the average that was), `certainty`,
    `citation` and `source`.

    Scores are percent, positives frames. Fold "mean" is the mean over the folds. `printed` ends in * where it is not the mean of the units
    that were printed, and is "" where others are shown. What a reader says nothing of is NaN.
    """
    units = units_of(tests)
    rows = [row for found in tests for row in _tested(found)] + [_peer(peer, units) for peer in peers]
    return pd.DataFrame(rows, columns=["method", "score", "fold", *map(aus.column, units), "mean", *_ABOUT])


def printed(peer: Published, units: Sequence[int]) -> str:
    """The average that was printed, where it is one of these units."""
    return f"{peer.average:.1f}{_DIFFERS if peer.differs else ''}" if set(peer.units) == set(units) else ""


def f1_of(peer: Published, units: Sequence[int]) -> tuple[dict[int, float], float]:
    """What was published of units, NaN where there is nothing, and its mean: NaN of only some of them; the printed one where it is all
    that is known.
    """
    numbers = {unit: peer.f1.get(unit, math.nan) for unit in units}
    return numbers, sum(numbers.values()) / len(numbers) if peer.f1 else peer.average


def shown(peers: Sequence[Published], units: Sequence[int]) -> list[Published]:
    """The published rows that say something of units."""
    return [peer for peer in peers if any(unit in peer.f1 for unit in units) or printed(peer, units)]


def meanings(peers: Sequence[Published]) -> str:
    """What the marks of published rows say."""
    used = [word for word in CERTAINTY if word in {peer.certainty for peer in peers}]
    mark = f"; {_DIFFERS}: not the mean of the units that were printed" if any(peer.differs for peer in peers) else ""
    return f"Published F1. {'; '.join(f'{word}: {CERTAINTY[word]}' for word in used)}{mark}."


def origin(peer: Published) -> str:
    """Who published a row, and where it was taken from."""
    return f"{peer.citation} ({peer.source})"


def _tested(found: Detection) -> list[dict[str, Any]]:
    """The rows of one reader."""
    rows = [row for score in SCORES for row in _own(found, score)]
    return rows + [_row(found.plan.reader, POSITIVES, fold.fold, _counts(found, k), math.nan) for k, fold in enumerate(found.folds)]


def _own(found: Detection, score: str) -> list[dict[str, Any]]:
    """The rows of one score: each fold, and their mean when there are several."""
    name, title = found.plan.reader, TITLES[score]
    rows = [
        _row(name, title, fold.fold, {unit: 100 * getattr(fold.units[unit], score) for unit in found.plan.units}, 100 * fold.mean(score))
        for fold in found.folds
    ]
    if len(rows) > 1:
        rows.append(_row(name, title, ALL, {unit: 100 * found.unit(unit, score) for unit in found.plan.units}, 100 * found.mean(score)))
    return rows


def _counts(found: Detection, place: int) -> dict[int, float]:
    return {unit: float(found.folds[place].units[unit].positives) for unit in found.plan.units}


def _peer(peer: Published, units: Sequence[int]) -> dict[str, Any]:
    about = {"printed": printed(peer, units), "certainty": peer.certainty, "citation": peer.citation, "source": peer.source}
    return _row(peer.method, TITLES["f1"], ALL, *f1_of(peer, units)) | about


def _row(method: str, score: str, fold: int | str, numbers: Mapping[int, float], average: float) -> dict[str, Any]:
    columns = {aus.column(unit): number for unit, number in numbers.items()}
    empty = dict.fromkeys(_ABOUT, "")
    return {"method": method, "score": score, "fold": str(fold), **columns, "mean": average, **empty}
