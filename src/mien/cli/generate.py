"""``mien generate``."""

import re
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.console import note, progress
from mien.cli.words import named
from mien.errors import UsageError


def generate(
    generator: Annotated[str, typer.Argument(metavar="GENERATOR", help="What draws: stylegan.")],
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=named, help="A picture for the grid, or a folder for each picture by itself.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", help="How many.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the first; each picture has the next one.")] = 0,
    truncation: Annotated[float, typer.Option(help="1: all that the network draws, to 0: only the mean face.")] = 1.0,
    mix: Annotated[
        str | None,
        typer.Option(metavar="SEED:ROW", help="Take the code of that seed from that row on: the last rows colour the face."),
    ] = None,
    columns: Annotated[int | None, typer.Option(help="Of the grid; nearly a square if not given.")] = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Of each picture in the grid; its own if not given.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="The network; the first that was imported if not given.")] = None,
) -> None:
    """Draw people who do not exist."""
    from mien import images
    from mien.api import generating

    each = out.is_dir() or not out.suffix
    if each and (columns is not None or size is not None):
        raise UsageError(f"-o {out}: in a folder there is no grid whose --columns or --size could be set")
    if not each:
        images.check_target(out, [weights] if weights else [])
    with progress("drawing", total=count) as tick:
        made = generating.generate(generator, count, seed=seed, truncation=truncation, mix=_mix(mix), weights=weights, on_picture=tick)
    for path in made.save_each(out) if each else [made.save(out, columns=columns, size=size)]:
        note(f"out: {path}")


def _mix(words: str | None) -> tuple[int, int] | None:
    if words is None:
        return None
    found = re.fullmatch(r"(\d+):(\d+)", words)
    if not found:
        raise UsageError(f"--mix {words}: give SEED:ROW, two whole numbers, such as 7:8")
    return int(found[1]), int(found[2])
