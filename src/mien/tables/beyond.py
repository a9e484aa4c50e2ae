"""What some readers say beyond intensities: whether units are there, and how far the readers of an ensemble are apart."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mien import aus
from mien.protocols import DetectingReader, EnsembleReader, Reader
from mien.types import Reading


@dataclass(frozen=True)
class Beyond:
    """Which of it a reader says of every face."""

    detected: tuple[str, ...]  #: units and sides whose presence it says
    shared: frozenset[str]  #: of them, those of two members of an ensemble, which can differ
    spread: tuple[str, ...]  #: units and sides whose intensity two members measure

    @staticmethod
    def of(reader: Reader | None, intensities: Iterable[str]) -> "Beyond":
        """What a reader says beyond the columns `intensities`; nothing where no reader is named."""
        members = reader.members if isinstance(reader, EnsembleReader) else ()
        told = Counter(unit for member in members if isinstance(member, DetectingReader) for unit in member.detects)
        measured = Counter(axis for member in members for axis in member.measures)
        return Beyond(
            reader.detects if isinstance(reader, DetectingReader) else (),
            frozenset(unit for unit, count in told.items() if count > 1),
            tuple(name for name in intensities if all(measured[axis] > 1 for axis in aus.axes(name))),
        )

    @property
    def columns(self) -> list[str]:
        """The columns that hold it: of each unit ``AU12_p, AU12_c`` and, where members differ, ``AU12_p_sd``; then ``AU12_sd``."""
        presence = [f"{unit}_{what}" for unit in self.detected for what in ("p", "c", *(["p_sd"] if unit in self.shared else []))]
        return [*presence, *(f"{name}_sd" for name in self.spread)]

    def numbers(self, reading: Reading | None) -> list[float]:
        """The numbers of a reading in the order of `columns`; all NaN without a face."""
        if reading is None:
            return [np.nan] * len(self.columns)
        numbers: list[float] = []
        for unit in self.detected:
            probability, present, spread = reading.presence[unit]
            numbers += [probability, float(present), *([spread] if unit in self.shared else [])]
        return numbers + [float(np.mean([reading.spread[axis] for axis in aus.axes(name)])) for name in self.spread]
