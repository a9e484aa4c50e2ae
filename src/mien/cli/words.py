"""Options that several verbs share, how their words are read, and how a run over many inputs ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.console import note
from mien.errors import UsageError

if TYPE_CHECKING:
    from mien.api.sources import Failure

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Photos, videos, folders, globs.")]
Engine = Annotated[str, typer.Option(help="The engine that draws.")]
Weights = Annotated[Path | None, typer.Option(metavar="FILE", help="The generator of an engine that has one; else the one that ships.")]
Invert = Annotated[str | None, typer.Option(help="How such an engine reads the face: encoder (fast), refine, pivotal (slow, most alike).")]
Face = Annotated[str | None, typer.Option(metavar="N|all", help="Which face, 0 the leftmost; the largest if not given.")]
Data = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of third-party data; else what MIEN_DATA names.")]


def named(out: Path | None) -> Path | None:
    """``-o`` as the name of a file; raises `UsageError` for stdout and devices, which have no suffix and cannot appear whole."""
    if out is not None and (str(out) == "-" or (out.exists() and not out.is_file() and not out.is_dir())):
        raise UsageError(f"-o {out}: name a file whose suffix tells the format; to print what was measured use --json of read and edit")
    return out


SOME_FAILED = 3  #: exit code


def face_choice(word: str | None) -> int | Literal["all"] | None:
    """``--face``: a number from 0, or ``all``; raises `UsageError` for anything else."""
    if word is None:
        return None
    if word == "all":
        return "all"
    if not word.isdecimal():
        raise UsageError(f"--face {word}: give a number from 0, counted from the left, or all")
    return int(word)


def end_with(failures: "Sequence[Failure]", *, done: int, most: int | None = None, listed: Path | None = None) -> None:
    """Tell what failed, a line each, at `most` so many of those that are `listed` in a file. All of it failed: exit code 1; some of
    it: 3; nothing: go on.
    """
    for failure in failures[: len(failures) if done else -1][:most]:
        note(f"mien: {failure.error}")
    if failures and not done:
        raise failures[-1].error
    if failures:
        where = f"; {listed} has them" if listed else ""
        note(f"mien: {len(failures)} of {len(failures) + done} inputs failed, the others are done{where}")
        raise typer.Exit(SOME_FAILED)
