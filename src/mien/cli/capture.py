"""``mien capture``."""

from pathlib import Path
from typing import Annotated

import typer

from mien import registry
from mien.cli.console import note, progress
from mien.cli.words import Face, Paths, face_choice, named


def capture(
    paths: Paths,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", callback=named, help="Where to write: .glb, .obj, .npz or .csv.")],
    capture: Annotated[str, typer.Option(help="The capture that solves for the head.")] = registry.CAPTURE,
    face: Face = None,
) -> None:
    """Turn the face of a photo, of several photos of one person, or of a video into a textured 3-D head with morph targets."""
    from mien import export
    from mien.api import capturing, sources

    export.check_target(out, [Path(clip.file) for clip in sources.clips(paths)])
    with progress("looking") as tick:
        head = capturing.capture(paths, capture=capture, face=face_choice(face), on_picture=tick)
    note(f"out: {head.save(out)}")
