"""Frames of a corpus as a reader sees them: the largest face of each, on its own; films are decoded once, from front to back."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from mien import aus, images, video
from mien.data.layouts.frames import runs
from mien.data.problems import Problem
from mien.errors import MienError
from mien.faces import align, landmarks
from mien.protocols import CropSpec, Reader
from mien.types import Photo


@dataclass(frozen=True, eq=False)
class Seen:
    """What a reader says of some frames."""

    measured: Float[np.ndarray, "n units"]  #: intensities or probabilities; NaN where no face was found, and of frames that were not read
    faceless: tuple[str, ...]  #: frames in which no face was found
    problems: tuple[Problem, ...]  #: what could not be read


def read_frames(
    reader: Reader,
    root: Path,
    rows: pd.DataFrame,
    units: Sequence[int],
    *,
    detected: Collection[int] = (),
    on_frame: Callable[[], None] = lambda: None,
) -> Seen:
    """Read the frames of a corpus' `rows`, whose files are below `root`: how strong units are, and how likely those `detected` are there.

    `on_frame` is called after each frame that could be read.
    """
    measured = np.full((len(rows), len(units)), np.nan)
    faceless: list[str] = []
    problems: list[Problem] = []
    for place, photo in photos(root, rows.reset_index(drop=True), problems):
        numbers = _read(reader, photo, units, detected)
        if numbers is None:
            faceless.append(name_of(rows.iloc[place]))
        else:
            measured[place] = numbers
        on_frame()
    return Seen(measured, tuple(faceless), tuple(problems))


def _read(reader: Reader, photo: Photo, units: Sequence[int], detected: Collection[int]) -> list[float] | None:
    """The largest face; None without one."""
    face = max(landmarks.find(photo), key=lambda face: face.box[2] * face.box[3], default=None)
    if face is None:
        return None
    (reading,) = reader.measure([align.cut(photo, face, CropSpec())])
    names = ((unit, aus.column(unit)) for unit in units)
    return [reading.presence[name].probability if unit in detected else reading.aus[name] for unit, name in names]


def photos(root: Path, rows: pd.DataFrame, problems: list[Problem]) -> Iterator[tuple[int, Photo]]:
    """The frames that can be read, with their places in `rows`; what cannot is put into `problems`."""
    pictures = rows["picture"].to_numpy()
    for place in np.flatnonzero(pictures != "").tolist():
        try:
            photo = images.read(root / pictures[place])
        except MienError as error:
            problems.append(Problem(pictures[place], _why(root / pictures[place], error)))
            continue
        yield place, photo
    if "video" in rows:
        for film, part in rows.loc[pictures == ""].groupby("video"):
            yield from _of_film(root / str(film), {int(frame): int(place) for place, frame in part["frame"].items()}, problems)


def _of_film(path: Path, places: dict[int, int], problems: list[Problem]) -> Iterator[tuple[int, Photo]]:
    """The frames of a film by their number, counted from 1."""
    left, why = dict(places), "the film ends before"
    try:
        for number, photo in enumerate(islice(video.frames(path), max(places)), 1):
            if number in left:
                yield left.pop(number), photo
    except MienError as error:
        why = _why(path, error)
    if left:
        problems.append(Problem(path.name, f"the frames {runs(left)} are not read: {why}"))


def _why(path: Path, error: MienError) -> str:
    """An error without the path that the problem names."""
    return str(error).removeprefix(f"{path}: ")


def name_of(row: pd.Series) -> str:
    """How a frame is called: its picture, or its film and number."""
    return str(row["picture"] or f"{row['video']} frame {row['frame']}")
