"""``mien animate``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mien import registry
from mien.cli.console import note, progress
from mien.cli.words import Engine, Face, Invert, Weights, face_choice, named


def animate(
    photo: Annotated[str, typer.Argument(metavar="PATH", help="The photo.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", callback=named, help="Where to write: .mp4, .webm, .gif or .webp.")],
    driver: Annotated[str | None, typer.Option(metavar="VIDEO", help="Move as the face in this video, relative to its neutral.")] = None,
    keys: Annotated[
        str | None, typer.Option(metavar="CSV", help="Keyframes (time,AU12,...) or a table of mien, OpenFace, py-feat.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="EDIT", help="Begin here, say AU12=0; else as the photo is.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="EDIT", help="End here, say 'AU12=5 AU6=3'.")] = None,
    seconds: Annotated[float, typer.Option(help="How long, for --from and --to.")] = 2.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 25.0,
    engine: Engine = registry.ENGINE,
    weights: Weights = None,
    invert: Invert = None,
    face: Face = None,
) -> None:
    """Move a face of a photo: by a driver video, by keys, or from one edit to another."""
    from mien import motion, video
    from mien.api import animating

    video.check_target(out, [Path(name).expanduser() for name in (photo, driver, keys) if name is not None])
    if keys is not None and not motion.has_seconds(keys):
        note(f"mien: {keys} numbers its frames and has no times: they are taken as {fps:g} a second, as --fps says")
    drawing = partial(animating.animate, engine=engine, weights=weights, invert=invert, face=face_choice(face))
    moving = drawing(photo, driver, keys=keys, from_=start, to=end, seconds=seconds, fps=fps)
    if moving.passed_over:
        note(f"mien: the engine {engine} cannot move {', '.join(moving.passed_over)}: left as the photo has it")
    with progress("drawing", len(moving)) as tick:
        moving.save(out, on_frame=tick)
    note(f"out: {out} ({len(moving)} frames, {len(moving) / moving.fps:.1f} s)")
