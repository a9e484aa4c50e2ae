"""DISFA (Mavadati et al. 2013): 27 films with the intensity 0..5 of twelve units in every frame.

``ActionUnit_Labels/SN001/SN001_au1.txt`` has a line ``frame,intensity`` for each frame, from 1. Pictures are frames taken out of the
films, ``SN001/00001.jpg`` in any folder; where there are none, the films ``LeftVideoSN001_comp.avi`` stand for them. A unit is
present from intensity 2 on, as the literature has it.
"""

from pathlib import Path

import pandas as pd

from mien import aus
from mien.data.layouts import folds
from mien.data.layouts.corpus import Corpus, below, folder, relative
from mien.data.layouts.frames import fold_of, numbered, pairs, present, runs
from mien.data.problems import Problem
from mien.errors import DataError

UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
PRESENT_FROM = 2  #: intensity
_STRONGEST = 5


def read(root: Path | str) -> Corpus:
    """The data set of a folder; raises `DataError` without its labels."""
    root = folder(root)
    labels = below(root, "ActionUnit_Labels")
    subjects = sorted(path for path in labels.glob("SN*") if path.is_dir()) if labels else []
    if not subjects:
        raise DataError(f"{root} has no ActionUnit_Labels/SN001: give the folder of DISFA")
    problems: list[Problem] = []
    table = pd.concat([_subject(root, path, problems) for path in subjects], ignore_index=True)
    for unit in UNITS:
        intensity = table[aus.column(unit)]
        table[present(unit)] = (intensity >= PRESENT_FROM).astype(float).where(intensity.notna())
    return Corpus("DISFA", root, table, [present(unit) for unit in UNITS], problems, [aus.column(unit) for unit in UNITS])


def _subject(root: Path, labels: Path, problems: list[Problem]) -> pd.DataFrame:
    """A row for each frame that a unit is coded in."""
    name = labels.name
    coded = {aus.column(unit): _unit(labels / f"{name}_au{unit}.txt", problems) for unit in UNITS}
    table = pd.DataFrame({column: pd.Series(values, dtype=float) for column, values in coded.items()}).sort_index()
    ragged = [column for column, values in coded.items() if values and len(values) < len(table)]
    problems += [Problem(name, f"{column} is coded in {len(coded[column])} of {len(table)} frames") for column in ragged]
    pictures = numbered(root, name)
    film = below(root, f"LeftVideo{name}_comp.avi", f"RightVideo{name}_comp.avi")
    lacking = set(table.index) - pictures.keys()
    if pictures and lacking:
        problems.append(Problem(name, f"the pictures of {len(lacking)} frames are missing: {runs(lacking)}"))
    if not pictures and film is None:
        problems.append(Problem(name, "neither pictures nor a film of this subject are there"))
    if uncoded := pictures.keys() - set(table.index):
        problems.append(Problem(name, f"{len(uncoded)} pictures have no labels: {runs(uncoded)}"))
    table.insert(0, "picture", [pictures.get(frame, "") for frame in table.index])
    table.insert(1, "video", relative(root, film) if film else "")
    return table.rename_axis("frame").reset_index().assign(subject=name, split=fold_of(name, folds.DISFA))


def _unit(path: Path, problems: list[Problem]) -> dict[int, int]:
    """The intensities of a unit by frame; what is wrong is left out and told."""
    try:
        told = pairs(path)
    except (OSError, ValueError) as problem:
        problems.append(Problem(path.name, "the file is missing" if isinstance(problem, OSError) else f"{problem}; it is left out"))
        return {}
    wrong = {frame for frame, value in told.items() if value > _STRONGEST}
    if wrong:
        problems.append(Problem(path.name, f"intensities beyond {_STRONGEST} in frames {runs(wrong)}; they are left out"))
    return {frame: value for frame, value in told.items() if frame not in wrong}
