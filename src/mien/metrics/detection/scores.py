"""How well a reader detects action units in the folds of a corpus: F1, accuracy and AUC of every unit, and their means."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien import aus
from mien.data.layouts.frames import present
from mien.data.problems import Problem
from mien.metrics.agreement import auc, occurrence
from mien.metrics.detection.frames import read_frames
from mien.metrics.detection.plan import Part, Plan, detected_from

SCORES = ("f1", "accuracy", "auc")


@dataclass(frozen=True)
class UnitScore:
    """Of one unit, on the frames in which it is known and was measured; 0..1."""

    frames: int
    positives: int  #: of them, frames that show it
    f1: float  #: NaN without positives: nothing could be found
    accuracy: float  #: NaN without frames
    auc: float  #: NaN unless some frames show it and others do not


@dataclass(frozen=True, eq=False)
class FoldScore:
    """One fold."""

    fold: int
    people: int
    frames: int
    faceless: tuple[str, ...]  #: of them, those in which no face was found: they count in no number
    units: Mapping[int, UnitScore]

    def mean(self, score: str) -> float:
        """A score's mean over the units for which it is defined."""
        return mean(getattr(unit, score) for unit in self.units.values())


@dataclass(frozen=True, eq=False)
class Detection:
    """A test that was made."""

    plan: Plan
    threshold: float  #: intensity from which a unit counts as detected that the reader does not detect itself
    folds: tuple[FoldScore, ...]
    problems: tuple[Problem, ...]  #: what is missing and could not be read
    notes: tuple[str, ...]

    def unit(self, unit: int, score: str) -> float:
        """A score's mean over the folds in which it is defined; NaN of a unit that is not tested."""
        return mean(getattr(fold.units[unit], score) for fold in self.folds if unit in fold.units)

    def mean(self, score: str) -> float:
        """The mean over the units of `unit`, as papers have it."""
        return mean(self.unit(unit, score) for unit in self.plan.units)


def mean(values: Iterable[float]) -> float:
    """The mean of the numbers that are defined; NaN when none is."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def unit_score(measured: Float[np.ndarray, " n"], truth: Float[np.ndarray, " n"], threshold: float) -> UnitScore:
    """One unit: `measured` from `threshold` on is a detection; `truth` is 1 or 0. Frames in which either is NaN do not count."""
    known = np.isfinite(measured) & np.isfinite(truth)
    measured, there = measured[known], truth[known] == 1
    f1, accuracy, _ = occurrence(measured >= threshold, there)
    positives = int(there.sum())
    return UnitScore(len(there), positives, f1 if positives else math.nan, accuracy, auc(measured, there))


def score(planned: Plan, threshold: float, on_frame: Callable[[], None] = lambda: None) -> Detection:
    """Read every frame of a plan and compare; a unit that the reader does not detect itself counts from the intensity `threshold` on."""
    scored = [_fold(planned, part, threshold, on_frame) for part in planned.parts]
    folds = tuple(fold for fold, _ in scored)
    problems = [*planned.coded.corpus.problems, *(gone for fold in folds for gone in planned.coded.lacking(fold.fold))]
    problems += [problem for _, unread in scored for problem in unread]
    return Detection(planned, threshold, folds, tuple(problems), (*planned.notes, *(line for fold in folds for line in _notes(fold))))


def _fold(planned: Plan, part: Part, threshold: float, on_frame: Callable[[], None]) -> tuple[FoldScore, tuple[Problem, ...]]:
    seen = read_frames(part.reader, planned.coded.corpus.root, part.rows, planned.units, detected=planned.detected, on_frame=on_frame)
    since = {unit: detected_from(part.reader, unit) if unit in planned.detected else threshold for unit in planned.units}
    truth = {unit: part.rows[present(unit)].to_numpy(dtype=np.float64) for unit in planned.units}
    units = {unit: unit_score(seen.measured[:, k], truth[unit], since[unit]) for k, unit in enumerate(planned.units)}
    return FoldScore(part.fold, len(set(part.rows["subject"])), len(part.rows), seen.faceless, units), seen.problems


def _notes(fold: FoldScore) -> list[str]:
    """The frames of a fold that do not count, and the units of which there is nothing to tell apart."""
    absent = [aus.column(unit) for unit, found in fold.units.items() if not found.positives]
    always = [aus.column(unit) for unit, found in fold.units.items() if found.positives == found.frames > 0]
    lines = {
        f"no face was found in {len(fold.faceless)} of {fold.frames} frames, which count in no number": fold.faceless,
        f"no frame that was read shows {', '.join(absent)}, whose F1 and AUC are left out of its means": absent,
        f"every frame that was read shows {', '.join(always)}, whose AUC is left out of its means": always,
    }
    return [f"Fold {fold.fold}: {line}." for line, where in lines.items() if where]
