"""Keyframes: ``time,AU12,AU04L,...``.

A cell is a change in FACS steps, -5..5; an empty cell is no key. Each axis runs smoothly through its own keys, without overshoot,
and holds before the first and after the last.
"""

import math
from collections.abc import Mapping

import numpy as np

from mien import aus
from mien.aus import AXES, MAX_INTENSITY
from mien.errors import DataError, EditError
from mien.motion.curve import Motion, through
from mien.motion.lines import Line, Table


def parse(table: Table, fps: float) -> Motion:
    """The motion through the keys of a table, at `fps`; raises `DataError` with the line for what is not a key."""
    column_of = _columns(table)
    times = np.array([line.number("time") for line in table.lines])
    for line, before, now in zip(table.lines[1:], times[:-1], times[1:], strict=True):
        if now <= before:
            raise DataError(f"{line.where}: the time {now:g} does not come after {before:g}")
    if np.isnan(times).any():
        raise DataError(f"{table.lines[int(np.isnan(times).argmax())].where}: a key needs a time, in seconds")
    keys = np.full((len(times), len(AXES)), np.nan)
    for axis, column in column_of.items():
        keys[:, AXES.index(axis)] = [_change(line, column) for line in table.lines]
    at = Motion(times, np.zeros(keys.shape)).resample(fps).times
    return Motion(at, through(times, keys, at))


def _columns(table: Table) -> Mapping[str, str]:
    """The column of each axis that has one."""
    column_of: dict[str, str] = {}
    for column in table.columns:
        if column == "time":
            continue
        try:
            named = aus.axes(column)
        except EditError as error:
            raise table.error(str(error)) from error
        for axis in named:
            if axis in column_of:
                raise table.error(f"{axis} is in two columns, {column_of[axis]} and {column}")
            column_of[axis] = column
    if not column_of:
        raise table.error("there is no action unit beside time: write time,AU12,...")
    return column_of


def _change(line: Line, column: str) -> float:
    value = line.number(column)
    if not math.isnan(value) and abs(value) > MAX_INTENSITY:
        raise DataError(f"{line.where}: {column}={value:g}: changes run from -{MAX_INTENSITY:g} to {MAX_INTENSITY:g}")
    return value
