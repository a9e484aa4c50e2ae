"""AU-CLIP's training data: latents of StyleGAN2 with the scores of eight units, and renderings of the latents.

``train_faces.pt``, or ``.safetensors``, is one tensor of W+ codes, as published [n, 18, 512], of another generator as many rows and numbers
as it has; ``train_images/00000.jpg`` are their renderings and ``train_aus/00000.csv`` one row of eight scores 0..1 each, in the order of
`UNITS`; ``truncated_index.csv`` is one row of the indices that are trained on. The same with ``test_``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from safetensors import SafetensorError, safe_open

from mien.data.layouts.corpus import below, folder, relative
from mien.data.problems import Problem, many
from mien.data.sources.directory import Directory
from mien.data.sources.pictures import Pictures
from mien.data.sources.protocol import Source
from mien.errors import DataError

UNITS = (1, 2, 4, 6, 9, 12, 25, 26)


@dataclass(frozen=True, eq=False)
class Latents:
    """The items of one split; what belongs together has the same number."""

    codes: Float32[torch.Tensor, "n l d"]  #: W+; read from disk as they are asked for
    scores: Float[np.ndarray, "n 8"]  #: of `UNITS`, 0..1; NaN where the file is missing
    chosen: Int[np.ndarray, " k"]  #: the items that are trained on, ascending
    pictures: Source | None  #: renderings, named by number; None without their folder
    problems: Sequence[Problem]


def read(root: Path | str, split: Literal["train", "test"] = "train") -> Latents:
    """The items of a folder; raises `DataError` without the latents or without a single file of scores."""
    root = folder(root)
    path = below(root, f"{split}_faces.pt") or below(root, f"{split}_faces.safetensors")
    aus = below(root, f"{split}_aus")
    if path is None or aus is None:
        raise DataError(
            f"{root} has no {f'{split}_faces.pt' if path is None else f'folder {split}_aus'}: give the folder of AU-CLIP's data"
        )
    codes = _codes(path)
    problems: list[Problem] = []
    scores = np.full((len(codes), len(UNITS)), np.nan)
    names = {f"{index:05d}": index for index in range(len(codes))}
    for file in sorted(aus.glob("*.csv")):
        if file.stem in names:
            scores[names[file.stem]] = _scores(file, problems)
        else:
            problems.append(Problem(file.name, f"there is no latent of this number, only 0 to {len(codes) - 1}"))
    unscored = np.flatnonzero(np.isnan(scores[:, 0]))
    problems += many((f"{index:05d}" for index in unscored), "it has no scores")
    if len(unscored) == len(codes):
        raise DataError(f"{aus} has no file of {len(UNITS)} scores for any of {len(codes)} latents")
    usable = np.setdiff1d(np.arange(len(codes)), unscored)
    return Latents(codes, scores, _chosen(root, split, usable, problems), _pictures(root, split, names, problems), problems)


def _codes(path: Path) -> Float32[torch.Tensor, "n l d"]:
    told = _stored(path) if path.suffix == ".safetensors" else _loaded(path)
    if not isinstance(told, torch.Tensor) or told.ndim != 3 or not told.numel():
        shape = list(told.shape) if isinstance(told, torch.Tensor) else type(told).__name__
        raise DataError(f"{path} holds {shape}, needed are latents [n, rows, numbers], as published [n, 18, 512]")
    return told.float()


def _loaded(path: Path) -> object:
    try:  # ADR 3: torch's own reader, for it maps; tensors alone are rebuilt, and files of torch before 1.6 cannot be mapped
        return torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))  # noqa: TID251 - mapped: gigabytes
    except Exception as problem:  # torch meets damaged files with errors of every kind
        raise DataError(f"{path} is not a whole file with one tensor ({type(problem).__name__}): copy it again") from problem


def _stored(path: Path) -> object:
    try:
        with safe_open(str(path), framework="pt") as file:
            names = list(file.keys())
            return file.get_tensor(names[0]) if len(names) == 1 else names
    except (SafetensorError, OSError) as problem:
        raise DataError(f"{path} is not a whole file with one tensor ({problem}): copy it again") from problem


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _scores(path: Path, problems: list[Problem]) -> Float[np.ndarray, " 8"]:
    try:
        values = np.array(path.read_text().replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        values = np.empty(0)
    if values.shape != (len(UNITS),) or not ((values >= 0) & (values <= 1)).all():
        problems.append(Problem(path.name, f"it is not one row of {len(UNITS)} scores between 0 and 1"))
        return np.full(len(UNITS), np.nan)
    return values


def _chosen(root: Path, split: str, usable: Int[np.ndarray, " m"], problems: list[Problem]) -> Int[np.ndarray, " k"]:
    """The indices of ``truncated_index.csv`` that can be used; all that can without the file, and for testing."""
    path = below(root, "truncated_index.csv") if split == "train" else None
    if path is None:
        return usable
    try:
        told = np.array([int(index) for index in path.read_text().replace(",", " ").split()], dtype=np.int64)
    except ValueError as problem:
        raise DataError(f"{path} is not one row of indices ({problem}): copy it again") from problem
    if (np.diff(told) <= 0).any():
        problems.append(Problem(path.name, "the indices do not ascend"))
    problems += many((f"{index:05d}" for index in np.setdiff1d(told, usable)), f"{path.name} names it, but it has no latent or no scores")
    return np.intersect1d(told, usable)


def _pictures(root: Path, split: str, names: dict[str, int], problems: list[Problem]) -> Source | None:
    place = below(root, f"{split}_images")
    if place is None:
        problems.append(Problem(f"{split}_images", "the folder of renderings is missing"))
        return None
    there = {path.stem: relative(place, path) for path in sorted(place.glob("*.jpg"))}
    problems += many((f"{name}.jpg" for name in sorted(names.keys() - there.keys())), "the rendering is missing")
    problems += many((there[name] for name in sorted(there.keys() - names.keys())), "there is no latent of this number")
    return Pictures(Directory(place, [there[name] for name in names if name in there]))
