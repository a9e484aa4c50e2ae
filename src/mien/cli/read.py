"""``mien read``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.console import note, progress, say, say_table
from mien.cli.words import Paths, end_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mien.api.sources import Clip
    from mien.tables import Row

_TOLD = 4  # action units in a row of the printed table
_LEAST = 0.5  # steps: weaker ones are not told


def read(
    paths: Paths,
    *,
    reader: Annotated[str, typer.Option(help="The reader that measures.")] = "geometry",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the whole table: .csv, .parquet or .json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole table as one JSON document.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="DIR", help="Draw what was read of each photo and video into this folder.")] = None,
    columns: Annotated[str, typer.Option(help="Whose columns: mien, openface or pyfeat.")] = "mien",
) -> None:
    """Read faces: box, pose, landmarks, action units 0..5, emotions. One row for each face."""
    from mien import tables
    from mien.api import registry
    from mien.api.reading import read_each
    from mien.api.sources import Failure, clips

    failures, rows = list[Failure](), list[tables.Row]()
    inputs = clips(paths, failures)
    known = None if any(clip.is_video for clip in inputs) else len(inputs)
    with progress("reading", known) as tick:
        for part in read_each(inputs, registry.reader(reader), failures, tick):
            rows.extend(part)
    table = tables.table(rows, columns)
    if out is not None:
        note(f"out: {tables.write(table, out)}")
    if plot is not None:
        for path in _draw(inputs, rows, plot):
            note(f"plot: {path}")
    if as_json:
        say(tables.to_json(table))
    elif rows:
        _print(rows)
    end_with(failures, done=len({row.file for row in rows}))


def _draw(inputs: "Sequence[Clip]", rows: "Sequence[Row]", folder: Path) -> "Iterator[Path]":
    """A figure for each photo, and for each person of a video."""
    from mien import plots

    for clip in inputs:
        mine = [row for row in rows if row.file == clip.file]
        name = Path(clip.file).stem
        if not clip.is_video and mine:
            yield plots.write(plots.photo(next(iter(clip.frames())).rgb, mine), folder / f"{name}.png")
        elif mine:
            for face in sorted({row.face for row in mine if row.reading is not None}):
                yield plots.write(plots.video(mine, face), folder / f"{name}.{face}.png")


def _print(rows: "Sequence[Row]") -> None:
    """A few lines that fit a terminal: who, which way, what moves most, how it looks."""
    say_table(["file", "face", "yaw pitch roll", "action units (0..5)", "emotion"], map(_line, rows))


def _line(row: "Row") -> tuple[object, ...]:
    where = f"{_short(Path(row.file).name)}{f' @{row.time:.2f}s' if row.frame else ''}"
    if row.reading is None:
        return where, "", "no face", "", ""
    from mien import aus

    measured = {unit: row.reading.aus[aus.column(unit)] for unit in aus.NAMES}
    strong = sorted((unit for unit, value in measured.items() if value >= _LEAST), key=lambda unit: -measured[unit])
    units = "  ".join(f"AU{unit} {measured[unit]:.1f}" for unit in strong[:_TOLD])
    pitch, yaw, roll = row.reading.angles
    emotions = row.reading.emotions
    feeling = max(emotions, key=lambda name: emotions[name], default="")
    return where, row.face, f"{yaw:+.0f} {pitch:+.0f} {roll:+.0f}", units, f"{feeling} {emotions[feeling]:.2f}" if feeling else ""


def _short(name: str) -> str:
    """A name of at most 18 letters, its middle cut out."""
    return name if len(name) <= 18 else f"{name[:9]}…{name[-8:]}"
