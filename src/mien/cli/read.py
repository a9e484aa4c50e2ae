"""``mien read``."""

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien import registry
from mien.cli.console import note, progress, say, say_table
from mien.cli.shards import read_shards
from mien.cli.words import Paths, end_with, named
from mien.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mien.api.sources import Clip
    from mien.tables import Row

_OUT = "Write the whole table: .csv, .parquet or .json; or, for many, a folder of Parquet shards."
_TOLD = 4  # action units in a row of the printed table
_BESIDE_FILE = 12  # rows that are printed when a file has all of them
_LEAST = 0.5  # steps: weaker ones are not told


def read(
    paths: Paths,
    *,
    reader: Annotated[str, typer.Option(help="The reader that measures.")] = registry.READER,
    out: Annotated[Path | None, typer.Option("-o", "--out", callback=named, help=_OUT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole table as one JSON document.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="DIR", help="Draw what was read of each photo and video into this folder.")] = None,
    columns: Annotated[str, typer.Option(help="Whose columns: mien, openface or pyfeat.")] = "mien",
    workers: Annotated[int | None, typer.Option(min=1, help="Shards: how many processes read; all processors if not given.")] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Shards: Ray Data reads, here or on the cluster of RAY_ADDRESS.")] = False,
    shard: Annotated[int | None, typer.Option(min=1, help="Shards: pictures in each; 512 if not given.")] = None,
) -> None:
    """Read faces: box, pose, landmarks, action units 0..5, emotions. One row for each face."""
    if (folder := _folder(out, ray or bool(workers or shard), as_json or plot is not None)) is not None:
        read_shards(paths, folder, reader=reader, columns=columns, workers=workers, ray=ray, size=shard)
        return
    from mien import registry, tables
    from mien.api.reading import read_each
    from mien.api.sources import Failure, clips

    failures, rows = list[Failure](), list[tables.Row]()
    inputs = clips(paths, failures)
    _check(inputs, out, plot, columns)
    known = None if any(clip.is_video for clip in inputs) else len(inputs)
    with progress("reading", known) as tick:
        for part in read_each(inputs, registry.reader(reader), failures, tick):
            rows.extend(part)
    table = tables.table(rows, columns)
    if out is not None:
        note(f"out: {tables.write(table, out, inputs=_files(inputs))}")
    if plot is not None:
        for path in _draw(inputs, rows, plot):
            note(f"plot: {path}")
    if as_json:
        say(tables.to_json(table))
    elif rows:
        _print(rows, out)
    end_with(failures, done=len({row.file for row in rows}))


def _folder(out: Path | None, for_shards: bool, for_table: bool) -> Path | None:
    """`out` where it names a folder, for shards; raises `UsageError` where other options want something else."""
    folder = out if out is not None and (out.is_dir() or not out.suffix) else None
    if for_shards and folder is None:
        raise UsageError("--ray, --workers and --shard write Parquet shards into a folder: name it with -o, as in -o shards/")
    if for_table and folder is not None:
        raise UsageError(f"--json and --plot go with one table, {out} is a folder of shards: leave them out, or let -o name a file")
    return folder


def _check(inputs: "Sequence[Clip]", out: Path | None, plot: Path | None, columns: str) -> None:
    """Whether all can be written that is asked for, before the long work of reading."""
    from mien import tables

    tables.table([], columns)
    if out is not None:
        tables.check_target(out, _files(inputs))
    if plot is not None and plot.exists() and not plot.is_dir():
        raise DataError(f"--plot {plot} is a file: name a folder")


def _draw(inputs: "Sequence[Clip]", rows: "Sequence[Row]", folder: Path) -> "Iterator[Path]":
    """A figure for each photo, and for each person of a video."""
    from mien import plots

    taken = set[str]()
    for clip in inputs:
        mine = [row for row in rows if row.file == clip.file]
        name = _new_name(Path(clip.file).stem, taken)
        if not clip.is_video and mine:
            yield plots.write(plots.photo(next(iter(clip.frames())).rgb, mine), folder / f"{name}.mien.png", inputs=_files(inputs))
        elif mine:
            for face in sorted({row.face for row in mine if row.reading is not None}):
                yield plots.write(plots.video(mine, face), folder / f"{name}.{face}.mien.png", inputs=_files(inputs))


def _new_name(stem: str, taken: set[str]) -> str:
    """The stem, numbered from 2 where an earlier input has it already."""
    name = next(name for n in count(1) if (name := stem if n == 1 else f"{stem}.{n}") not in taken)
    taken.add(name)
    return name


def _files(inputs: "Sequence[Clip]") -> list[Path]:
    return [Path(clip.file).expanduser() for clip in inputs]


def _print(rows: "Sequence[Row]", out: Path | None) -> None:
    """A few lines that fit a terminal: who, which way, what moves most, how it looks; only the first ones of what is written anyway."""
    shown = rows if out is None or len(rows) <= _BESIDE_FILE else rows[:_BESIDE_FILE]
    say_table(["file", "face", "yaw pitch roll", "action units (0..5)", "emotion"], map(_line, shown))
    if len(shown) < len(rows):
        pictures = len({(row.file, row.frame) for row in rows})
        faces = sum(row.reading is not None for row in rows)
        say(f"and {len(rows) - len(shown)} rows more: {faces} faces in {pictures} pictures, all of them in {out}")


def _line(row: "Row") -> tuple[object, ...]:
    where = f"{_short(Path(row.file).name)}{f' @{row.time:.2f}s' if row.frame else ''}"
    if row.reading is None:
        return where, "", "no face", "", ""
    from mien import aus

    measured = {unit: row.reading.aus[aus.column(unit)] for unit in aus.NAMES}
    strong = sorted((unit for unit, value in measured.items() if value >= _LEAST), key=lambda unit: -measured[unit])
    units = " ".join(f"AU{unit}={measured[unit]:.1f}" for unit in strong[:_TOLD])  # no space inside: lines break between units
    pitch, yaw, roll = row.reading.angles
    emotions = row.reading.emotions
    feeling = max(emotions, key=lambda name: emotions[name], default="")
    return where, row.face, f"{yaw:+z.0f} {pitch:+z.0f} {roll:+z.0f}", units, f"{feeling} {emotions[feeling]:.2f}" if feeling else ""


def _short(name: str) -> str:
    """A name of at most 18 letters, its middle cut out."""
    return name if len(name) <= 18 else f"{name[:9]}…{name[-8:]}"
