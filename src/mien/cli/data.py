"""``mien data``: make, look at and check what training and scoring use."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.console import note, progress, say_table
from mien.cli.words import Data, Paths, end_with

app = typer.Typer(name="data", help="Data for training and scoring: make sets of faces, check published ones.", no_args_is_help=True)


@app.command("list")
def list_files(data: Data = None) -> None:
    """Which of the files that recipes and scores read are in the folder."""
    from mien.data import folder

    where = folder.find(data)
    rows = [(name, "yes" if (where / name).exists() else "no", what) for name, what in folder.KNOWN.items()]
    say_table([str(where), "here", "what"], rows)


@app.command()
def show(crops: Annotated[Path, typer.Argument(help="A crop set (.npz).")]) -> None:
    """How many faces a crop set has, by split and label."""
    from collections import Counter

    from mien.data.crops import open_crops

    faces = open_crops(crops)
    splits, labels = sorted(set(faces.splits)), sorted(set(faces.labels))
    count = Counter(zip(faces.labels, faces.splits, strict=True))
    rows = [(label or "(none)", *(count[label, split] for split in splits)) for label in labels]
    rows.append(("all", *(sum(s == split for s in faces.splits) for split in splits)))
    say_table([crops.name, *splits], rows, right=splits)


@app.command()
def faces(
    paths: Paths,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="The .zip file to write; what is in it already stays.")],
    align: Annotated[str, typer.Option(help="How to frame: ffhq, arcface, celeba or deca.")] = "ffhq",
    size: Annotated[int | None, typer.Option(help="Width of a crop in pixels; as published if not given.")] = None,
) -> None:
    """Cut aligned faces out of photos and videos, with a table of action units, landmarks and pose. Start it again to go on."""
    from mien.api.aligning import Settings, align_each, check_target
    from mien.api.sources import Failure, clips

    settings = Settings.of(align, size)
    failures = list[Failure]()
    inputs = clips(paths, failures)
    check_target(out, inputs)
    with progress("aligning", None if any(clip.is_video for clip in inputs) else len(inputs)) as tick:
        tally = align_each(inputs, out, settings, failures, tick)
    if tally.inputs:
        note(f"out: {out}: {tally.faces} faces of {tally.inputs} files, {tally.before} of these done before")
    if tally.without:
        note(f"mien: {tally.without} pictures show no face")
    end_with(failures, done=tally.done)
