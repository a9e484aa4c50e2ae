"""``mien data``: the third-party files that training and scoring use."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.console import say_table
from mien.cli.words import Data

app = typer.Typer(name="data", help="Data for training and scoring: list what a folder has, show a set of faces.", no_args_is_help=True)


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
