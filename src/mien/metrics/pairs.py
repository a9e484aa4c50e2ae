"""Pictures against what they should be, pair by pair: PSNR, SSIM, and what else is asked for, such as LPIPS."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from mien import files
from mien.data.problems import Problem
from mien.data.sources import Pictures, Source, open_source
from mien.data.sources.directory import Directory
from mien.errors import DataError, ImageError
from mien.metrics.pictures import psnr, ssim


@runtime_checkable
class Measure(Protocol):
    """How far two pictures of one size are apart."""

    @property
    def name(self) -> str:
        """What a report calls it."""
        ...

    def distance(self, a: UInt8[np.ndarray, "h w 3"], b: UInt8[np.ndarray, "h w 3"]) -> float:
        """0 for equal ones; NaN where it is not known."""
        ...


@dataclass(frozen=True, eq=False)
class Pairs:
    """What was measured of each pair."""

    table: pd.DataFrame  #: a row for each pair: `name, psnr` (dB, infinite for equal pictures), `ssim`, and each measure by its name
    problems: tuple[Problem, ...]  #: pictures that could not be read, have no partner, or one of another size

    def means(self) -> dict[str, float]:
        """The mean of each measure over the pairs of which it is known; of PSNR over those that differ, infinite when none does."""
        means = {str(name): float(column.mean()) for name, column in self.table.drop(columns="name").items()}
        differ = [value for value in self.table["psnr"] if value < math.inf]
        return means | ({"psnr": sum(differ) / len(differ)} if differ else {})


def opened(path: Path) -> Source:
    """The pictures at a path: a single one, or what `open_source` takes; raises `DataError`."""
    if path.is_file() and path.suffix.lower() in files.PICTURES:
        return Pictures(Directory(path.parent, [path.name]))
    return open_source(path)


def score_pairs(a: Source, b: Source, measures: Sequence[Measure] = (), *, on_pair: Callable[[], None] = lambda: None) -> Pairs:
    """Measure the pictures of `a` against those of the same name in `b`, suffixes aside, or the only one of each against the other.

    What cannot be measured is listed in `problems` and left out. Raises `DataError` when nothing is left.
    """
    partners, problems = _partners(a, b)
    problems += [*a.problems, *b.problems]
    rows: list[dict[str, object]] = []
    for name, (i, j) in partners.items():
        try:
            one, other = a.read(i), b.read(j)
            if one.shape != other.shape:
                (h, w, _), (h2, w2, _) = one.shape, other.shape
                raise ImageError(f"{w} x {h} pixels against {w2} x {h2}: they must be of one size")
            measured = {measure.name: measure.distance(one, other) for measure in measures}
            rows.append({"name": name, "psnr": psnr(one, other), "ssim": ssim(one, other), **measured})
        except (DataError, ImageError) as error:
            problems.append(Problem(name, str(error).removeprefix(f"{name}: ")))
        on_pair()
    if not rows:
        raise DataError(f"no pair of pictures could be compared: {'; '.join(map(str, problems[:2])) or 'there is none'}")
    return Pairs(pd.DataFrame(rows), tuple(problems))


def _partners(a: Source, b: Source) -> tuple[dict[str, tuple[int, int]], list[Problem]]:
    """The numbers of the pictures that belong together, by the name of the first; and those without a partner."""
    if len(a) == len(b) == 1:
        return {a.names[0]: (0, 0)}, []
    ones, others = _by_stem(a), _by_stem(b)
    shared = {a.names[ones[stem]]: (ones[stem], others[stem]) for stem in ones if stem in others}
    alone = [(a.names[i], "second") for stem, i in ones.items() if stem not in others]
    alone += [(b.names[i], "first") for stem, i in others.items() if stem not in ones]
    return shared, [Problem(name, f"the {place} set has no picture of that name") for name, place in alone]


def _by_stem(source: Source) -> dict[str, int]:
    """Number of each picture by its name without the suffix; raises `DataError` for two of one name."""
    found: dict[str, int] = {}
    for number, name in enumerate(source.names):
        stem = str(PurePosixPath(name).with_suffix(""))
        if stem in found:
            raise DataError(f"{source.names[found[stem]]} and {name} have one name but for the suffix: which is meant? Leave one out")
        found[stem] = number
    return found
