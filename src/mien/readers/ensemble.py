"""Reader ``ensemble``: all readers that are usable on this machine as one, which says how far they are apart.

Members count alike. An intensity is the mean of those that measure the axis. A probability is the mean of those that detect the unit (a
linear opinion pool, Stone 1961), and the unit is present from the mean of their thresholds on: where they are at their thresholds or above
on average, so that one in no doubt outvotes one that is just below. That is one threshold for all faces. The mean of probabilities that are
calibrated each is a little too near the middle (Ranjan & Gneiting 2010).

The spread is the standard deviation of the members about their mean, with two of them half their distance. It is disagreement and not
error: those that learned from the same pictures can be wrong together. Emotions are those of the first member that tells any, angles those
of the first.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mien import registry
from mien.aus import AXES, AUVector
from mien.errors import NoWeightsError
from mien.protocols import DetectingReader, EnsembleReader, Reader, SequenceReader
from mien.types import Crop, Presence, Reading

_NAME = "ensemble"


class Told(NamedTuple):
    """What some members say of one number."""

    members: int
    mean: float
    spread: float  #: standard deviation about the mean; 0 of one member

    @staticmethod
    def pooled(parts: Sequence["Told"]) -> "Told":
        """What the members of several parts say together."""
        members = sum(part.members for part in parts)
        mean = sum(part.members * part.mean for part in parts) / members
        variance = sum(part.members * (part.spread**2 + (part.mean - mean) ** 2) for part in parts) / members
        return Told(members, mean, math.sqrt(variance))


class Pool:
    """Readers as one, whose parts may be pools themselves: then their members count, each as much as any other."""

    name = _NAME

    def __init__(self, *parts: Reader) -> None:
        self._parts = parts
        self.members = tuple(member for part in parts for member in _members(part))
        self._measuring = [Counter(axis for member in _members(part) for axis in member.measures) for part in parts]
        self._detecting = [Counter(unit for member in _members(part) for unit in _thresholds(member)) for part in parts]
        self.measures = frozenset(axis for counter in self._measuring for axis in counter)
        self.detects = tuple(dict.fromkeys(unit for counter in self._detecting for unit in counter))
        told = {unit: [of[unit] for member in self.members if unit in (of := _thresholds(member))] for unit in self.detects}
        self.thresholds = {unit: sum(of) / len(of) for unit, of in told.items()}

    def measure(self, crops: Sequence[Crop]) -> list[Reading]:
        """Read each face on its own, by every member."""
        return [self.joined(*readings) for readings in zip(*(part.measure(crops) for part in self._parts), strict=True)]

    def joined(self, *readings: Reading) -> Reading:
        """What the parts say of one face, in their order, as one reading."""
        strong = {axis: Told.pooled(self._intensities(axis, readings)) for axis in AXES if axis in self.measures}
        likely = {unit: Told.pooled(self._probabilities(unit, readings)) for unit in self.detects}
        return Reading(
            readings[0].face,
            AUVector.of({axis: told.mean for axis, told in strong.items()}, others=math.nan),
            next((reading.emotions for reading in readings if reading.emotions), {}),
            readings[0].angles,
            {unit: self._presence(unit, told) for unit, told in likely.items()},
            {axis: told.spread for axis, told in strong.items() if told.members > 1},
        )

    def _intensities(self, axis: str, readings: Iterable[Reading]) -> list[Told]:
        told = zip(self._measuring, readings, strict=True)
        return [Told(of[axis], reading.aus[axis], reading.spread.get(axis, 0.0)) for of, reading in told if axis in of]

    def _probabilities(self, unit: str, readings: Iterable[Reading]) -> list[Told]:
        told = [(of[unit], reading.presence[unit]) for of, reading in zip(self._detecting, readings, strict=True) if unit in of]
        return [Told(members, said.probability, said.spread if members > 1 else 0.0) for members, said in told]

    def _presence(self, unit: str, told: Told) -> Presence:
        return Presence(told.mean, told.mean >= self.thresholds[unit], told.spread if told.members > 1 else math.nan)


class Ensemble(Pool):
    """A reader that sees the frames of a person together, with others that read every face on its own."""

    def __init__(self, sequence: SequenceReader, others: Sequence[Reader]) -> None:
        """`others` are at least one."""
        self.sequence: SequenceReader = sequence
        self.single: Reader = others[0] if len(others) == 1 else Pool(*others)
        super().__init__(self.sequence, self.single)


def _members(reader: Reader) -> tuple[Reader, ...]:
    return reader.members if isinstance(reader, EnsembleReader) else (reader,)


def _thresholds(reader: Reader) -> Mapping[str, float]:
    """By the units that a reader detects, in order."""
    return reader.thresholds if isinstance(reader, DetectingReader) else {}


def _usable(names: Iterable[str]) -> list[Reader]:
    """Those of some readers whose weights are here."""
    found: list[Reader] = []
    for name in names:
        try:
            found.append(registry.reader(name))
        except NoWeightsError:
            continue
    return found


def build() -> Ensemble:
    """The reader `geometry` and all whose weights were imported or ship; raises `NoWeightsError` where there are none of those, and
    `WeightsError` where some are damaged.
    """
    found = _usable(name for name in registry.names("readers") if name != _NAME)
    if len(found) == 1:
        raise NoWeightsError(
            f"{found[0].name} alone is usable on this machine, so there is nothing to combine: `mien weights import` brings weights of "
            f"graphau, opengraphau or fgnet in; or read with --reader {found[0].name}"
        )
    sequence = next(reader for reader in found if isinstance(reader, SequenceReader))  # geometry, which needs no weights
    return Ensemble(sequence, [reader for reader in found if reader is not sequence])
