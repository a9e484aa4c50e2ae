"""What every score does with its table: print it, say what it means, and put both into a page."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.console import note, say, say_json, say_table

if TYPE_CHECKING:
    import pandas as pd

Write = Annotated[Path | None, typer.Option("--write", metavar="PAGE.md", help="Put the table into its section of this page.")]


def publish(
    table: "pd.DataFrame",
    page: Path | None,
    *,
    name: str,
    title: str,
    said: str,
    extra: Sequence[str] = (),
    document: object = None,
) -> None:
    """Print a table and what it means, and put both, with `extra` below, into the page's section of ``mien score NAME``.

    With a `document` that is printed as JSON instead.
    """
    from mien.metrics import pages

    if document is None:
        _show(table)
        say(said)
    else:
        say_json(document)
    if page is not None:
        pages.write_section(page, name.replace(" --", "-"), title, f"mien score {name}", [said, pages.markdown(table, 2), *extra])
        note(f"page: {page}")


def _show(table: "pd.DataFrame") -> None:
    """Numbers with two digits, nothing where there is none."""
    values = table.astype(object).to_numpy().tolist()  # as objects: counts stay whole beside other numbers
    numbers = [str(column) for column, value in zip(table.columns, values[0], strict=True) if isinstance(value, float | int)]
    say_table([str(column) for column in table.columns], [[_cell(value) for value in row] for row in values], right=numbers)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:z.2f}"
    return value
