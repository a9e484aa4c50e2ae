"""What is tested, and by whom: the frames of every fold, the units, and a reader for each fold that knows nobody in it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mien import aus
from mien.data.layouts.coded import FOLDS, REPORTED, Coded
from mien.data.layouts.frames import present
from mien.errors import UsageError, one_of
from mien.metrics.detection import learned
from mien.metrics.naming import named
from mien.protocols import DetectingReader, Reader


@dataclass(frozen=True, eq=False)
class Part:
    """One fold: its frames in which a unit is known, and who reads them."""

    fold: int
    reader: Reader
    rows: pd.DataFrame  #: of the corpus


@dataclass(frozen=True, eq=False)
class Plan:
    """A test that can be made: all that could be wrong with its request is not."""

    coded: Coded
    train: str  #: the corpus that the reader is known to have learned from, by its weights; "" when nobody asked
    units: tuple[int, ...]
    detected: frozenset[int]  #: of them, those that a reader says itself to be there or not; the others count from an intensity on
    parts: tuple[Part, ...]
    notes: tuple[str, ...]  #: what a reader of the numbers has to know

    @property
    def reader(self) -> str:
        """Whose numbers they are."""
        return self.parts[0].reader.name

    @property
    def frames(self) -> int:
        """How many frames are read."""
        return sum(len(part.rows) for part in self.parts)


def folds(words: str | None) -> tuple[int, ...]:
    """``0,1,2`` as numbers, each once, in their order, and all of them when nothing is said; raises `UsageError` for what is no fold."""
    allowed = [str(fold) for fold in range(FOLDS)]
    told = allowed if words is None else words.replace(",", " ").split()
    for word in told or [""]:
        if word not in allowed:
            raise UsageError(f"--fold: {one_of(word, allowed)}")
    return tuple(sorted({int(word) for word in told}))


def plan(readers: Sequence[Reader], coded: Coded, wanted: Sequence[int], *, units: str = "", train: str = "") -> Plan:
    """The test of readers, one or the weights of several folds, on the folds `wanted` of a corpus.

    `units`, such as "1,2,4", are any that the corpus codes; without them those that papers report on it, and if a corpus to `train` on is
    named, those of them that papers report on both. A unit that a reader neither detects nor measures is left out. Raises `UsageError` when
    none is left, `WeightsError` for weights that were not trained on `train` or have learned from the people of a fold, and `DataError` for
    a fold without frames.
    """
    if train:
        learned.check(readers, train)
    chosen = named(units, coded.units) if units else tuple(unit for unit in REPORTED[coded.name] if not train or unit in REPORTED[train])
    detected = frozenset(unit for unit in chosen if not any(math.isnan(detected_from(reader, unit)) for reader in readers))
    blind = [unit for unit in chosen if unit not in detected and not all(_measures(reader, unit) for reader in readers)]
    told = ", ".join(map(aus.column, blind))
    if len(blind) == len(chosen):
        raise UsageError(f"reader {readers[0].name} says nothing of {told}: name others by --aus")
    tested = tuple(unit for unit in chosen if unit not in blind)
    notes = [f"Reader {readers[0].name} says nothing of {told}: there are no numbers."] if blind else []
    parts = [Part(fold, learned.tester(readers, coded.name, fold), _known(coded.tested(fold), tested)) for fold in wanted]
    return Plan(coded, train, tested, detected, tuple(parts), (*notes, *learned.doubts(readers, coded.name)))


def detected_from(reader: Reader, unit: int) -> float:
    """The probability from which on a reader says that a unit is there; NaN where it does not say that."""
    return reader.thresholds.get(aus.column(unit), math.nan) if isinstance(reader, DetectingReader) else math.nan


def _measures(reader: Reader, unit: int) -> bool:
    return all(axis in reader.measures for axis in aus.axes(aus.column(unit)))


def _known(rows: pd.DataFrame, units: Sequence[int]) -> pd.DataFrame:
    """The rows in which somebody knows one of the units."""
    return rows.loc[rows[[present(unit) for unit in units]].notna().any(axis=1)]
