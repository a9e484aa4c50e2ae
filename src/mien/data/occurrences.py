"""Faces whose action units are known: what readers of them learn from, and the faces of other people that they are validated on.

They come from folders that `mien data synth` filled, which say all of every picture, or from the frames of a coded corpus. Each is cut out
of its picture in the framing of the reader that learns.

A corpus says whether a unit is there by its own rule (`mien.data.layouts.coded`): on DISFA from intensity 2 on, as the literature has it,
because coders hardly agree on less. What was drawn is known exactly: there a unit is there from a trace on, FACS' A, which is one step.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Int

from mien import aus
from mien.aus import AXES, AUShift
from mien.data import keptfaces
from mien.data.crops import open_crops
from mien.data.keptfaces import Framed, Framing, KeptFaces
from mien.data.layouts import coded
from mien.data.layouts.coded import REPORTED, Coded
from mien.data.layouts.frames import present
from mien.data.problems import Problem
from mien.data.sources import has_splits
from mien.data.synth.store import ABOUT, SynthFaces
from mien.errors import DataError
from mien.geometry.fitting.measured import SOLVED_ROWS, independent, spread

#: The units of synthetic faces: those that movements of skin and landmarks show well.
SYNTHETIC = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 27, 43)
PRESENT_FROM = 1.0  #: intensity, of a synthetic face
_HELD_DRAWN, _HELD_FOUND = 10, 5  # every so manieth of synthetic people validates, and of those of a corpus, who are few
_NAMED = 5  # frames that are left out


@runtime_checkable
class Faces(Protocol):
    """Faces by number."""

    def __getitem__(self, number: int) -> Framed:
        """A face in the framing of a reader."""
        ...


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Faces, and which action units they show."""

    faces: Faces
    numbers: Int[np.ndarray, " n"]  #: of the faces
    units: tuple[str, ...]  #: such as AU12
    present: Float32[np.ndarray, "n u"]  #: 1 or 0, NaN where nobody knows
    intensities: Float32[np.ndarray, "n u"]  #: 0..5, the mean of both sides; NaN where nobody knows

    def __len__(self) -> int:
        return len(self.numbers)

    def face(self, index: int) -> Framed:
        """A face and its landmarks."""
        return self.faces[int(self.numbers[index])]

    def some(self, places: Int[np.ndarray, " k"]) -> "Occurrences":
        """Those at some places."""
        return replace(self, numbers=self.numbers[places], present=self.present[places], intensities=self.intensities[places])

    @property
    def graded(self) -> tuple[str, ...]:
        """The units of which there are intensities."""
        return tuple(self.units[place] for place in np.flatnonzero(np.isfinite(self.intensities).any(axis=0)).tolist())


class Known(NamedTuple):
    """What a reader learns from, and what it is validated on: faces of other people."""

    learned: Occurrences
    unseen: Occurrences
    corpus: str = ""  #: DISFA or BP4D; "" of synthetic faces
    problems: Sequence[Problem] = ()  #: frames that are left out, and why

    @property
    def left_out(self) -> str:
        """A line about the frames that are left out; "" where there are none."""
        some = "; ".join(map(str, self.problems[:_NAMED])) + ("; .." if len(self.problems) > _NAMED else "")
        return f"left out: {len(self.problems)} frames of {self.corpus} ({some})" if self.problems else ""


def open_known(
    paths: Sequence[Path],
    framing: Framing,
    kept: Path,
    *,
    fold: int = 0,
    samples: int | None = None,
    pictures: Path | None = None,
    seed: int = 0,
) -> Known:
    """Of folders that `mien data synth` filled, or of one coded corpus.

    The units are `SYNTHETIC`, or those that papers report on the corpus. Of a corpus nobody is among them whom `fold` tests, and faces that
    were found are kept in the folder `kept`; `pictures` belong to FG-Net's lists. `samples`: so many faces, to learn from and to validate
    on, the first ones of a random order, so that a larger number has those of a smaller one among them. Raises `DataError` for a folder
    of something else, and for one with too little in it.
    """
    rng = np.random.default_rng(seed)
    if any((path / ABOUT).is_file() for path in paths):
        return _of_synth([SynthFaces(path) for path in paths], framing, samples, rng)
    if len(paths) > 1:
        raise DataError(f"{', '.join(map(str, paths))}: several folders are learned from only where `mien data synth` filled all of them")
    found = coded.read(paths[0], pictures)
    rows = found.learned_from(fold) if samples is None else coded.subset(found, fold, samples, rng)
    return _of_corpus(found, rows, framing, kept)


class _Drawn:
    """The pictures of several folders, one after the other."""

    def __init__(self, folders: Sequence[SynthFaces], framing: Framing) -> None:
        self._folders, self._framing = folders, framing
        self._ends = list(accumulate(map(len, folders)))

    def __getitem__(self, number: int) -> Framed:
        place = bisect_right(self._ends, number)
        folder, own = self._folders[place], number - (self._ends[place - 1] if place else 0)
        return self._framing.cut(folder.picture(own), folder.label(own)["landmarks"])


class _Found:
    """Faces that were kept."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __getitem__(self, number: int) -> Framed:
        return keptfaces.load(self._paths[number])


def _of_synth(folders: Sequence[SynthFaces], framing: Framing, samples: int | None, rng: np.random.Generator) -> Known:
    """All is known of all pictures."""
    units = tuple(map(aus.column, SYNTHETIC))
    shown = along_axes(np.concatenate([folder.column("aus") for folder in folders]))
    sides = [shown[:, [AXES.index(axis) for axis in aus.axes(unit)]] for unit in units]
    there = np.stack([of.max(axis=1) >= PRESENT_FROM for of in sides], axis=1)  # one side is enough
    strong = np.stack([of.mean(axis=1) for of in sides], axis=1)
    whole = Occurrences(_Drawn(folders, framing), np.arange(len(shown)), units, there.astype(np.float32), strong.astype(np.float32))
    splits = np.concatenate([_splits(folder) for folder in folders])
    chosen = np.flatnonzero(splits != "test")
    if samples is not None:
        if not 0 < samples <= len(chosen):
            raise DataError(f"{samples} faces to learn from are not possible: there are 1 to {len(chosen)} here")
        chosen = rng.permutation(chosen)[:samples]
    return _parted(whole.some(chosen), splits[chosen] == "val")


def along_axes(shown: Float32[np.ndarray, "n axes"]) -> Float32[np.ndarray, "n axes"]:
    """What synthetic pictures show, with the names of one movement as they follow from each other, whichever of them it was drawn by.

    NaN where landmarks do not tell it.
    """
    found = [spread(independent(AUShift(each)).values[SOLVED_ROWS]).values for each in shown.astype(np.float64)]
    return np.array(found, dtype=np.float32).reshape(len(shown), len(AXES))


def _splits(faces: SynthFaces) -> np.ndarray:
    """Of each picture train, val or test: of variants of a crop set as its photo has it; else every tenth person validates."""
    photos, source = faces.column("photo").astype(np.int64), str(faces.about["photos"])
    if source and has_splits(source):
        return np.array(open_crops(source).splits)[photos]
    people = np.where(photos < 0, np.arange(len(photos)), photos)
    return np.where(people % _HELD_DRAWN == 0, "val", "train")


def _of_corpus(found: Coded, rows: pd.DataFrame, framing: Framing, kept: Path) -> Known:
    """Every fifth of the people validates."""
    numbers = REPORTED[found.name]
    rows = rows.loc[rows[[present(unit) for unit in numbers]].notna().any(axis=1)]
    paths, problems = KeptFaces(kept, framing).find(found.corpus.root, rows)
    rows = rows.iloc[[place for place, path in enumerate(paths) if path]]
    units = tuple(map(aus.column, numbers))
    whole = Occurrences(
        _Found([path for path in paths if path]),
        np.arange(len(rows)),
        units,
        rows[[present(unit) for unit in numbers]].to_numpy(dtype=np.float32),
        rows.reindex(columns=list(units)).to_numpy(dtype=np.float32),
    )
    held = sorted(set(rows["subject"]))[::_HELD_FOUND]
    return _parted(whole, rows["subject"].isin(held).to_numpy(), found.name, problems)


def _parted(whole: Occurrences, held: Bool[np.ndarray, " n"], corpus: str = "", problems: Sequence[Problem] = ()) -> Known:
    """Raises `DataError` where there is nothing to learn from, or nobody to validate on."""
    if held.all() or not held.any():
        raise DataError(f"{len(whole)} faces are too few: there must be some to learn from, and some of other people to validate on")
    return Known(whole.some(np.flatnonzero(~held)), whole.some(np.flatnonzero(held)), corpus, problems)
