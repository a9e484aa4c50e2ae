"""The columns and commands that docs/reading.md names are there."""

import re
from inspect import signature
from pathlib import Path
from typing import ClassVar

from mien import aus, registry, tables
from mien.cli.read import read

PAGE = (Path(__file__).parents[2] / "docs" / "reading.md").read_text()


class Several:
    """Two readers of one kind as one, with all columns that there can be."""

    name, measures, detects = "several", frozenset(aus.axes("AU12")), ("AU12", "AU19")
    thresholds: ClassVar = {"AU12": 0.5, "AU19": 0.5}

    def __init__(self, members=()):
        self.members = members

    def measure(self, crops):
        raise NotImplementedError


def named(section):
    """The names in the first column of a section's table."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0] if section else PAGE
    return {name for line in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)}


def test_every_column_exists_and_the_last_ones_are_all_that_readers_add():
    table = tables.table([], reader=Several((Several(), Several())))
    told = named("Columns")
    assert told <= set(table) and len(told) == 28
    kinds = {re.sub(r"\d\d[LR]?", "", column) for column in table.columns[len(tables.COLUMNS) :]}
    assert kinds == {re.sub(r"\d\d[LR]?", "", column) for column in told if "_p" in column or "_c" in column or "_sd" in column}


def test_every_reader_is_described():
    assert named("") - named("Columns") == set(registry.names("readers"))


def test_the_options_of_the_commands_exist():
    asked = set(re.findall(r"--(\w+)", PAGE))
    assert asked <= {"json" if name == "as_json" else name for name in signature(read).parameters}
