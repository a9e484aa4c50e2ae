"""BP4D (Zhang et al. 2014): 41 people in eight tasks, with the occurrence of units in every coded frame and the intensity of five.

``AUCoding/AU_OCC/F001_T1.csv``: a head of unit numbers, then rows of a frame and 0, 1 or 9 (unknown) for each unit. Intensities
``AUCoding/AU_INT/AU06/F001_T1_AU06.csv``: ``frame,intensity`` with 0..5 or 9. Pictures ``F001/T1/0001.jpg`` in any folder, their
numbers with any count of zeros.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from mien import aus
from mien.data.layouts import folds
from mien.data.layouts.corpus import Corpus, below, folder
from mien.data.layouts.frames import fold_of, numbered, pairs, present, runs
from mien.data.problems import Problem
from mien.errors import DataError

UNITS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)  #: the twelve that are reported on
INTENSE = (6, 10, 12, 14, 17)
_UNKNOWN = 9
_NAME = re.compile(r"([FM]\d{3})_(T\d)\.csv")


def read(root: Path | str) -> Corpus:
    """The data set of a folder; raises `DataError` without its occurrence codes."""
    root = folder(root)
    codes = below(root, "AU_OCC")
    files = sorted(codes.glob("*.csv")) if codes else []
    sequences = {(match[1], match[2]): path for path in files if (match := _NAME.fullmatch(path.name))}
    if not sequences:
        raise DataError(f"{root} has no AU_OCC/F001_T1.csv: give the folder of BP4D")
    problems: list[Problem] = []
    parts = [_sequence(root, subject, task, path, problems) for (subject, task), path in sequences.items()]
    table = pd.concat([part for part in parts if not part.empty] or parts, ignore_index=True)
    return Corpus("BP4D", root, table, [present(unit) for unit in UNITS], problems, [aus.column(unit) for unit in INTENSE])


def _sequence(root: Path, subject: str, task: str, path: Path, problems: list[Problem]) -> pd.DataFrame:
    """A row for each coded frame of a person's task."""
    table = _occurrence(path, problems)
    for unit in INTENSE:
        column = aus.column(unit)
        table[column] = _intensity(path.parents[1] / "AU_INT" / column / f"{path.stem}_{column}.csv", problems).reindex(table.index)
    pictures, name = numbered(root, f"{subject}/{task}"), f"{subject}/{task}"
    if not pictures:
        problems.append(Problem(name, "its folder of pictures is missing"))
    elif lacking := set(table.index) - pictures.keys():
        problems.append(Problem(name, f"the pictures of {len(lacking)} coded frames are missing: {runs(lacking)}"))
    table.insert(0, "picture", [pictures.get(frame, "") for frame in table.index])
    return table.rename_axis("frame").reset_index().assign(subject=subject, task=task, split=fold_of(subject, folds.BP4D))


def _occurrence(path: Path, problems: list[Problem]) -> pd.DataFrame:
    """Presence of the twelve units by frame, NaN where nobody knows."""
    columns = [present(unit) for unit in UNITS]
    try:
        told = pd.read_csv(path, header=0, index_col=0).rename(columns=lambda name: int(float(name)))
        codes, frames = told[list(UNITS)].to_numpy(dtype=np.float64), told.index.to_numpy(dtype=np.int64)
    except (ValueError, KeyError, pd.errors.ParserError) as problem:
        problems.append(Problem(path.name, f"it is no table of units by frame ({problem}); it is left out"))
        codes, frames = np.empty((0, len(UNITS))), np.empty(0, dtype=np.int64)
    right = np.isin(codes, [0, 1, _UNKNOWN]).all(axis=1)
    if not right.all():
        problems.append(Problem(path.name, f"codes other than 0, 1 and 9 in frames {runs(frames[~right].tolist())}; they are left out"))
    known = np.where(codes == _UNKNOWN, np.nan, codes)[right]
    return pd.DataFrame(known, columns=columns, index=pd.Index(frames[right]))


def _intensity(path: Path, problems: list[Problem]) -> pd.Series:
    """Intensities by frame, 0..5, NaN where nobody knows."""
    try:
        values = pd.Series(pairs(path), dtype=float)
    except (OSError, ValueError) as problem:
        problems.append(Problem(path.name, "the file is missing" if isinstance(problem, OSError) else f"{problem}; it is left out"))
        return pd.Series(dtype=float)
    return values.where(values <= aus.MAX_INTENSITY)
