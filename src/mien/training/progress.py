"""Progress on stderr: how far, how long still, and a note."""

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


@contextlib.contextmanager
def bar(what: str, *, total: int, start: int = 0, hidden: bool = False) -> Generator[Callable[[int, str], None]]:
    """A progress bar; call the result with the steps done and a note."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(file=sys.stderr), disable=hidden) as progress:
        task = progress.add_task(what, total=total, completed=start, note="")
        yield lambda done, note: progress.update(task, completed=done, note=note)


def counted(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """The items, with a progress bar and the time that remains."""
    with bar(what, total=total) as show:
        for done, item in enumerate(items, 1):
            yield item
            show(done, "")


def say(line: str) -> None:
    """A line on stderr, above the progress."""
    Console(file=sys.stderr).print(line, markup=False, highlight=False, soft_wrap=True)
