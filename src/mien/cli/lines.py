"""The table that ``mien read`` prints: a few words on each row, that fit a terminal."""

from collections.abc import Sequence
from pathlib import Path

from mien import aus
from mien.cli.console import say, say_table
from mien.protocols import Reader
from mien.tables import Row
from mien.types import Reading

_TOLD = 4  # action units in a line
_BESIDE_FILE = 12  # lines that are printed when a file has all rows
_LEAST = 0.5  # steps: weaker units are not told


class Lines:
    """Says who, which way, what moves most or is most likely there, and how it looks."""

    def __init__(self, reader: Reader, out: Path | None) -> None:
        """Of what is written to `out` only the first rows are printed."""
        self._out = out
        self._intensities = bool(reader.measures)
        self._lines = list[tuple[object, ...]]()
        self._rows = self._pictures = self._faces = 0
        self._last: tuple[str, int] | None = None
        self.files = set[str]()  #: that have rows

    def add(self, rows: Sequence[Row]) -> None:
        """Further rows, those of a picture one after the other."""
        for row in rows:
            self._rows += 1
            self._faces += row.reading is not None
            self._pictures += (row.file, row.frame) != self._last
            self._last = (row.file, row.frame)
            self.files.add(row.file)
            if self._out is None or len(self._lines) < _BESIDE_FILE:
                self._lines.append(self._line(row))

    def say(self) -> None:
        """Print them, if there are any."""
        if not self._lines:
            return
        units = "action units (0..5)" if self._intensities else "units, probability"
        say_table(["file", "face", "yaw pitch roll", units, "emotion"], self._lines)
        if len(self._lines) < self._rows:
            rest = f"{self._rows - len(self._lines)} rows more: {self._faces} faces in {self._pictures} pictures"
            say(f"and {rest}, all of them in {self._out}")

    def _line(self, row: Row) -> tuple[object, ...]:
        where = f"{_short(Path(row.file).name)}{f' @{row.time:.2f}s' if row.frame else ''}"
        if row.reading is None:
            return where, "", "no face", "", ""
        told = _intensities(row.reading) if self._intensities else _probabilities(row.reading)
        pitch, yaw, roll = row.reading.angles
        emotions = row.reading.emotions
        feeling = max(emotions, key=lambda name: emotions[name], default="")
        units = " ".join(told[:_TOLD])
        return where, row.face, f"{yaw:+z.0f} {pitch:+z.0f} {roll:+z.0f}", units, f"{feeling} {emotions[feeling]:.2f}" if feeling else ""


def _intensities(reading: Reading) -> list[str]:
    """``AU12=3.2`` of units that show, the strongest first, and how far readers are apart, ``±0.4``; no space inside: lines break between
    units.
    """
    measured = {unit: reading.aus[aus.column(unit)] for unit in aus.NAMES}
    strong = sorted((unit for unit, value in measured.items() if value >= _LEAST), key=lambda unit: -measured[unit])
    return [f"AU{unit}={measured[unit]:.1f}{_apart(reading, unit)}" for unit in strong]


def _apart(reading: Reading, unit: int) -> str:
    spread = [reading.spread[axis] for axis in aus.axes(aus.column(unit)) if axis in reading.spread]
    return f"±{sum(spread) / len(spread):.1f}" if spread else ""


def _probabilities(reading: Reading) -> list[str]:
    """``AU12=.93`` of units that are said to be there, the likeliest first."""
    present = {unit: said.probability for unit, said in reading.presence.items() if said.present}
    likely = sorted(present, key=lambda unit: -present[unit])
    return [f"{unit.replace('AU0', 'AU')}={f'{present[unit]:.2f}'.removeprefix('0')}" for unit in likely]


def _short(name: str) -> str:
    """A name of at most 18 letters, its middle cut out."""
    return name if len(name) <= 18 else f"{name[:9]}…{name[-8:]}"
