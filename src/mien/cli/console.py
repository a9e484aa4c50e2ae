"""What a user sees: results on stdout, progress and notes on stderr."""

import json
import math
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

_WIDTH = 80  # columns of a table that nobody looks at in a terminal


def say(text: str) -> None:
    """A line of the result, to stdout."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """A line about the work, to stderr."""
    sys.stderr.write(f"{text}\n")


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
    """A table to stdout, as wide as the terminal, or 80 columns elsewhere; `right` names the columns of numbers."""
    table = Table(*[], title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    numbers = set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers, overflow="fold")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False)
    console.print(table)


@contextmanager
def progress(what: str, total: int | None = None) -> Generator[Callable[..., None]]:
    """A bar on stderr while something long runs; what it gives moves it on, by 1 or more. Silent when stderr is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps=1: bar.advance(task, steps)
