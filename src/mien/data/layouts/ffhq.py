"""FFHQ (Karras et al. 2019): 70,000 aligned faces, described by ``ffhq-dataset-v2.json``.

``images1024x1024/00000/00000.png`` (and ``thumbnails128x128``, the same at 128 pixels), also flat without the folders of thousands.
The first 60,000 are for training. 68 landmarks in pixels of the 1024 picture, x_0..x_67, y_0..y_67.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mien.data.layouts.corpus import Corpus, below, folder, relative
from mien.data.problems import Problem, many
from mien.errors import DataError

_FOLDERS = ("images1024x1024", "thumbnails128x128")
POINTS = tuple(f"{axis}_{i}" for axis in "xy" for i in range(68))
_SPLITS = {"training": "train", "validation": "val"}


def read(root: Path | str) -> Corpus:
    """The data set of a folder; raises `DataError` without its JSON file or without one of its folders of pictures."""
    root = folder(root)
    about = below(root, "ffhq-dataset-v2.json", "ffhq-dataset-v1.json")
    pictures = below(root, *_FOLDERS)
    if about is None or pictures is None:
        raise DataError(f"{root} has no {'ffhq-dataset-v2.json' if about is None else 'folder images1024x1024'}: give the folder of FFHQ")
    try:
        entries = json.loads(about.read_text())
    except ValueError as problem:
        raise DataError(f"{about} is not whole ({problem}): copy it again") from problem
    problems: list[Problem] = []
    sizes = {relative(root, path): path.stat().st_size for path in pictures.rglob("*.png")}
    rows = list(_rows(entries, relative(root, pictures), sizes, problems))
    known = {row["name"] for row in rows}
    problems += many(sorted(path for path in sizes if Path(path).stem not in known), f"{about.name} does not have this picture")
    table = pd.DataFrame(rows, columns=["name", "picture", "split", "subject", *POINTS])
    return Corpus("FFHQ", root, table, (), problems, POINTS)


def _rows(entries: Mapping[str, Any], place: str, sizes: Mapping[str, int], problems: list[Problem]) -> Iterator[dict[str, Any]]:
    """A row for each entry, in order of the numbers."""
    kind = "image" if place.endswith(_FOLDERS[0]) else "thumbnail"
    for number, entry in sorted(entries.items(), key=lambda item: int(item[0])):
        name = f"{int(number):05d}"
        nested = f"{place}/{int(number) // 1000 * 1000:05d}/{name}.png"
        picture = nested if nested in sizes else f"{place}/{name}.png"
        points = np.array(entry.get("image", {}).get("face_landmarks", []), dtype=np.float64)
        if points.shape != (68, 2):
            problems.append(Problem(name, "it has not 68 landmarks; they are left out"))
            points = np.full((68, 2), np.nan)
        if picture not in sizes:
            problems.append(Problem(name, "the picture is missing"))
        elif sizes[picture] != entry.get(kind, {}).get("file_size", sizes[picture]):
            problems.append(Problem(picture, f"it has {sizes[picture]} bytes instead of {entry[kind]['file_size']}: fetch it again"))
            picture = ""
        split = _SPLITS.get(entry.get("category", ""), "")
        row = {"name": name, "picture": picture if picture in sizes else "", "split": split, "subject": ""}
        yield row | dict(zip(POINTS, points.T.ravel(), strict=True))
