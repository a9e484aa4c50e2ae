"""FG-Net's label files: three folds of BP4D or DISFA as CSV (Yin et al. 2024).

``0/test.csv``, ``1/test.csv``, ``2/test.csv`` with the picture's path and the presence of each unit; beside them ``train_100.csv`` to
``train_10000.csv``, parts of ``train.csv``, which is not published. Its rows are the test rows of the two other folds, the next one
first; the parts carry row numbers of it, by which this is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mien import files
from mien.data.layouts.corpus import Corpus, folder, missing
from mien.data.layouts.frames import present, runs
from mien.data.problems import Problem
from mien.errors import DataError

UNITS = {"BP4D": (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24), "DISFA": (1, 2, 4, 6, 9, 12, 25, 26)}
FOLDS = 3


@dataclass(frozen=True, eq=False)
class Folds:
    """The label files of one data set, in their own columns: ``image_path`` and ``au1`` ... of 0 and 1."""

    name: str  #: BP4D or DISFA
    root: Path
    test: Sequence[pd.DataFrame]  #: of each fold
    problems: Sequence[Problem]

    def train(self, fold: int) -> pd.DataFrame:
        """``train.csv`` of a fold, which is not published: the test rows of the next fold, then of the one after that, cyclically."""
        return pd.concat([self.test[(fold + 1) % FOLDS], self.test[(fold + 2) % FOLDS]], ignore_index=True)

    def part(self, fold: int, count: int) -> pd.DataFrame:
        """The first `count` rows of the longest published ``train_N.csv``, under their numbers in `train`: it begins with the shorter ones,
        so parts of all sizes are nested, and nobody in them is tested. Raises `DataError` where so many are not published.
        """
        paths = self._parts(fold)
        rows = _table(paths[-1], UNITS[self.name], numbered=True) if paths else self.train(fold).head(0)
        if not 0 < count <= len(rows):
            known = f"{paths[-1].name} has 1 to {len(rows)}" if paths else "there is no train_N.csv"
            raise DataError(f"{count} frames to learn from are not possible in fold {fold}: {known} in {self.root / str(fold)}")
        tested = {_subject(path) for path in self.test[fold]["image_path"]}
        if both := sorted(tested & {_subject(path) for path in rows["image_path"]}):
            raise DataError(f"{paths[-1]} has {', '.join(both)}, whom fold {fold} tests: copy it again")
        return rows.head(count)

    def _parts(self, fold: int) -> list[Path]:
        """The published parts of a training list, the shortest first."""
        sizes = {path: path.stem.removeprefix("train_") for path in (self.root / str(fold)).glob("train_*.csv")}
        return sorted((path for path, size in sizes.items() if size.isdecimal()), key=lambda path: int(sizes[path]))

    def write_train(self, fold: int) -> Path:
        """Write ``train.csv`` beside ``test.csv``; raises `DataError` where another one lies there."""
        path = self.root / str(fold) / "train.csv"
        if path.exists():
            if not _table(path, UNITS[self.name]).equals(self.train(fold)):
                raise DataError(f"{path} is there and differs from the test files of the other folds: move it away")
            return path
        with files.replacing(path, inputs=(), error=DataError) as partial:
            self.train(fold).to_csv(partial, index=False)
        return path

    def corpus(self, pictures: Path | str) -> Corpus:
        """All pictures, each in the fold that it is tested in; paths in the files are below `pictures`."""
        pictures, units = folder(pictures), UNITS[self.name]
        table = pd.concat(self.test, keys=range(FOLDS), names=["fold", None]).reset_index("fold")
        table = table.rename(columns={"image_path": "name"} | {f"au{unit}": present(unit) for unit in units})
        table = table.drop_duplicates("name")
        lacking, table["picture"] = missing(
            {name: name for name in table["name"]}, [name for name in table["name"] if (pictures / name).is_file()]
        )
        table["split"] = [f"fold {fold}" for fold in table.pop("fold")]
        table["subject"] = [_subject(name) for name in table["name"]]
        labels = [present(unit) for unit in units]
        return Corpus(f"FG-Net's {self.name}", pictures, table.astype(dict.fromkeys(labels, float)), labels, [*self.problems, *lacking])


def read(root: Path | str) -> Folds:
    """The label files of a folder that has ``0``, ``1`` and ``2``; raises `DataError` when one is missing or of unknown columns."""
    root = folder(root)
    lacking = [f"{fold}/test.csv" for fold in range(FOLDS) if not (root / str(fold) / "test.csv").is_file()]
    if lacking:
        raise DataError(f"{root} has no {', '.join(lacking)}: give the folder of FG-Net's label files for one data set")
    head = tuple(pd.read_csv(root / "0" / "test.csv", nrows=0).columns)
    name = next((name for name, units in UNITS.items() if head == _columns(units)), None)
    if name is None:
        raise DataError(f"{root / '0' / 'test.csv'} has the columns {', '.join(head)}, which are neither BP4D's nor DISFA's")
    units = UNITS[name]
    found = Folds(name, root, [_table(root / str(fold) / "test.csv", units) for fold in range(FOLDS)], [])
    problems = [problem for fold in range(FOLDS) for problem in _disagreements(found, fold)]
    subjects = [{_subject(path) for path in test["image_path"]} for test in found.test]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        problems += [Problem(who, f"this person is tested in fold {a} and in fold {b}") for who in sorted(subjects[a] & subjects[b])]
    return Folds(name, root, found.test, problems)


def _disagreements(folds: Folds, fold: int) -> list[Problem]:
    """Where the published parts of ``train.csv`` are not rows of the one that is rebuilt."""
    train, problems = folds.train(fold), list[Problem]()
    for path in folds._parts(fold):
        name = f"{fold}/{path.name}"
        part = _table(path, UNITS[folds.name], numbered=True)
        rows = part.index.to_numpy(dtype=np.int64)
        inside = (rows >= 0) & (rows < len(train))
        same = inside.copy()
        same[inside] = (train.to_numpy()[rows[inside]] == part.to_numpy()[inside]).all(axis=1)
        if not same.all():
            problems.append(Problem(name, f"rows {runs(rows[~same].tolist())} of train.csv differ from the test files of the other folds"))
    return problems


def _table(path: Path, units: Sequence[int], *, numbered: bool = False) -> pd.DataFrame:
    """A label file; `numbered` ones have the row of ``train.csv`` in front. Raises `DataError` for other columns and values."""
    table = pd.read_csv(path, index_col=0 if numbered else None).rename_axis(None)
    if tuple(table.columns) != _columns(units):
        raise DataError(f"{path} has the columns {', '.join(table.columns)}, needed are {', '.join(_columns(units))}")
    if not np.isin(table[list(_columns(units)[1:])].to_numpy(), [0, 1]).all():
        raise DataError(f"{path} has labels that are neither 0 nor 1: copy it again")
    return table


def _columns(units: Sequence[int]) -> tuple[str, ...]:
    return "image_path", *(f"au{unit}" for unit in units)


def _subject(path: str) -> str:
    """``BP4D/aligned_images/F001/T1/02440.jpg`` is F001."""
    parts = Path(path).parts
    return parts[2] if len(parts) > 3 else ""
