"""Read faces: box, pose, landmarks, action units and emotions, as a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mien import registry, tables
from mien.api.following import follow, slim
from mien.api.portrait import chosen
from mien.api.sources import Clip, Failure, Source, clips
from mien.aus import AUVector
from mien.errors import MienError
from mien.faces import align, landmarks
from mien.protocols import CropSpec, Reader, SequenceReader
from mien.tables import Row
from mien.types import Crop, Photo, Reading


def read(
    sources: Source | Iterable[Source], *, reader: str = registry.READER, columns: str = "mien", failures: list[Failure] | None = None
) -> pd.DataFrame:
    """A table with a row for each face in each picture: the columns of `mien.tables`, or those of OpenFace or py-feat.

    `sources` are paths of photos, videos and folders, globs, Pillow pictures or uint8 RGB arrays, one or many. A picture without a
    face is a row whose score is NaN. In a video the faces of a person are read together and share what is their neutral.
    An input that cannot be read is put into `failures`; without such a list it is raised. Raises `ImageError`, `VideoError`.
    """
    rows = [row for part in read_each(clips(sources, failures), registry.reader(reader), failures) for row in part]
    return tables.table(rows, columns)


def read_each(
    inputs: Sequence[Clip], reader: Reader, failures: list[Failure] | None = None, on_picture: Callable[[], None] | None = None
) -> Iterator[list[Row]]:
    """The rows of one input after the other; `on_picture` is called after each picture or frame."""
    for clip in inputs:
        try:
            yield _rows(clip, reader, on_picture or (lambda: None))
        except MienError as error:
            if failures is None:
                raise
            failures.append(Failure(clip.file, error))


def _rows(clip: Clip, reader: Reader, on_picture: Callable[[], None]) -> list[Row]:
    if clip.is_video:
        return _of_video(clip, reader, on_picture)
    photo = next(iter(clip.frames()))
    readings = readings_of(photo, reader)
    on_picture()
    if not readings:
        return [Row(clip.file, photo.size, None)]
    return [Row(clip.file, photo.size, reading, face=number) for number, reading in enumerate(readings)]


def _of_video(clip: Clip, reader: Reader, on_picture: Callable[[], None]) -> list[Row]:
    """The rows of a video, by frame and person. The pixels of a frame are kept only as long as it is looked at."""
    rows: list[Row] = []
    faces: dict[int, list[tuple[int, Crop]]] = {}  # person -> places in `rows`, and the face there
    for frame, (photo, people) in enumerate(follow(clip.frames())):
        for number, face in people.items():
            row = Row(clip.file, photo.size, None, frame, photo.time, number)
            if isinstance(reader, SequenceReader):
                faces.setdefault(number, []).append((len(rows), slim(face)))
            else:
                row = replace(row, reading=reader.measure([align.cut(photo, face, CropSpec())])[0])
            rows.append(row)
        if not people:
            rows.append(Row(clip.file, photo.size, None, frame, photo.time))
        on_picture()
    if isinstance(reader, SequenceReader):
        for seen in faces.values():
            for (place, _), reading in zip(seen, reader.measure_sequence([crop for _, crop in seen]), strict=True):
                rows[place] = replace(rows[place], reading=reading)
    return rows


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

    rows = _of_video(Clip(str(path), True, lambda: video.frames(path)), registry.reader(registry.READER), lambda: None)
    seen = Counter(row.face for row in rows if row.reading is not None)
    main = seen.most_common(1)[0][0] if seen else 0
    shown = {row.time: row.reading.aus for row in rows if row.reading is not None and row.face == main}
    times = sorted({row.time for row in rows})
    return times, [shown.get(time) for time in times]
