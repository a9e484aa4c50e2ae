"""``mien score aus``: action units against the truth, of two tables, or of a reader on a corpus by the protocols of the literature."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mien import registry
from mien.cli import compare
from mien.cli.compare import AsJson, end
from mien.cli.console import note, progress, say
from mien.cli.publish import Write, publish
from mien.errors import DataError, UsageError, one_of

if TYPE_CHECKING:
    import pandas as pd

    from mien.metrics.detection.published import Published
    from mien.metrics.detection.scores import Detection

_PICTURES = (".png", ".pdf", ".svg")
_FILES = ("out", "latex", "plot")  # options that say where to write
_THRESHOLD = 2.0  # of intensities, as DISFA's labels are used


def aus(
    predicted: Annotated[Path | None, typer.Argument(metavar="PRED", help="Table of what was measured: .csv, .parquet, .json.")] = None,
    truth: Annotated[Path | None, typer.Argument(metavar="TRUTH", help="Table of the truth.")] = None,
    *,
    data: Annotated[
        Path | None, typer.Option("--data", "--test", metavar="DIR", help="Instead of tables: DISFA, BP4D or FG-Net's lists of either.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder that the paths in FG-Net's lists start from.")] = None,
    reader: Annotated[str | None, typer.Option(help=f"The reader that is tested on a corpus; {registry.READER} if not given.")] = None,
    fold: Annotated[str | None, typer.Option(metavar="0,1,2", help="Folds of a corpus; all if not given.")] = None,
    train: Annotated[
        str | None, typer.Option(metavar="NAME", help="DISFA or BP4D: make sure that the reader's weights have learned from it.")
    ] = None,
    units: Annotated[
        str | None, typer.Option("--aus", metavar="1,2,12", help="Units of a corpus; those of papers if not given, with --train on both.")
    ] = None,
    published: Annotated[bool, typer.Option(help="Show published numbers on a corpus.")] = True,
    threshold: Annotated[float, typer.Option(min=0, max=5, help="The intensity from which a unit counts as present.")] = _THRESHOLD,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="TABLE", help="Write the table: .csv, .parquet, .json.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="TEX", help="Write the table of a paper.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw F1 of each unit here: .png, .pdf, .svg.")] = None,
    as_json: AsJson = False,
    write: Write = None,
) -> None:
    """Action units against labels: F1, accuracy, AUC for each unit; of two tables also PCC, MAE, ICC(3,1).

    Tables have mien's columns, OpenFace's or py-feat's, and are joined on file, frame and face. With --data a reader is tested on the
    pictures of a corpus, in folds whose people it has not learned from.
    """
    asked = {"reader": reader, "pictures": pictures, "fold": fold, "train": train, "aus": units, "out": out, "latex": latex, "plot": plot}
    if data is None:
        _refuse(asked)
        if predicted is None or truth is None:
            raise UsageError("two tables are needed, PRED and TRUTH, or a corpus: --data DIR")
        compare.tables(predicted, truth, threshold=threshold, as_json=as_json, write=write)
        return
    if predicted is not None:
        raise UsageError(f"{predicted} and --data {data}: give two tables, or a corpus alone")
    targets = _Targets(out, latex, plot)
    targets.check()
    found = _detected(data, pictures, reader or registry.READER, fold=fold, units=units or "", train=train or "", threshold=threshold)
    _report(found, _words(data, asked, threshold), targets, published=published, as_json=as_json, write=write)
    end([str(problem) for problem in found.problems], "missing or not read, the others are scored")


def _refuse(asked: Mapping[str, object]) -> None:
    """Raise `UsageError` for options of a corpus without one."""
    if given := [f"--{name}" for name, value in asked.items() if value is not None]:
        raise UsageError(f"{', '.join(given)}: this is for a reader on a corpus; name the corpus by --data DIR, or leave it out")


class _Targets(NamedTuple):
    """The files to write beside what is printed."""

    table: Path | None
    latex: Path | None
    plot: Path | None

    def check(self) -> None:
        """Raise what writing would raise, before hours of reading."""
        from mien import files, tables

        if self.table is not None:
            tables.check_target(self.table)
        if self.plot is not None and self.plot.suffix.lower() not in _PICTURES:
            raise UsageError(f"--plot {self.plot}: its suffix {one_of(self.plot.suffix.lower(), _PICTURES)}")
        for path in (self.latex, self.plot):
            if path is not None:
                files.target(path, inputs=(), error=DataError)

    def write(self, found: "Detection", peers: "Sequence[Published]", table: "pd.DataFrame") -> None:
        """Write those that were asked for."""
        from mien import tables
        from mien.metrics.detection import latex, plot

        if self.table is not None:
            note(f"table: {tables.write(table, self.table)}")
        if self.latex is not None:
            note(f"LaTeX: {latex.write(found, peers, self.latex)}")
        if self.plot is not None:
            note(f"plot: {plot.plot(found, peers, self.plot)}")


def _words(data: Path, asked: Mapping[str, object], threshold: float) -> str:
    """The command as a page shows it, folders by their names."""
    shown = {name: value.name if isinstance(value, Path) else value for name, value in asked.items() if value and name not in _FILES}
    shown |= {"threshold": f"{threshold:g}"} if threshold != _THRESHOLD else {}
    return f"aus --data {data.name}" + "".join(f" --{name} {value}" for name, value in shown.items())


def _detected(data: Path, pictures: Path | None, reader: str, *, fold: str | None, units: str, train: str, threshold: float) -> "Detection":
    """Test a reader on a corpus."""
    from mien.data.layouts import coded
    from mien.metrics.detection.plan import folds, plan
    from mien.metrics.detection.scores import score

    planned = plan([registry.reader(reader)], coded.read(data, pictures), folds(fold), units=units, train=train)
    with progress("reading", planned.frames) as tick:
        return score(planned, threshold, tick)


def _report(found: "Detection", name: str, targets: _Targets, *, published: bool, as_json: bool, write: Path | None) -> None:
    """Print the table and what it means, and write the files."""
    from mien.metrics.detection import published as publications
    from mien.metrics.detection import report, table

    plan = found.plan
    peers = table.shown(publications.published(plan.coded.name, plan.train), plan.units) if published else []
    rows = table.table(found, peers)
    legend = [f"{table.meanings(peers)} {'; '.join(f'{peer.method}: {table.origin(peer)}' for peer in peers)}."] if peers else []
    title = f"Action units: reader {plan.reader} on {plan.coded.name}" + (f", trained on {plan.train}" if plan.train else "")
    document = report.document(found, peers) if as_json else None
    publish(report.page(rows), write, name=name, title=title, said=report.said(found), extra=[*found.notes, *legend], document=document)
    for line in legend if not as_json else []:
        say(line)
    for line in found.notes:
        note(f"mien: {line}")
    targets.write(found, peers, rows)
