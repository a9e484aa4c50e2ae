"""What a user sees: results on stdout, progress and notes on stderr."""

import json
import math
import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mien.errors import MienError

_WIDTH = 80  # columns of a table that nobody looks at in a terminal
_ENOUGH = 1000  # characters: no table is wider
_WORD = 24  # characters of a word that are kept together
_STEERING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")  # moves a terminal's cursor, or worse; all control characters but tab and newline


def say(text: str) -> None:
    """A line of the result, to stdout; raises `MienError` when it cannot take it."""
    with _written():
        sys.stdout.write(f"{_tame(text)}\n")


def _tame(text: str) -> str:
    """Text of a file's or a stranger's that may go to a terminal."""
    return _STEERING.sub(" ", text)


@contextmanager
def _written() -> Generator[None]:
    """What is printed inside has reached stdout, or is told as the error it is; a reader that has gone is left to `mien.cli.app`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer would fail again at exit
        raise MienError(f"the result cannot be written to stdout: {problem.strerror}; send it to another file or disk") from problem


def note(text: str) -> None:
    """A line about the work, to stderr."""
    sys.stderr.write(f"{_tame(text)}\n")


def say_json(document: Any) -> None:
    """One JSON document, to stdout; NaN becomes null."""
    say(json.dumps(_without_nan(document), ensure_ascii=False, indent=1))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None, right: Iterable[str] = ()) -> None:
    """A table to stdout, as wide as the terminal, or 80 columns elsewhere, wider where words would break; `right` names the columns
    of numbers.
    """
    table = Table(*[], title=title and _tame(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    numbers = set(right)
    lines = [[_tame(str(cell)) for cell in row] for row in rows]
    for column, *cells in zip(map(_tame, columns), *lines, strict=True):
        longest = max(len(word) for cell in (column, *cells) for word in cell.split() or [""])
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold", min_width=min(longest, _WORD))
    for line in lines:
        table.add_row(*line)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False)
    least = Measurement.get(console, console.options.update(max_width=_ENOUGH), table).minimum
    if least > console.width:  # numbers are never cut off: a line that is too long can be scrolled
        console.width = least + len(columns)  # rich shares the width out in whole letters, and would cut some off the last columns
    with _written():
        console.print(table)


@contextmanager
def progress(what: str, total: int | None = None) -> Generator[Callable[..., None]]:
    """A bar on stderr while something long runs; what it gives moves it on, by 1 or more. Silent when stderr is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps=1: bar.advance(task, steps)
