"""The corpora that readers of action units are trained and tested on, whichever a folder has: DISFA, BP4D, or FG-Net's lists of either.

They are cut into three folds (`mien.data.layouts.folds`): a fold's people are tested in it, by a reader that has learned from all others.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mien.data.layouts import bp4d, disfa, fgnet, folds
from mien.data.layouts.corpus import Corpus, below, folder
from mien.data.problems import Problem
from mien.errors import DataError

FOLDS = fgnet.FOLDS
REPORTED: Mapping[str, Sequence[int]] = fgnet.UNITS  #: the units that papers report on, by corpus


@dataclass(frozen=True)
class _Kind:
    """One corpus as its makers lay it out."""

    read: Callable[[Path], Corpus]
    codes: str  #: the folder that it is known by
    file: str  #: the codes of a person, in that folder
    people: Mapping[int, frozenset[str]]  #: of each fold
    present: str  #: what makes a label 1


_KINDS = {
    "DISFA": _Kind(disfa.read, "ActionUnit_Labels", "{0}/{0}_au1.txt", folds.DISFA, f"from intensity {disfa.PRESENT_FROM} of 0..5 on"),
    "BP4D": _Kind(bp4d.read, "AU_OCC", "{0}_T1.csv", folds.BP4D, "where its code is 1, absent where it is 0, and unknown where it is 9"),
}


@dataclass(frozen=True, eq=False)
class Coded:
    """A corpus whose frames are coded in action units."""

    name: str  #: BP4D or DISFA
    corpus: Corpus
    listed: bool = False  #: by FG-Net's label files instead of its own

    @property
    def units(self) -> tuple[int, ...]:
        """The units that are coded in it."""
        return tuple(int(found[1]) for label in self.corpus.labels if (found := re.match(r"AU(\d+)_", label)))

    @property
    def present(self) -> str:
        """What makes a unit present in it, in words."""
        return "where its list says 1" if self.listed else _KINDS[self.name].present

    def tested(self, fold: int) -> pd.DataFrame:
        """The rows of the corpus that are tested in a fold and whose picture or film is there; raises `DataError` when there is none."""
        shown = self.corpus.shown
        rows = shown.loc[shown["split"] == f"fold {fold}"]
        if rows.empty:
            why = "; ".join(map(str, [*self.lacking(fold), *self.corpus.problems[:3]]))
            raise DataError(f"{self.corpus.root} has no frame that is tested in fold {fold} of {self.name}: {why}")
        return rows

    def learned_from(self, fold: int) -> pd.DataFrame:
        """The rows that a reader may learn from which is tested in a fold: those of all people of the other folds."""
        shown = self.corpus.shown
        return shown.loc[~shown["split"].isin(["", f"fold {fold}"])]

    def lacking(self, fold: int) -> list[Problem]:
        """The people of a published fold who have no labels here, in one problem; whose pictures are missing, the corpus says itself."""
        kind = _KINDS[self.name]
        gone = sorted(kind.people[fold] - set(self.corpus.table["subject"]))
        if not gone:
            return []
        where = f"{fold}/test.csv" if self.listed else f"{kind.codes}/{kind.file.format(gone[0])} and its like"
        return [Problem(f"fold {fold}", f"there are no labels of {', '.join(gone)}: they should be in {where}")]


def read(root: Path | str, pictures: Path | str | None = None) -> Coded:
    """The corpus of a folder; of FG-Net's label files for one data set, whose paths are below `pictures`.

    Raises `DataError` that says what is missing for each of them when it is none, and for `pictures` beside a corpus that has its own.
    """
    root = folder(root)
    if any((root / str(fold) / "test.csv").is_file() for fold in range(FOLDS)):
        if pictures is None:
            raise DataError(f"{root} has FG-Net's lists without the pictures: name the folder that their paths start from, --pictures DIR")
        lists = fgnet.read(root)
        return Coded(lists.name, lists.corpus(pictures).usable(), listed=True)
    if pictures is not None:
        raise DataError(f"--pictures {pictures}: only FG-Net's lists need it, and {root} has no 0/test.csv; leave it out")
    there = [name for name, kind in _KINDS.items() if below(root, kind.codes)]
    if len(there) > 1:
        raise DataError(f"{root} has {' and '.join(there)}: name the folder of one")
    if there:
        return Coded(there[0], _KINDS[there[0]].read(root).usable())
    raise DataError(
        f"{root} has no corpus that is coded in action units: there is neither ActionUnit_Labels/SN001/SN001_au1.txt (DISFA) nor "
        "AU_OCC/F001_T1.csv (BP4D) nor 0/test.csv (FG-Net's lists); their makers give them out, and docs/metrics.md says what must be in it"
    )


def subset(coded: Coded, fold: int, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """`count` rows to learn from when a fold is tested: the first ones of a random order of `Coded.learned_from`.

    Generators in one state give nested subsets: what begins the larger one is the smaller one, as FG-Net's ``train_N.csv`` are
    (`mien.data.layouts.fgnet.Folds.part`). Raises `DataError` when there are fewer rows.
    """
    rows = coded.learned_from(fold)
    if not 0 < count <= len(rows):
        raise DataError(f"{count} frames to learn from are not possible: fold {fold} of {coded.name} has 1 to {len(rows)} here")
    return rows.iloc[rng.permutation(len(rows))[:count]]
