"""Motions from measurements: the tables of OpenFace, py-feat and mien.

The intensities of the table are the changes, as they are. OpenFace's ``AU12_r`` runs 0..5; py-feat's ``AU12`` runs 0..1 and is
multiplied by 5; both stand for both sides. Frames without a face, or with an unsure one, are bridged.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien import aus
from mien.aus import AXES, MAX_INTENSITY
from mien.errors import DataError
from mien.motion.curve import Motion, through
from mien.motion.lines import Line, Table

#: OpenFace marks frames where it lost the face; below this confidence its numbers are guesses too.
CONFIDENT = 0.75


@dataclass(frozen=True)
class Tool:
    """Where a tool's table says what."""

    marks: frozenset[str]  #: columns that together only this tool has
    au: str  #: pattern of the columns of intensities; group 1 is the AU
    time: str  #: seconds; or the frame's number, for a tool without seconds
    face: str | None  #: the face's number; None, or no such column: the order of the rows of a frame
    score: str
    least: float  #: the score of a face that counts
    scale: float


TOOLS = (
    Tool(frozenset({"AU12_r", "timestamp", "confidence"}), r"(AU\d\d)_r", "timestamp", "face_id", "confidence", CONFIDENT, 1.0),
    Tool(frozenset({"AU12", "FaceScore", "frame"}), r"(AU\d\d)", "frame", None, "FaceScore", 0.0, MAX_INTENSITY),
    Tool(frozenset({"AU12L", "file", "time", "score"}), r"(AU\d\d[LR]?)", "time", "face", "score", 0.0, 1.0),
)


def parse(table: Table, tool: Tool, fps: float, face: int) -> Motion:
    """The motion of one face of a table, at `fps`; frames of a table without seconds are taken as `fps` a second.

    Raises `DataError` when the table is of several pictures or videos, or has no such face.
    """
    _check_one_file(table)
    columns = _columns(table, tool)
    rows = list(_rows(table.lines, tool, 1.0 if tool.time != "frame" else 1.0 / fps))
    times = np.unique([time for time, _, _ in rows])
    values = np.full((len(times), len(AXES)), np.nan)
    for time, number, line in rows:
        if number == face and _sure(line, tool):
            values[np.searchsorted(times, time)] = _intensities(line, columns, tool.scale)
    if not np.isfinite(values).any():
        there = ", ".join(str(n) for n in sorted({number for _, number, _ in rows}))
        raise DataError(f"{table.path} has no frame where face {face} is sure and measured; it has face {there}")
    return Motion(times, through(times, values, times)).resample(fps)


def _check_one_file(table: Table) -> None:
    for column in {"file", "input"} & set(table.columns):
        names = {line.cells[column] for line in table.lines}
        if len(names) > 1:
            raise DataError(f"{table.path} has the faces of {len(names)} files: a motion needs the rows of one")


def _rows(lines: Sequence[Line], tool: Tool, seconds: float) -> Iterator[tuple[float, int, Line]]:
    """Time, number of the face and line of each row; `seconds` is what one step of the time column lasts."""
    before, order = -math.inf, 0
    for line in lines:
        time = line.number(tool.time) * seconds
        if not time >= before:
            raise DataError(f"{line.where}: {tool.time} is {line.cells[tool.time]!r}: it must be a number, not below the line above")
        order = order + 1 if time == before else 0
        before = time
        number = line.number(tool.face) if tool.face is not None else math.nan
        yield time, order if math.isnan(number) else int(number), line


def _sure(line: Line, tool: Tool) -> bool:
    return line.number(tool.score) >= tool.least and line.cells.get("success", "1").strip() not in ("0", "0.0")


def _columns(table: Table, tool: Tool) -> list[tuple[str, list[int]]]:
    """The columns of intensities and where they go in `AXES`; those of one side last, for they know better."""
    matches = [match for column in table.columns if (match := re.fullmatch(tool.au, column))]
    return [(m[0], [AXES.index(axis) for axis in aus.axes(m[1])]) for m in sorted(matches, key=lambda m: len(m[1]))]


def _intensities(line: Line, columns: list[tuple[str, list[int]]], scale: float) -> Float[np.ndarray, " axes"]:
    """Intensities 0..5 along `AXES`, NaN where there is no number."""
    row = np.full(len(AXES), np.nan)
    for column, axes in columns:
        value = line.number(column)
        if not math.isnan(value):
            row[axes] = np.clip(value * scale, 0.0, MAX_INTENSITY)
    return row
