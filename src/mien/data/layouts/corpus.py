"""A published data set as it lies on disk: a table of its pictures and labels, and all that is wrong with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from mien.data.problems import Problem
from mien.data.sources.directory import Directory
from mien.data.sources.pictures import Pictures
from mien.data.sources.protocol import Source
from mien.errors import DataError


@dataclass(frozen=True, eq=False)
class Corpus:
    """The pictures that have labels, a row each; `problems` names what is missing, left over or wrong."""

    name: str
    root: Path
    #: `picture` is the path below `root`, "" where it is missing; `split` and `subject` are "" where the data set has none. Some have
    #: `frame` and `video`, the path of the film whose frame `frame`, counted from 1, it is.
    table: pd.DataFrame
    labels: Sequence[str]  #: columns of 0 and 1, NaN where nobody knows
    problems: Sequence[Problem] = ()
    numbers: Sequence[str] = field(default=())  #: columns of other numbers, NaN where nobody knows

    @property
    def shown(self) -> pd.DataFrame:
        """The rows whose picture or film is there."""
        there = self.table["picture"].to_numpy() != ""
        if "video" in self.table:
            there |= self.table["video"].to_numpy() != ""
        return self.table.loc[there]

    def source(self) -> Source:
        """The pictures of the rows that have one, in their order."""
        return Pictures(Directory(self.root, tuple(name for name in self.table["picture"] if name)))

    def counts(self) -> pd.DataFrame:
        """Pictures, people and, for each label, the pictures that have it, by split; those of all in the last column."""
        shown = self.shown
        groups = {str(split) or "(no split)": part for split, part in shown.groupby("split", sort=False)}
        columns = {**groups, "all": shown} if len(groups) > 1 else {"all": shown}
        rows = {"pictures": [len(part) for part in columns.values()]}
        if any(shown["subject"]):
            rows["subjects"] = [len(set(part["subject"]) - {""}) for part in columns.values()]
        rows |= {label: [int(np.count_nonzero(part[label].to_numpy() == 1)) for part in columns.values()] for label in self.labels}
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))

    def usable(self) -> "Corpus":
        """Itself; raises `DataError` when not a single picture with labels is there."""
        if self.shown.empty:
            first = f"; the first of {len(self.problems)} problems: {self.problems[0]}" if self.problems else ""
            raise DataError(f"{self.root} has no picture of {self.name} with labels{first}")
        return self


def below(root: Path, *names: str) -> Path | None:
    """The first of the files or folders `names` that is in a folder or up to two folders below it; None without one."""
    for name in names:
        for pattern in (name, f"*/{name}", f"*/*/{name}"):
            if found := sorted(root.glob(pattern)):
                return found[0]
    return None


def folder(root: Path | str) -> Path:
    """The folder of a data set; raises `DataError` when it is none."""
    root = Path(root).expanduser()
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: name the one that has the data set")
    return root


def relative(root: Path, path: Path) -> str:
    """A path below the root, with forward slashes."""
    return path.relative_to(root).as_posix()


def missing(rows: Mapping[str, str], there: Iterable[str]) -> tuple[list[Problem], list[str]]:
    """Of rows (their name to their picture's path): a problem for each whose picture is not there, and the pictures, "" for these."""
    known = set(there)
    lacking = [Problem(name, "the picture is missing") for name, picture in rows.items() if picture not in known]
    return lacking, [picture if picture in known else "" for picture in rows.values()]
