"""Tables of faces from files: mien's columns, OpenFace's, py-feat's, and labels by hand (`file`, `frame`, `face` and units).

A column ``AU12`` or ``AU12_r`` has intensities, ``AU12_c`` has 0 (absent) and 1 (present); where a unit has both, the intensities count if
there are any. What is read is carried to mien's terms: frames from 0, intensities 0..5, NaN for what was not measured. OpenFace counts
frames from 1 and writes zeros where it lost the face (`success` 0); py-feat's ``AU12`` runs 0..1 and is multiplied by 5.
"""

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from mien import aus, files
from mien.aus import MAX_INTENSITY
from mien.errors import DataError, one_of
from mien.tables.files import harmless

#: What says which face a row is of, and what other tools call it.
KEYS: Mapping[str, tuple[str, ...]] = {"file": ("file", "input"), "frame": ("frame",), "face": ("face", "face_id")}
_POINTS = [f"{axis}_{i}" for i in range(68) for axis in "xy"]
_ROUNDING = 1e-6
_WANTED = re.compile(r"file|input|frame|face|face_id|success|timestamp|confidence|FaceScore|AU\d{1,2}(_[rc])?|[xy]_\d+")
_UNKNOWN = ("", "nan", "na", "null", "none", "<na>")


@dataclass(frozen=True, eq=False)
class FaceTable:
    """A table of faces, a row each."""

    path: Path
    keys: Mapping[str, Sequence[str] | Sequence[int]]  #: those of `KEYS` that it has: file, and frame and face as numbers from 0
    units: Mapping[str, Float[np.ndarray, " n"]]  #: ``AUxx``: intensity 0..5, or 0 and 1 for those not `graded`; NaN: not measured
    graded: frozenset[str]  #: the units that have intensities; of the others is known only whether they are there
    points: Float[np.ndarray, "n 68 2"] | None  #: the iBUG-68 points in pixels; None when the table has none
    tool: str  #: whose columns: mien, openface or pyfeat


def read(path: Path | str) -> FaceTable:
    """A table from .csv, .parquet or .json.

    Raises `DataError` for a file that is missing, damaged or empty, without a key or with a number out of range: with the row, from 1.
    """
    path = Path(path)
    table = _load(path)
    tool = _tool(table)
    lost = _lost(path, table)
    units, graded = _units(path, table, tool)
    points = _points(path, table)
    if points is not None:
        points[lost] = np.nan
    seen = {unit: np.where(lost, np.nan, values) for unit, values in units.items()}
    return FaceTable(path, _keys(path, table, tool), seen, graded, points, tool)


def _load(path: Path) -> pd.DataFrame:
    """The columns that mean something here."""
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise DataError(f"cannot read a table from {path.name}: its suffix {one_of(kind, _READERS)}")
    if why := files.unreadable(path):
        raise DataError(f"{path}: {why}")
    try:
        table = _READERS[kind](path)
    except ImportError as error:
        raise DataError(f"{path.name} needs pyarrow, which is not installed: pip install 'mien[parquet]', or use .csv") from error
    except (ValueError, OSError, TypeError, csv.Error) as error:  # pyarrow's and json's errors of parsing are ValueErrors
        raise DataError(f"{path} is not a whole table: {error}") from error
    if table.empty:
        raise DataError(f"{path} has no row below its header, or no column that is known, such as file, frame or AU12")
    if twice := table.columns[table.columns.duplicated()].tolist():
        raise DataError(f"{path} has two columns {twice[0]}: keep one")
    return table


def _from_csv(path: Path) -> pd.DataFrame:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, skipinitialspace=True, strict=True)
        header = [cell.strip() for cell in next(lines, [])]
        wanted = [i for i, name in enumerate(header) if _WANTED.fullmatch(name)]
        rows: list[list[str]] = []
        for cells in lines:
            if len(cells) != len(header) and any(cells):
                raise DataError(f"{path}, line {lines.line_num}: {len(cells)} cells under {len(header)} columns")
            if any(cells):
                rows.append([cells[i].strip() for i in wanted])
    return pd.DataFrame(rows, columns=[header[i] for i in wanted], dtype=object)


def _from_json(path: Path) -> pd.DataFrame:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} is no table: it needs a list with an object for each row")
    if any(isinstance(cell, list | dict) for row in rows for cell in row.values()):
        raise DataError(f"{path} is no table: a cell has lists or objects in it")
    return _wanted(pd.DataFrame(rows, dtype=object))


def _wanted(table: pd.DataFrame) -> pd.DataFrame:
    known = [name for name in table.columns if _WANTED.fullmatch(str(name))]
    return table.loc[:, known].reset_index(drop=True)


_READERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _from_csv,
    ".parquet": lambda path: _wanted(pd.read_parquet(path)),
    ".json": _from_json,
}


def _tool(table: pd.DataFrame) -> str:
    if {"timestamp", "confidence"} <= set(table.columns):
        return "openface"
    return "pyfeat" if "FaceScore" in table.columns else "mien"


def _keys(path: Path, table: pd.DataFrame, tool: str) -> dict[str, Sequence[str] | Sequence[int]]:
    keys: dict[str, Sequence[str] | Sequence[int]] = {}
    for key, names in KEYS.items():
        name = next((name for name in names if name in table.columns), None)
        if name is None:
            continue
        if key == "file":
            keys[key] = [_unquoted(str(file)) for file in table[name]]
        else:
            first = 1 if key == "frame" and tool == "openface" else 0
            keys[key] = (_counts(path, table, name, first) - first).tolist()
    if not keys:
        raise DataError(f"{path} does not say which face a row is of: it needs a column {', '.join(KEYS)}")
    return keys


def _counts(path: Path, table: pd.DataFrame, column: str, first: int) -> Int[np.ndarray, " n"]:
    """Whole numbers from `first`, which stands for empty cells too."""
    numbers = np.nan_to_num(_numbers(path, table, column), nan=first)
    wrong = (numbers < first) | (numbers > 2**53) | (numbers != np.round(numbers))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}, row {row + 1}: {column} is {numbers[row]:g}: it counts from {first}")
    return numbers.astype(np.int64)


def _unquoted(name: str) -> str:
    """A name without the apostrophe that `harmless` had put before it."""
    return name[1:] if name.startswith("'") and harmless(name[1:]) != name[1:] else name


def _units(path: Path, table: pd.DataFrame, tool: str) -> tuple[dict[str, Float[np.ndarray, " n"]], frozenset[str]]:
    graded = _columns(path, table, r"AU(\d{1,2})(_r)?")
    yes_no = _columns(path, table, r"AU(\d{1,2})_c")
    most = 1.0 if tool == "pyfeat" else MAX_INTENSITY
    values = {unit: _within(path, table, name, most) * (MAX_INTENSITY / most) for unit, name in graded.items()}
    measured = {unit: strength for unit, strength in values.items() if unit not in yes_no or np.isfinite(strength).any()}
    told = {unit: _within(path, table, name, 1.0) for unit, name in yes_no.items() if unit not in measured}
    return measured | told, frozenset(measured)


def _columns(path: Path, table: pd.DataFrame, pattern: str) -> dict[str, str]:
    """The columns of a pattern, by unit."""
    found = [(aus.column(int(match[1])), name) for name in table.columns if (match := re.fullmatch(pattern, name))]
    if twice := [names for unit in dict(found) if len(names := [name for other, name in found if other == unit]) > 1]:
        raise DataError(f"{path} has {' and '.join(twice[0])}, which are one action unit: keep one")
    return dict(found)


def _points(path: Path, table: pd.DataFrame) -> Float[np.ndarray, "n 68 2"] | None:
    if not set(_POINTS) <= set(table.columns):
        return None
    return np.column_stack([_numbers(path, table, column) for column in _POINTS]).reshape(-1, 68, 2)


def _lost(path: Path, table: pd.DataFrame) -> Bool[np.ndarray, " n"]:
    """Rows where OpenFace has lost the face: its numbers there mean nothing."""
    return _numbers(path, table, "success") == 0 if "success" in table.columns else np.zeros(len(table), dtype=bool)


def _within(path: Path, table: pd.DataFrame, column: str, most: float) -> Float[np.ndarray, " n"]:
    numbers = _numbers(path, table, column)
    outside = (numbers < -_ROUNDING) | (numbers > most + _ROUNDING)
    if outside.any():
        row = int(outside.argmax())
        raise DataError(f"{path}, row {row + 1}: {column} is {numbers[row]:g}: it goes from 0 to {most:g}; leave empty what is not known")
    return np.clip(numbers, 0.0, most)


def _numbers(path: Path, table: pd.DataFrame, column: str) -> Float[np.ndarray, " n"]:
    """A column of numbers; NaN for empty cells."""
    numbers = np.array(pd.to_numeric(table[column], errors="coerce"), dtype=np.float64)
    for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
        cell = str(table[column].iloc[row])
        if cell.lower() not in _UNKNOWN:
            raise DataError(f"{path}, row {row + 1}: {cell!r} in column {column} is not a number")
    return numbers
