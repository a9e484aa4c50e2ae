"""``mien score BENCHMARK``: measure, print the table, and put it into the page of results."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien import registry
from mien.aus import column
from mien.cli.compare import AsJson, end, some
from mien.cli.console import note, progress
from mien.cli.publish import Write, publish
from mien.cli.words import Data, Engine, Invert, Weights

if TYPE_CHECKING:
    from mien.metrics.head import Distance

app = typer.Typer(name="score", help="Benchmarks of what mien does: a table each, and a section of a page.", no_args_is_help=True)


@app.command()
def landmarks(
    data: Data = None,
    *,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many faces of a set.")] = None,
    write: Write = None,
) -> None:
    """The landmark network against its teacher."""
    from mien.metrics.landmarks import score_landmarks

    said = (
        "Mean distance of the 468 points to the teacher's, in percent of the distance of the outer eye corners; ms: of one processor, with "
        "both looks."
    )
    publish(score_landmarks(data, limit=limit), write, name="landmarks", title="Landmarks", said=said)


@app.command()
def head(data: Data = None, *, write: Write = None) -> None:
    """The bundled head against the model that it was learned from."""
    import pandas as pd

    from mien.convert import ict
    from mien.data.folder import need
    from mien.geometry.head import bundled
    from mien.metrics.head import score_head

    files = ("ict_face_model.npz", "facs_mapping.json", "facemesh_to_ict.npz")
    meshes, mapping, marks = (need(data, *files) / name for name in files)
    score = score_head(bundled(), ict.head_of(ict.read(meshes), mapping=mapping, facemesh_path=marks))
    rows: list[tuple[str, float, float]] = [
        ("unseen people, neutral: distance, mm (mean, 95th percentile)", score.identities.mean, score.identities.p95),
        ("three action units mixed: distance, mm (mean, 95th percentile)", score.mixtures.mean, score.mixtures.p95),
        ("worst single action unit: distance, mm (mean, 95th percentile)", *_worst(score.expressions)),
        ("eyeballs seen at rest, mm2 (this head, source)", *score.eyeball_mm2),
        ("eyeballs seen at AU43 = 5, mm2 (this head, source)", *score.blink_mm2),
        ("seen between closed lips; organs through the skin, mm2", score.gap_mm2, score.through_mm2),
    ]
    said = "The bundled head against ICT-FaceKit, on the front of the face; people and mixtures are drawn at random."
    publish(pd.DataFrame(rows, columns=["what", "first", "second"]), write, name="head", title="Head model", said=said)


@app.command()
def reader(
    data: Data = None,
    *,
    name: Annotated[str, typer.Option("--reader", help="The reader that is measured.")] = registry.READER,
    split: Annotated[str, typer.Option(help="Of lfw_eval: train, val or test.")] = "test",
    write: Write = None,
) -> None:
    """A reader on photos of real people: how well it tells a posed expression from a neutral face."""
    from mien.metrics.reader import score_reader

    said = (
        f"Reader {name} on the {split} split of lfw_eval: area under the ROC curve of a score, one expression against neutral, on the "
        "landmarks of the teacher and on mien's own. Photos of real people measure; none of them trained what ships."
    )
    table = score_reader(registry.reader(name), data, split=split)
    publish(table, write, name="reader", title="Reading expressions of real people", said=said)


@app.command()
def fit(*, faces: Annotated[int, typer.Option(min=1, help="How many faces are drawn.")] = 40, write: Write = None) -> None:
    """The fit on drawn heads, of which everything is known."""
    from mien.metrics.fit import score_fit

    said = (
        f"{faces} drawn heads with three action units each, turned a little: the head fitted to the landmarks that were drawn (true), put "
        "where networks have them on people, and to those that mien's network finds in the pictures (own). Times are of one processor."
    )
    publish(score_fit(faces), write, name="fit", title="Fit: known heads", said=said)


@app.command()
def identity(
    data: Data = None,
    *,
    network: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="A network for identity; else all that are here.")] = None,
    split: Annotated[str, typer.Option(help="Of lfw_eval: train, val, test, or all.")] = "test",
    write: Write = None,
) -> None:
    """Networks for identity: whether two photos of real people show one person."""
    from mien.faces import identity as identities
    from mien.metrics.verification import Pixels, score_identity

    paths = network or identities.installed()
    if not paths:
        note(identities.NONE)
    said = (
        f"All pairs of the {split} photos of lfw_eval that show people with several photos there, by the cosine of their codes. AUC: area "
        "under the ROC curve, percent, 50 by chance; recognised: percent of the pairs of one person above the threshold that one in a "
        "hundred pairs of two people passes; ms: of processors, a photo. Photos of real people measure; none of them trained what ships."
    )
    table = score_identity(data, [*map(identities.recognizer, paths), Pixels()], split=split)
    publish(table, write, name="identity", title="Identity: one person or two", said=said)


@app.command()
def inversion(
    data: Data = None,
    *,
    faces: Annotated[int, typer.Option(min=2, help="At most so many faces; an eighth of them for the slower ways.")] = 132,
    split: Annotated[str, typer.Option(help="Of sfhq_256: train, val or test.")] = "test",
    weights: Weights = None,
    write: Write = None,
) -> None:
    """How near the engine stylegan's networks draw faces that they have not learned from."""
    from mien.inversion import choosing
    from mien.metrics.inversion import score_inversion

    networks = choosing.networks(choosing.files(weights)).networks
    few = max(2, faces // 8)
    with progress("inverting", faces + 2 * few) as tick:
        table = score_inversion(data, networks, {"encoder": faces, "refine": few, "pivotal": few}, split=split, on_face=tick)
    measure = networks.measure
    said = (
        f"Faces of the {split} split of sfhq_256, by the ways of `--invert`, as the generator of {networks.generator.size} pixels draws "
        f"them: medians of PSNR (dB), of the perceptual distance ({measure.perceptual_network}) and of the cosine of identity "
        f"({measure.identity_network}); stranger: the mean cosine of two photos of two people; outside: percent that `mien edit` warns of; "
        "cpu seconds: of all threads, a face. What `mien edit` writes is nearer than these: it carries the photo's own pixels along."
    )
    publish(table, write, name="inversion", title="Inversion: faces drawn again", said=said)


def _worst(expressions: "Mapping[str, Distance]") -> tuple[float, float]:
    worst = max(expressions.values(), key=lambda distance: distance.mean)
    return worst.mean, worst.p95


@app.command()
def edits(
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="faces.zip, a folder of photos; or the folder of third-party data, else what MIEN_DATA names."),
    ] = None,
    *,
    faces: Annotated[int, typer.Option(min=1, help="At most so many faces.")] = 12,
    aus: Annotated[str, typer.Option(metavar="1,2,12", help="These action units alone.")] = "",
    solve: Annotated[bool, typer.Option("--solve", help="Correct every edit until mien's own reader measures what was commanded.")] = False,
    reader: Annotated[str, typer.Option(help="The reader that judges.")] = registry.READER,
    engine: Engine = registry.ENGINE,
    weights: Weights = None,
    invert: Invert = None,
    as_json: AsJson = False,
    write: Write = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw dose against response here.")] = None,
) -> None:
    """Dose and response: every action unit set to 0, 1, .. 5 on many faces, and measured; what else moved; what was kept.

    On your own faces, or without --data on those of sfhq_256's test split.
    """
    from mien.api import scoring
    from mien.api.sitters import sitters
    from mien.faces import identity
    from mien.metrics import edits as metric

    drawing, judge = registry.engine(engine, weights=weights, invert=invert), scoring.Judge.of(data, reader)
    able = metric.movable(drawing.moves, aus)
    units, doses = judge.units(able), metric.SOLVED if solve else metric.DOSES
    sat = sitters(data, faces, drawing)
    network = identity.recognizer() if identity.installed() else None
    if judge.alone:
        note(f"mien: measured on mien's own landmarks alone: {judge.alone}")
    if blind := [column(unit) for unit in able if unit not in units]:
        note(f"mien: reader {reader} says nothing of {', '.join(blind)}: left out")
    with progress("drawing", len(units) * len(doses) * len(sat.portraits)) as tick:
        responses = scoring.respond(sat.portraits, judge, units, doses, solve=solve, network=network, on_picture=tick)
    table = metric.solved(responses, doses) if solve else metric.table(responses)
    pictures = _drawn(metric.plot(responses, plot, doses), write) if plot is not None else []
    every = "each of these units" if aus or blind else "every unit" if len(units) == len(metric.UNITS) else "every unit that it moves"
    said = f"{sat.told}, engine {engine}, {every} set to {', '.join(f'{d:g}' for d in doses)}. " + _measured(judge.names)
    whose = f"the cosine by {network.name}" if network else identity.NONE
    said += (_SAID_SOLVED if solve else _SAID) + f"{_KEPT} identity: {whose}."
    document = {"faces": sat.told, "engine": engine, "reader": reader, "solve": solve, "doses": doses, "judges": judge.names}
    document |= {"identity_network": network.name if network else "", "units": table.to_dict("records")}
    document |= {"curves": [metric.curves(response) for response in responses], "faceless": sat.faceless}
    document |= {"problems": [asdict(problem) for problem in sat.problems]}
    name, title = _named(engine=engine, reader=reader, aus=aus, solve=solve, data=data)
    publish(table, write, name=name, title=title, said=said, extra=pictures, document=document if as_json else None)
    if sat.faceless:
        note(f"mien: no face was found in {len(sat.faceless)} of the pictures: {some(sat.faceless)}")
    end([str(problem) for problem in sat.problems], "not read, the others are scored")


def _named(*, engine: str, reader: str, aus: str, solve: bool, data: Path | None) -> tuple[str, str]:
    """The command of the edits as a page shows it, and its title."""
    from mien.api.sitters import is_own

    drawn = "" if engine == registry.ENGINE else engine
    judged = "" if reader == registry.READER else reader
    options = {"engine": drawn, "reader": judged, "aus": aus, "solve": solve, "data": data.name if data and is_own(data) else ""}
    words = "".join(f" --{name}" if value is True else f" --{name} {value}" for name, value in options.items() if value)
    title = (_SOLVED if solve else "Edits: commanded against measured") + (f", engine {engine}" if drawn else "")
    return f"edits{words}", title + (f", judged by {reader}" if judged else "")


def _drawn(plot: Path, page: Path | None) -> list[str]:
    """Tell where the plot is; how a page that lies above it shows it."""
    note(f"plot: {plot}")
    beside = page is not None and plot.parent.is_relative_to(page.parent)
    return [f"![dose and response]({plot.relative_to(page.parent)})"] if page is not None and beside else []


def _measured(judges: Sequence[str]) -> str:
    """How pictures are measured, and on whose landmarks, or by which reader."""
    if judges[0] not in ("teacher", "own"):
        return _ALONE.format(reader=judges[0])
    whose = {"teacher": "teacher + pixels: on MediaPipe's landmarks and the flow of the pixels", "own": "own + pixels: on mien's"}
    return _MEASURED + ", ".join(whose[judge] for judge in judges) + ". "


_SOLVED = "Edits: commanded against measured, corrected by --solve"
_MEASURED = (
    "Each picture is measured by the reader geometry against its photo, by pixels and landmarks: what the photo shows, and the change, on "
    "a scale that was learned from pictures which the engine mesh drew of other faces; "
)
_ALONE = (
    "Each picture is read by the reader {reader} on its own, which does not see its photo: steps of intensity where it measures the unit, "
    "else its probability (p), 0..1, with its mean at the lowest dose (low) and at the highest (high); its first landmarks are "
    "MediaPipe's where their file is there, else mien's. "
)
_SAID = (
    "r: correlation with the command over all faces and doses; within: its median over single faces; slope: steps measured for a step "
    "commanded; rmse: of measured against commanded, in steps; landmarks: how far the bare landmarks of the first go along the unit's "
    "direction, without pixels; leak: how far the other units go, in steps, and where most. "
)
_SAID_SOLVED = (
    "met: share of faces and commands that end within half a step; error: median, in steps. --solve sees mien's own landmarks alone. "
)
_KEPT = (
    "At the highest dose, shape: the cosine between the fitted identity shapes before and after, which is geometry; outside: how far the "
    "grey levels (of 255) changed away from the face, on average."
)
