"""``mien data``: make, look at and check what training and scoring use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.console import note, progress, say_table
from mien.cli.words import SOME_FAILED, Data, Paths, end_with
from mien.errors import DataError

if TYPE_CHECKING:
    from mien.data.layouts import Corpus

app = typer.Typer(name="data", help="Data for training and scoring: make sets of faces, check published ones.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the data set, as its publisher lays it out.")]


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
def check(pictures: Annotated[Path, typer.Argument(help="A folder, a .zip, an LMDB, .tar shards or a crop set (.npz).")]) -> None:
    """Decode every picture of a set; name those that are broken or empty."""
    from mien.data.sources import check as problems_of
    from mien.data.sources import open_source

    source = open_source(pictures)
    with progress("checking", len(source)) as tick:
        problems = list(problems_of(source, tick))
    for problem in problems:
        note(f"mien: {problem}")
    broken = len(problems) - len(source.problems)
    if broken == len(source):
        raise DataError(f"{pictures} has no picture that can be decoded")
    say_table([str(pictures), "pictures"], [("whole", len(source) - broken), ("problems", len(problems))], right=["pictures"])
    if problems:
        raise typer.Exit(SOME_FAILED)


@app.command()
def faces(
    paths: Paths,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="The .zip file to write; what is in it already stays.")],
    align: Annotated[str, typer.Option(help="How to frame: ffhq, arcface, celeba or deca.")] = "ffhq",
    size: Annotated[int | None, typer.Option(help="Width of a crop in pixels; as published if not given.")] = None,
) -> None:
    """Cut aligned faces out of photos and videos, with action units, landmarks, pose and codes of identity. Start it again to go on."""
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


@app.command()
def synth(
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="The folder to fill.")],
    count: Annotated[int, typer.Option("-n", "--count", help="How many faces.")] = 1000,
    size: Annotated[int, typer.Option(help="Width and height of a picture in pixels.")] = 128,
    seed: Annotated[int, typer.Option(help="Other seeds, other faces.")] = 0,
    photos: Annotated[
        Path | None, typer.Option(help="Give the faces of these photos other expressions: a folder, .zip, LMDB, .tar shards or .npz.")
    ] = None,
    still: Annotated[
        bool, typer.Option("--still", help="Of photos: each as it is, and changes that landmarks can tell alone; eyes look as before.")
    ] = False,
    buffers: Annotated[str, typer.Option(help="Also write, by commas: normals, albedo (not of photos), depth, mask.")] = "",
    workers: Annotated[int | None, typer.Option(help="Processes; one for each core if not given.")] = None,
) -> None:
    """Make faces with exact labels: drawn heads, or photos with other expressions. Start it again to go on."""
    import os

    from mien.data.synth.making import Settings, make

    asked = tuple(sorted({name.strip() for name in buffers.split(",") if name.strip()}))
    settings = Settings(count, size, seed, asked, str(photos.expanduser().absolute()) if photos else "", still)
    with progress("photos" if photos else "faces", count) as tick:
        problems = make(out, settings, workers or os.cpu_count() or 1, tick)
    for problem in problems:
        note(f"mien: {problem}")
    note(f"out: {out}: {settings.count} faces of {size} pixels" + (f", less those of {len(problems)} photos" if problems else ""))
    if problems:
        raise typer.Exit(SOME_FAILED)


@app.command()
def celeba(folder: Folder) -> None:
    """Check CelebA: attributes, partition, identity, landmarks against the aligned pictures."""
    from mien.data.layouts.celeba import read

    _check(read(folder))


@app.command()
def ffhq(folder: Folder) -> None:
    """Check FFHQ: its JSON file against the pictures."""
    from mien.data.layouts.ffhq import read

    _check(read(folder))


@app.command()
def affectnet(folder: Folder) -> None:
    """Check AffectNet, the CSV files or the newer folders of annotations, against the pictures."""
    from mien.data.layouts.affectnet import read

    _check(read(folder))


@app.command()
def disfa(folder: Folder) -> None:
    """Check DISFA: the intensities of each frame against pictures or films; present is 2 and more."""
    from mien.data.layouts.disfa import read

    _check(read(folder))


@app.command()
def bp4d(folder: Folder) -> None:
    """Check BP4D: occurrence and intensity codes against the pictures."""
    from mien.data.layouts.bp4d import read

    _check(read(folder))


@app.command()
def fgnet(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="The folder with 0, 1 and 2 of FG-Net's label files.")],
    *,
    pictures: Annotated[Path, typer.Option(metavar="DIR", help="The folder that the paths in the label files start from.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write the train.csv of each fold, which is not published.")] = False,
) -> None:
    """Check FG-Net's folds of BP4D or DISFA against each other and the pictures."""
    from mien.data.layouts.fgnet import FOLDS, read

    folds = read(labels)
    if rebuild:
        for fold in range(FOLDS):
            note(f"out: {folds.write_train(fold)}")
    _check(folds.corpus(pictures))


def _check(corpus: "Corpus") -> None:
    """Counts to stdout, problems to stderr. Exit code 1 when no picture can be used, 3 when some things are wrong."""
    for problem in corpus.problems:
        note(f"mien: {problem}")
    counts = corpus.usable().counts()
    rows = [(name, *row) for name, row in zip(counts.index, counts.to_numpy(), strict=True)]
    say_table([corpus.name, *counts.columns], rows, right=counts.columns)
    if corpus.problems:
        note(f"mien: problems: {len(corpus.problems)}; what is not named in them can be used")
        raise typer.Exit(SOME_FAILED)
