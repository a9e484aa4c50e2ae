"""AffectNet (Mollahosseini et al. 2017): faces with one of eleven categories, valence and arousal.

Two layouts: the first release's ``training.csv``, ``validation.csv`` and ``automatically_annotated.csv`` with pictures in
``Manually_Annotated_Images`` and ``Automatically_Annotated_Images``; and the newer ``train_set`` and ``val_set`` with
``images/N.jpg`` and ``annotations/N_exp.npy, N_val.npy, N_aro.npy, N_lnd.npy``. Valence and arousal run from -1 to 1.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mien import files
from mien.data.layouts.corpus import Corpus, below, folder, relative
from mien.data.problems import Problem
from mien.errors import DataError

#: The categories by number.
CATEGORIES = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt", "none", "uncertain", "no_face",
)  # fmt: skip
NUMBERS = ("valence", "arousal")
_LISTS = {"training.csv": "train", "validation.csv": "val", "automatically_annotated.csv": "automatic"}
_SETS = {"train_set": "train", "val_set": "val", "test_set": "test"}
_FOLDERS = ("Manually_Annotated_Images", "Manually_Annotated", "Automatically_Annotated_Images", "Automatically_Annotated")
_HEAD = ["subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression", "valence", "arousal"]

Row = dict[str, Any]


def read(root: Path | str) -> Corpus:
    """The data set of a folder, in either layout; raises `DataError` when it has neither."""
    root = folder(root)
    problems: list[Problem] = []
    lists = {split: path for name, split in _LISTS.items() if (path := below(root, name))}
    sets = {split: path for name, split in _SETS.items() if (path := below(root, f"{name}/annotations"))}
    if not lists and not sets:
        raise DataError(f"{root} has neither training.csv and validation.csv nor train_set/annotations: give the folder of AffectNet")
    rows: list[Row] = []
    for split, path in lists.items():
        rows += _of_list(root, path, split, problems)
    for split, path in sets.items():
        rows += _of_set(root, path, split, problems)
    table = pd.DataFrame(rows, columns=["name", "picture", "split", "subject", "expression", *NUMBERS])
    for number, category in enumerate(CATEGORIES):
        table[category] = (table["expression"] == number).astype(float)
    return Corpus("AffectNet", root, table.drop(columns="expression"), CATEGORIES, problems, NUMBERS)


def _row(name: str, picture: str, split: str, told: tuple[str, str, str], problems: list[Problem]) -> Row | None:
    """A row, or None and a problem where its category is none of the eleven."""
    try:
        expression, valence, arousal = int(float(told[0])), float(told[1]), float(told[2])
    except ValueError:
        expression, valence, arousal = -1, np.nan, np.nan
    if not 0 <= expression < len(CATEGORIES):
        problems.append(Problem(name, f"its expression is {told[0]!r}, allowed is 0 to {len(CATEGORIES) - 1}; the row is left out"))
        return None
    if not picture:
        problems.append(Problem(name, "the picture is missing"))
    known = valence >= -1 and arousal >= -1  # -2: nobody could tell
    row = {"name": name, "picture": picture, "split": split, "subject": "", "expression": expression}
    return row | {"valence": valence if known else np.nan, "arousal": arousal if known else np.nan}


def _of_list(root: Path, path: Path, split: str, problems: list[Problem]) -> Iterator[Row]:
    """The rows of a CSV file, with or without a line of names."""
    places = [relative(root, place) for name in _FOLDERS if (place := below(root, name))]
    with path.open(newline="") as file:
        lines = csv.reader(file)
        head = next(lines, _HEAD)
        if head[0] != _HEAD[0]:
            lines, head = iter([head, *lines]), _HEAD
        where = [head.index(name) for name in ("expression", "valence", "arousal")]
        for number, line in enumerate(lines):
            if len(line) < len(head):
                problems.append(
                    Problem(f"{path.name} row {number + 1}", f"it has {len(line)} fields instead of {len(head)}; it is left out")
                )
                continue
            candidates = [f"{place}/{line[0]}" for place in places]
            picture = next((name for name in candidates if (root / name).is_file()), "")
            row = _row(line[0], picture, split, (line[where[0]], line[where[1]], line[where[2]]), problems)
            if row:
                yield row


def _of_set(root: Path, annotations: Path, split: str, problems: list[Problem]) -> Iterator[Row]:
    """The rows of a folder of annotations."""
    images = annotations.with_name("images")
    pictures = {path.stem: relative(root, path) for path in images.glob("*") if path.suffix.lower() in files.PICTURES}
    names = sorted(path.name.removesuffix("_exp.npy") for path in annotations.glob("*_exp.npy"))
    problems += [Problem(pictures[name], "the picture has no annotation") for name in sorted(pictures.keys() - set(names))]
    for name in names:
        told = tuple(_scalar(annotations / f"{name}_{kind}.npy") for kind in ("exp", "val", "aro"))
        full = f"{annotations.parent.name}/{name}"
        if "" in told[1:]:
            problems.append(Problem(full, "valence or arousal is missing"))
        row = _row(full, pictures.get(name, ""), split, (told[0], told[1] or "nan", told[2] or "nan"), problems)
        if row:
            yield row


def _scalar(path: Path) -> str:
    """The one number of a file, which AffectNet keeps as text; "" where it is missing or damaged."""
    try:
        return str(np.load(path, allow_pickle=False).item())
    except (OSError, ValueError, EOFError):
        return ""
