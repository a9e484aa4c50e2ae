"""CelebA (Liu et al. 2015): aligned pictures with 40 attributes, splits, identities and five landmarks.

``img_align_celeba/NNNNNN.jpg`` and the lists ``list_attr_celeba``, ``list_eval_partition``, ``identity_CelebA``,
``list_landmarks_align_celeba``, as text (the authors') or as CSV (Kaggle's), each in the folder or up to two below it.
"""

from pathlib import Path

import pandas as pd

from mien.data.layouts.corpus import Corpus, below, folder, missing, relative
from mien.data.problems import Problem, many
from mien.errors import DataError

SPLITS = ("train", "val", "test")
POINTS = tuple(f"{point}_{axis}" for point in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy")  #: as seen


def read(root: Path | str) -> Corpus:
    """The data set of a folder; raises `DataError` without the list of attributes or without pictures' folder."""
    root = folder(root)
    pictures = below(root, "img_align_celeba/img_align_celeba", "img_align_celeba")
    listed = below(root, "list_attr_celeba.txt", "list_attr_celeba.csv")
    if listed is None or pictures is None:
        lacking = "list_attr_celeba.txt or .csv" if listed is None else "folder img_align_celeba"
        raise DataError(f"{root} has no {lacking}: give the folder of CelebA")
    problems: list[Problem] = []
    table = _list(listed, None, problems)
    attributes = list(table.columns)
    wrong = table[~table.isin([-1, 1]).all(axis=1)].index
    problems += many(wrong, "an attribute is neither -1 nor 1; the row is left out")
    table = (table.drop(index=wrong) == 1).astype(float)
    for stem, names in (
        ("list_eval_partition", ["partition"]),
        ("identity_CelebA", ["identity"]),
        ("list_landmarks_align_celeba", list(POINTS)),
    ):
        table = _joined(table, root, stem, names, problems)
    there = {relative(root, path): path.name for path in pictures.iterdir() if path.is_file()}
    place = relative(root, pictures)
    lacking, table["picture"] = missing({str(name): f"{place}/{name}" for name in table.index}, there)
    unlisted = sorted(set(there.values()) - set(table.index) - set(wrong))
    table["split"] = [SPLITS[int(n)] if n in (0, 1, 2) else "" for n in table.pop("partition")]
    table["subject"] = ["" if pd.isna(n) else str(int(n)) for n in table.pop("identity")]
    problems += [*lacking, *many(unlisted, "the picture has no row in the list of attributes")]
    return Corpus("CelebA", root, table.rename_axis("name").reset_index(), attributes, problems, POINTS)


def _joined(table: pd.DataFrame, root: Path, stem: str, names: list[str], problems: list[Problem]) -> pd.DataFrame:
    """The table with another list's columns; rows that only one of them has are told."""
    path = below(root, f"{stem}.txt", f"{stem}.csv")
    if path is None:
        problems.append(Problem(stem, "the list is missing"))
        return table.reindex(columns=[*table.columns, *names])
    other = _list(path, names, problems)
    problems += many((str(n) for n in table.index.difference(other.index)), f"it has no row in {path.name}")
    problems += many((str(n) for n in other.index.difference(table.index)), f"it is in {path.name} alone")
    return table.join(other)


def _list(path: Path, names: list[str] | None, problems: list[Problem]) -> pd.DataFrame:
    """A list by the name of the picture. Text: perhaps a count, perhaps a line of names, then rows between blanks. CSV: with a head."""
    lines = [line.replace(",", " ").split() for line in path.read_text().splitlines() if line.strip()]
    count = int(lines.pop(0)[0]) if lines and len(lines[0]) == 1 and lines[0][0].isdigit() else None
    head = lines.pop(0) if lines and "." not in lines[0][0] else None
    if path.suffix == ".csv" and head:
        head = head[1:]
    columns = names or head
    if columns is None:
        raise DataError(f"{path} has no line of names: copy it again")
    rows, width = {line[0]: line[1:] for line in lines}, len(columns)
    if count is not None and count != len(lines):
        problems.append(Problem(path.name, f"it says {count} rows and has {len(lines)}"))
    if len(rows) < len(lines):
        problems.append(Problem(path.name, f"{len(lines) - len(rows)} pictures come more than once; the last row of each is taken"))
    bad = [
        name
        for name, values in rows.items()
        if len(values) != width or not all(v.lstrip("-").replace(".", "", 1).isdigit() for v in values)
    ]
    problems += many(bad, f"its row in {path.name} has not {width} numbers; it is left out")
    good = {name: [float(v) for v in values] for name, values in rows.items() if name not in set(bad)}
    return pd.DataFrame.from_dict(good, orient="index", columns=columns)
