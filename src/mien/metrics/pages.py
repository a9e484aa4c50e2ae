"""Results as a page: every benchmark owns a section between two markers and writes nothing else."""

import datetime
import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

_TITLE = "# Results\n\nEach section is written by the command that it names.\n"


def markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """A table as GitHub Markdown; numbers right-aligned, with `digits` after the point."""
    heads = [str(column) for column in table.columns]
    rules = ["---:" if pd.api.types.is_numeric_dtype(table[column]) else "---" for column in table.columns]
    rows = [[_cell(value, digits) for value in row] for row in table.astype(object).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, rules, *rows])


def _cell(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{digits}f}"
    return str(value)


def machine() -> str:
    """Where numbers were taken: processor kind, cores, system, day."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}"


def write_section(page: Path, name: str, title: str, command: str, parts: Sequence[str]) -> None:
    """Put a section into a page, in place of what it said before; the page is made when there is none."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    body = "\n\n".join([begin, f"## {title}", f"`{command}` ({machine()})", *parts, end])
    text = page.read_text(encoding="utf-8") if page.is_file() else _TITLE
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        text = before + body + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{body}\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
