"""Read faces: box, pose, landmarks, action units and emotions, as a table."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mien import registry, tables
from mien.api.portrait import chosen
from mien.api.sources import Clip, Failure, Source, clips
from mien.api.spooling import PART, Open, Spool, temporary
from mien.aus import AUVector
from mien.errors import MienError, VideoError
from mien.faces import align, landmarks
from mien.protocols import CropSpec, Reader, SequenceReader, TwofoldReader
from mien.tables import Row
from mien.types import Crop, Face, Photo, Reading

TOGETHER = 16  #: faces, of several frames, that a reader measures at a time


def read(
    sources: Source | Iterable[Source],
    *,
    reader: str = registry.READER,
    weights: str | Path | None = None,
    columns: str = "mien",
    failures: list[Failure] | None = None,
) -> pd.DataFrame:
    """A table with a row for each face in each picture: the columns of `mien.tables`, or those of OpenFace or py-feat.

    `sources` are paths of photos, videos and folders, globs, Pillow pictures or uint8 RGB arrays, one or many. A picture without a
    face is a row whose score is NaN. In a video a face keeps its number as long as it is the same person's, and the faces of a person
    are read together and share what is their neutral. `weights` is a file of the reader's network, where it has one.
    An input that cannot be read is put into `failures`; without such a list it is raised. Raises `ImageError`, `VideoError`; a video
    that breaks off is a `DamagedVideo` warning.
    """
    measuring = registry.reader(reader, weights=None if weights is None else Path(weights).expanduser())
    table = tables.table([], columns, measuring)
    parts = [tables.table(rows, columns, measuring) for rows in batches(read_each(clips(sources, failures), measuring, failures))]
    return pd.concat(parts, ignore_index=True) if parts else table


def read_each(
    inputs: Iterable[Clip],
    reader: Reader,
    failures: list[Failure] | None = None,
    on_picture: Callable[[], None] | None = None,
    spool: Open = temporary,
) -> Iterator[list[Row]]:
    """The rows of one input after the other, those of a video in parts; `on_picture` is called after each picture or frame.

    `spool` opens where the rows of a video are kept until all of it was seen.
    """
    tick = on_picture or (lambda: None)
    for clip in inputs:
        try:
            yield from _of_video(clip, reader, tick, spool) if clip.is_video else _of_photo(clip, reader, tick)
        except MienError as error:
            if failures is None:
                raise
            failures.append(Failure(clip.file, error))


def batches(parts: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """The same rows, at least `PART` at a time: what makes a row group of a file."""
    rows = list[Row]()
    for part in parts:
        rows += part
        if len(rows) >= PART:
            yield rows
            rows = []
    if rows:
        yield rows


def _of_photo(clip: Clip, reader: Reader, on_picture: Callable[[], None]) -> Iterator[list[Row]]:
    photo = next(iter(clip.frames()))
    readings = readings_of(photo, reader)
    on_picture()
    rows = [Row(clip.file, photo.size, reading, face=number) for number, reading in enumerate(readings)]
    yield rows or [Row(clip.file, photo.size, None)]


def _of_video(clip: Clip, reader: Reader, on_picture: Callable[[], None], open_: Open) -> Iterator[list[Row]]:
    single, sequence = _parts(reader)
    joined = reader.joined if isinstance(reader, TwofoldReader) else lambda together, alone: together
    with open_(clip, reader) as spool:
        _look(clip, single, spool, on_picture)
        if sequence is None:
            yield from spool
            return
        readings = {person: iter(sequence.measure_sequence(faces)) for person, faces in spool.faces().items()}
        for rows in spool:
            yield [row if row.reading is None else replace(row, reading=joined(next(readings[row.face]), row.reading)) for row in rows]


def _parts(reader: Reader) -> tuple[Reader | None, SequenceReader | None]:
    """What measures each face on its own, and what the frames of a person together."""
    if isinstance(reader, TwofoldReader):
        return reader.single, reader.sequence
    return (None, reader) if isinstance(reader, SequenceReader) else (reader, None)


def _look(clip: Clip, reader: Reader | None, spool: Spool, on_picture: Callable[[], None]) -> None:
    """Put the rows of all frames that are not there yet into a spool, measured by the `reader` if there is one; what cannot be decoded
    after some frames could is a warning.
    """
    from mien import video

    follower, part = spool.follower, _Part(reader)
    try:
        for frame, photo in enumerate(video.frames(clip.file, start=follower.frames), follower.frames):
            part.add(clip.file, photo, frame, follower.look(photo))
            if follower.frames % PART == 0:
                spool.add(part.taken())
            on_picture()
    except VideoError as error:
        if not follower.frames:
            raise
        warnings.warn(f"{error}; the {follower.frames} frames before are read", video.DamagedVideo, stacklevel=2)
    if rows := part.taken():
        spool.add(rows)


class _Part:
    """The rows of some frames. Faces wait, with their pixels, until there are some to be measured together; without a reader for that,
    they are measured later, and do not wait.
    """

    def __init__(self, reader: Reader | None) -> None:
        self._reader = reader
        self._rows = list[Row]()
        self._waiting = list[tuple[int, Crop]]()  # places in the rows, and the face there

    def add(self, file: str, photo: Photo, frame: int, people: Mapping[int, Face]) -> None:
        """The rows of the next frame."""
        for number, face in people.items():
            if self._reader is not None:
                self._waiting.append((len(self._rows), align.cut(photo, face, CropSpec())))
            self._rows.append(Row(file, photo.size, _unread(face), frame, photo.time, number))
        if not people:
            self._rows.append(Row(file, photo.size, None, frame, photo.time))
        if len(self._waiting) >= TOGETHER:
            self._measure()

    def taken(self) -> list[Row]:
        """The rows, measured; there are none then."""
        self._measure()
        rows, self._rows = self._rows, []
        return rows

    def _measure(self) -> None:
        if self._reader is None:
            return
        for start in range(0, len(self._waiting), TOGETHER):
            some = self._waiting[start : start + TOGETHER]
            for (place, _), reading in zip(some, self._reader.measure([crop for _, crop in some]), strict=True):
                self._rows[place] = replace(self._rows[place], reading=reading)
        self._waiting.clear()


def _unread(face: Face) -> Reading:
    return Reading(face, AUVector.of({}, others=math.nan), {}, (math.nan, math.nan, math.nan))


def readings_of(photo: Photo, reader: Reader) -> list[Reading]:
    """What a reader says of every face in a photo, left to right."""
    return reader.measure([align.cut(photo, face, CropSpec()) for face in landmarks.find(photo)])


def main_reading(photo: Photo) -> Reading:
    """The reading of the largest face of a photo; raises `FaceError` when it has none."""
    faces = landmarks.find(photo)
    (number,) = chosen(faces, None, str(photo.path or "the picture"))
    return registry.reader(registry.READER).measure([align.cut(photo, faces[number], CropSpec())])[0]


def expressions_of(path: str | Path) -> tuple[list[float], list[AUVector | None]]:
    """The times in seconds of a video's frames, and what its main face, the one that is seen longest, shows in each; None without it."""
    from mien import video

    clip = Clip(str(path), True, lambda: video.frames(path))
    shown: dict[int, dict[float, AUVector]] = {}
    times: dict[float, None] = {}
    for row in (row for part in read_each([clip], registry.reader(registry.READER)) for row in part):
        times[row.time] = None
        if row.reading is not None:
            shown.setdefault(row.face, {})[row.time] = row.reading.aus
    main = max(shown.values(), key=len, default={})
    return sorted(times), [main.get(time) for time in sorted(times)]
