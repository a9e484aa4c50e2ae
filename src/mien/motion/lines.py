"""A CSV file as lines that know where they are."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import DataError

_UNKNOWN = ("", "nan", "na", "null", "none")


@dataclass(frozen=True)
class Line:
    """A line of a table: its cells by column, and where it stands."""

    where: str
    cells: dict[str, str]

    def number(self, column: str) -> float:
        """The number in a column; NaN for an empty cell. Raises `DataError` for anything else."""
        cell = self.cells.get(column, "").strip()
        if cell.lower() in _UNKNOWN:
            return math.nan
        try:
            value = float(cell)
        except ValueError:
            value = math.inf
        if math.isinf(value):
            raise DataError(f"{self.where}: {cell!r} in column {column} is not a number")
        return value


@dataclass(frozen=True)
class Table:
    """A CSV file: its columns, stripped of spaces, and its lines, at least one."""

    path: Path
    columns: Sequence[str]
    lines: Sequence[Line]

    def error(self, what: str) -> DataError:
        """An error about the table's columns."""
        return DataError(f"{self.path}, line 1: {what}")


def load(path: Path) -> Table:
    """Read a CSV file; empty lines are skipped. Raises `DataError` with the line for one that is too short or too long."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DataError(f"cannot read the motion {path}: {why}") from error
    reader = csv.reader(text.splitlines())
    columns = [cell.strip() for cell in next(reader, [])]
    lines: list[Line] = []
    for cells in reader:
        where = f"{path}, line {reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise DataError(f"{where}: {len(cells)} cells under {len(columns)} columns")
        lines.append(Line(where, dict(zip(columns, cells, strict=True))))
    if not lines:
        raise DataError(f"{path} has no line below its header: a motion needs at least one")
    return Table(path, columns, lines)
