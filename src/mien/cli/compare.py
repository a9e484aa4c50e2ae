"""``mien score pictures | fid | points``, and `aus` of tables: what somebody has made or measured, against the truth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import note, progress
from mien.cli.publish import Write, publish
from mien.cli.words import SOME_FAILED
from mien.errors import UsageError

if TYPE_CHECKING:
    from mien.tables.joining import Joined

_NAMED = 3  # faces and files named on stderr; all are in the JSON document

Predicted = Annotated[Path, typer.Argument(metavar="PRED", help="Table of what was measured: .csv, .parquet or .json.")]
Truth = Annotated[Path, typer.Argument(metavar="TRUTH", help="Table of the truth.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")]


def pictures(
    one: Annotated[Path, typer.Argument(metavar="A", help="A picture, a folder, .zip, LMDB, .tar shards, crop set (.npz).")],
    other: Annotated[Path, typer.Argument(metavar="B", help="What A should be, the same; pairs have one name, suffixes aside.")],
    *,
    units: Annotated[
        bool, typer.Option("--units", help="Also how far action units are apart, of results from their targets, say.")
    ] = False,
    as_json: AsJson = False,
    write: Write = None,
) -> None:
    """Pictures against what they should be, pair by pair: PSNR, SSIM, and LPIPS once its networks are imported."""
    import pandas as pd

    from mien.metrics import pairs, perceptual
    from mien.metrics.expression import UnitError

    sources, networks = (pairs.opened(one), pairs.opened(other)), perceptual.installed()
    with progress("comparing", len(sources[0])) as tick:
        found = pairs.score_pairs(*sources, [*networks, *([UnitError()] if units else [])], on_pair=tick)
    said = "psnr: dB, a mean over the pairs that differ. ssim: 1 for equal pictures. "
    said += "LPIPS: 0.1 of its authors, 0 for equal pictures, over the network that is named." if networks else f"{perceptual.NONE}."
    if units:
        read = sum(math.isfinite(float(row[UnitError.name])) for row in found.table.to_dict("records"))
        said += f" au error: mean squared difference of intensities 0..5, of the {read} pairs in both of which a face was found."
    means, rows = found.means(), [_finite(row) for row in found.table.to_dict("records")]
    problems = [asdict(problem) for problem in found.problems]
    document = {"pairs": len(rows), "mean": _finite(means), "pictures": rows, "problems": problems}
    fine = {name: f"{value:.4f}" for name, value in means.items() if name != "psnr"}  # two digits would not tell pictures apart
    table = pd.DataFrame([{"pairs": len(rows), "psnr": means["psnr"], **fine}])
    title = f"Pictures: {one.name} against {other.name}"
    publish(table, write, name=f"pictures {one.name} {other.name}", title=title, said=said, document=document if as_json else None)
    end([str(problem) for problem in found.problems], "not compared, the others are scored")


def _finite(row: Mapping[Any, Any]) -> dict[str, object]:
    """A row for JSON, which knows no infinity: a PSNR of equal pictures is null, as is what is not known."""
    return {str(name): None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}


def fid(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="Real pictures: a folder, .zip, LMDB, .tar shards, crop set (.npz).")],
    fake: Annotated[Path, typer.Argument(metavar="FAKE", help="Generated ones, the same.")],
    *,
    network: Annotated[
        str | None, typer.Option("--features", help="inception or landmarks; else inception where it was imported.", metavar="NAME")
    ] = None,
    split: Annotated[str, typer.Option(help="Of a crop set: train, val, test, or all.")] = "all",
    as_json: AsJson = False,
    write: Write = None,
) -> None:
    """Generated pictures against real ones: FID, KID, precision and recall.

    On Inception v3 as papers are, once it is imported (mien weights get inception-fid); else on features that ship with mien.
    """
    import pandas as pd

    from mien.data.sources import has_splits, open_source
    from mien.metrics import features
    from mien.metrics.generation import score_generation

    part = None if split == "all" else split
    if part and not (has_splits(real) or has_splits(fake)):
        raise UsageError(f"--split {split}: neither {real.name} nor {fake.name} is a crop set (.npz); leave it out")
    by, sources = features.chosen(network or ""), (open_source(real, split=part), open_source(fake, split=part))
    with progress("looking", len(sources[0]) + len(sources[1])) as tick:
        found = score_generation(*sources, by, on_picture=tick)
    said = (
        f"On {found.width} features of: {found.features}. Only numbers on the same features compare; those of papers are on Inception v3. "
        f"kid: times 1000, mean and standard deviation of estimates on {found.kid_subset} pictures of each kind."
    )
    row = {"real": found.real, "fake": found.fake, "fid": found.fid, "kid": 1e3 * found.kid, "+-": 1e3 * found.kid_spread}
    table = pd.DataFrame([{**row, "precision": found.precision, "recall": found.recall}])
    name = f"fid {real.name} {fake.name}" + (f" --split {split}" if part else "")
    title = f"Generated pictures: {fake.name} against {real.name}" + (f", split {split}" if part else "")
    document = asdict(found) if as_json else None
    publish(table, write, name=name, title=title, said=said, extra=found.notes, document=document)
    for line in found.notes:
        note(f"mien: {line}")
    end([str(problem) for problem in found.problems], "not read, the others are scored")


def tables(predicted: Path, truth: Path, *, threshold: float, as_json: bool, write: Path | None) -> None:
    """Tables of action units against each other; faces are joined on file, frame and face. See `mien.cli.detection.aus`."""
    from mien.metrics.units import score_units
    from mien.tables.reading import read

    score = score_units(read(predicted), read(truth), threshold)
    said = (
        f"{len(score.joined.rows)} faces in both tables, joined on {', '.join(score.joined.on)}. pos: where the truth has the unit, at "
        f"{threshold:g} or more; bal: mean of the accuracies on present and absent; mae: in steps. The mean leaves out what is not "
        "defined; its n and pos are sums."
    )
    table = score.table.rename(columns={"faces": "n", "present": "pos", "accuracy": "acc", "balanced": "bal"})
    name, title = f"aus {predicted.name} {truth.name}", f"Action units: {predicted.name} against {truth.name}"
    rows = score.table.to_dict("records")
    document = {"threshold": threshold, **_told(score.joined), "units": rows[:-1], "mean": rows[-1], "notes": score.notes}
    publish(table, write, name=name, title=title, said=said, extra=score.notes, document=document if as_json else None)
    for line in score.notes:
        note(f"mien: {line}")
    _end_joined(score.joined, predicted, truth)


def points(predicted: Predicted, truth: Truth, *, as_json: AsJson = False, write: Write = None) -> None:
    """The 68 landmarks against true ones: mean error in units of the face, area under the curve to 8 %, failures."""
    import pandas as pd

    from mien.metrics.points import LIMIT, score_points
    from mien.tables.reading import read

    scores, joined = score_points(read(predicted), read(truth))
    said = (
        "Mean distance of the 68 points of a face in percent of a unit: between the outer corners of the eyes, or the side of a square as "
        f"large as the box of the points. auc, failures: up to and beyond {LIMIT:.0%}, in percent; a face that was missed fails."
    )
    table = pd.DataFrame([{"unit": unit, **asdict(score)} for unit, score in scores.items()])
    name, title = f"points {predicted.name} {truth.name}", f"Landmarks: {predicted.name} against {truth.name}"
    document = {**_told(joined), **{unit: asdict(score) for unit, score in scores.items()}}
    publish(table, write, name=name, title=title, said=said, document=document if as_json else None)
    _end_joined(joined, predicted, truth)


def _told(joined: "Joined") -> dict[str, object]:
    return {"joined_on": joined.on, "faces": len(joined.rows), "only_predicted": joined.alone, "only_truth": joined.others_alone}


def _end_joined(joined: "Joined", predicted: Path, truth: Path) -> None:
    """Name what is in one table only. A measured face without truth is no failure; a true one that was not measured is."""
    if joined.alone:
        note(f"mien: {predicted} has {len(joined.alone)} more than {truth}: {some(joined.alone)}")
    end(joined.others_alone, f"of {truth} not in {predicted}, the others are scored")


def end(failed: Sequence[str], what: str) -> None:
    """Exit code 3 when something failed, after its names."""
    if failed:
        note(f"mien: {len(failed)} {what}: {some(failed)}")
        raise typer.Exit(SOME_FAILED)


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
