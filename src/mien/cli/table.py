"""``mien read``: photos and videos into one table."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from mien import files, tables
from mien.api.reading import batches, read_each
from mien.api.sources import Clip, Failure, clips
from mien.api.spooling import beside, temporary
from mien.cli.console import note, progress, say
from mien.cli.drawing import Drawing
from mien.cli.lines import Lines
from mien.cli.words import end_with
from mien.errors import DataError
from mien.protocols import Reader


def read_table(paths: Sequence[str], reader: Reader, *, columns: str, out: Path | None, as_json: bool, plot: Path | None) -> None:
    """Read all, write and draw what is asked for on the way, and say what was read."""
    failures, parts = list[Failure](), [tables.table([], columns, reader)]
    inputs = clips(paths, failures)
    _check(inputs, out, plot)
    lines, drawing = Lines(reader, out), Drawing(inputs, reader, plot) if plot else None
    any_video = any(clip.is_video for clip in inputs)
    with (
        beside(out, note) if out and any_video else nullcontext(temporary) as spool,
        tables.writing(out, parts[0], inputs=_files(inputs)) if out else nullcontext(_nowhere) as write,
        progress("reading", None if any_video else len(inputs)) as tick,
    ):
        for rows in batches(read_each(inputs, reader, failures, tick, spool)):
            table = tables.table(rows, columns, reader)
            write(table)
            lines.add(rows)
            if as_json:
                parts.append(table)
            if drawing:
                drawing.add(rows)
    if out:
        note(f"out: {out}")
    for path in drawing.finished() if drawing else ():
        note(f"plot: {path}")
    if as_json:
        say(tables.to_json(pd.concat(parts[1:] or parts, ignore_index=True)))
    else:
        lines.say()
    end_with(failures, done=len(lines.files))


def _check(inputs: Sequence[Clip], out: Path | None, plot: Path | None) -> None:
    """Whether all can be written that is asked for, before the long work of reading."""
    if out is not None:
        tables.check_target(out, _files(inputs))
    if plot is not None and plot.exists() and not plot.is_dir():
        raise DataError(f"--plot {plot} is a file: name a folder")
    if plot is not None:
        files.target(plot / "plot.png", inputs=(), error=DataError)


def _nowhere(_: pd.DataFrame) -> None:
    """Where a table goes that is only printed."""


def _files(inputs: Sequence[Clip]) -> list[Path]:
    return [Path(clip.file).expanduser() for clip in inputs]
