"""``mien read --plot DIR``: figures of what was read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mien import plots
from mien.api.sources import Clip
from mien.faces import align
from mien.protocols import CropSpec, HeatmapReader, Reader
from mien.tables import Row
from mien.types import Face, Photo

_FORGOTTEN = Face((0.0, 0.0, 0.0, 0.0), 0.0, np.zeros((468, 3)))


class Drawing:
    """Draws a figure for each photo, and for each person of a video, when all rows of it have come."""

    def __init__(self, inputs: Sequence[Clip], reader: Reader, folder: Path) -> None:
        self._clips = {clip.file: clip for clip in inputs}
        self._reader, self._folder = reader, folder
        self._rows = list[Row]()  # of one input
        self._taken = set[str]()
        self._paths = list[Path]()

    def add(self, rows: Iterable[Row]) -> None:
        """Further rows, those of an input one after the other."""
        for row in rows:
            if self._rows and row.file != self._rows[0].file:
                self._draw()
            self._rows.append(_slim(row) if self._clips[row.file].is_video else row)

    def finished(self) -> list[Path]:
        """All figures: the rows of the last input are there."""
        if self._rows:
            self._draw()
        return self._paths

    def _draw(self) -> None:
        clip = self._clips[self._rows[0].file]
        name = self._new_name(Path(clip.file).stem)
        self._paths.extend(self._of_video(name) if clip.is_video else self._of_photo(name, next(iter(clip.frames()))))
        self._rows.clear()

    def _of_photo(self, name: str, photo: Photo) -> Iterator[Path]:
        yield self._write(plots.photo(photo.rgb, self._rows), f"{name}.mien.png")
        readings = {row.face: row.reading for row in self._rows if row.reading is not None}
        if isinstance(self._reader, HeatmapReader) and readings:
            crops = [align.cut(photo, reading.face, CropSpec()) for reading in readings.values()]
            for (face, reading), crop, maps in zip(readings.items(), crops, self._reader.heatmaps(crops), strict=True):
                figure = plots.heatmaps(photo.rgb, self._reader.placed(crop), maps, reading.presence)
                yield self._write(figure, f"{name}.{face}.heatmaps.mien.png")

    def _of_video(self, name: str) -> Iterator[Path]:
        for face in sorted({row.face for row in self._rows if row.reading is not None}):
            yield self._write(plots.video(self._rows, face), f"{name}.{face}.mien.png")

    def _write(self, figure: Figure, name: str) -> Path:
        return plots.write(figure, self._folder / name, inputs=[Path(file).expanduser() for file in self._clips])

    def _new_name(self, stem: str) -> str:
        """The stem, numbered from 2 where an earlier input has it already."""
        name = next(name for n in count(1) if (name := stem if n == 1 else f"{stem}.{n}") not in self._taken)
        self._taken.add(name)
        return name


def _slim(row: Row) -> Row:
    """A row without landmarks: those of a long video would not fit into memory, and its figures do not show them."""
    return row if row.reading is None else replace(row, reading=replace(row.reading, face=_FORGOTTEN))
