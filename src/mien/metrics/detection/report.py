"""A test of a reader in words, as a table for a page, and as a document."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from mien import aus
from mien.metrics.detection.published import Published
from mien.metrics.detection.scores import SCORES, Detection
from mien.metrics.detection.table import POSITIVES, SOURCES


def said(found: Detection) -> str:
    """Who was tested on what, and what the numbers mean."""
    plan, folds = found.plan, found.folds
    of = f"fold{'s' if len(folds) > 1 else ''} {', '.join(str(fold.fold) for fold in folds)}"
    counts = f"{sum(fold.frames for fold in folds)} frames of {sum(fold.people for fold in folds)} people"
    faceless, corpus = sum(len(fold.faceless) for fold in folds), plan.coded.corpus.name
    learned = f", whose weights say that they learned from {plan.train}," if plan.train else ""
    return (
        f"Reader {plan.reader}{learned} on {corpus}, {of}: {counts}, the largest face of each read on its own; in {faceless} of them no "
        f"face was found. A unit is present in {corpus} {plan.coded.present}; {_detected(found)}. "
        "Scores are percent; their means are those of papers: of a unit over the folds, then over the units."
    )


def _detected(found: Detection) -> str:
    """When the reader counts as having found a unit."""
    plan = found.plan
    told, strong = ([unit for unit in plan.units if (unit in plan.detected) == says] for says in (True, False))
    itself = "the reader says itself whether it is there, from a probability on that is in its weights"
    graded = f"the reader detects it from intensity {found.threshold:g} on"
    if told and strong:
        return f"of {', '.join(map(aus.column, told))} {itself}, of {', '.join(map(aus.column, strong))} {graded}"
    return itself if told else graded


def page(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is printed: counts whole, sources below it instead of in it."""
    shown = table.drop(columns=list(SOURCES)).astype(object)
    counted = table["score"] == POSITIVES
    units = [column for column in shown if column in map(aus.column, aus.NAMES)]
    shown.loc[counted, units] = table.loc[counted, units].map(lambda count: "" if math.isnan(count) else int(count)).astype(object)
    return shown


def document(found: Detection, peers: Sequence[Published]) -> dict[str, Any]:
    """Everything, for JSON; scores 0..1, published ones percent as they were printed."""
    plan = found.plan
    return {
        "reader": plan.reader,
        "train": plan.train,
        "test": plan.coded.name,
        "present": plan.coded.present,
        "threshold": found.threshold,
        "detected": [aus.column(unit) for unit in plan.units if unit in plan.detected],
        "folds": [
            {
                "fold": fold.fold,
                "people": fold.people,
                "frames": fold.frames,
                "faceless": fold.faceless,
                "units": {aus.column(unit): asdict(score) for unit, score in fold.units.items()},
                "mean": {score: fold.mean(score) for score in SCORES},
            }
            for fold in found.folds
        ],
        "units": {aus.column(unit): {score: found.unit(unit, score) for score in SCORES} for unit in plan.units},
        "mean": {score: found.mean(score) for score in SCORES},
        "published": [
            asdict(peer) | {"units": [*map(aus.column, peer.units)], "f1": {aus.column(unit): f1 for unit, f1 in peer.f1.items()}}
            for peer in peers
        ],
        "notes": found.notes,
        "problems": [asdict(problem) for problem in found.problems],
    }
