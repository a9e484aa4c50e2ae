"""``mien score aus``: action units against the truth, of two tables, or of readers on a corpus by the protocols of the literature."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mien import registry
from mien.cli import compare
from mien.cli.compare import AsJson, end
from mien.cli.console import note, progress, say
from mien.cli.publish import Write, publish
from mien.errors import DataError, UsageError, one_of
from mien.protocols import Reader

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
    reader: Annotated[
        list[str] | None, typer.Option(help=f"The reader that is tested on a corpus, {registry.READER} if not given; several side by side.")
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Weights of the reader's network, one for each fold; else those that are here."),
    ] = None,
    fold: Annotated[str | None, typer.Option(metavar="0,1,2", help="Folds of a corpus; all if not given.")] = None,
    train: Annotated[
        str | None, typer.Option(metavar="NAME", help="DISFA or BP4D: make sure that the reader's weights have learned from it.")
    ] = None,
    units: Annotated[
        str | None, typer.Option("--aus", metavar="1,2,12", help="Units of a corpus; those of papers if not given, with --train on both.")
    ] = None,
    published: Annotated[bool, typer.Option(help="Show published numbers on a corpus.")] = True,
    threshold: Annotated[
        float, typer.Option(min=0, max=5, help="The intensity from which a unit is present that a reader says no presence of.")
    ] = _THRESHOLD,
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
    asked: dict[str, object] = {"reader": reader, "weights": weights, "pictures": pictures, "fold": fold, "train": train, "aus": units}
    asked |= {"out": out, "latex": latex, "plot": plot}
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
    readers = _readers(reader or [registry.READER], weights or [])
    tests = _detected(data, pictures, readers, fold=fold, units=units or "", train=train or "", threshold=threshold)
    _report(tests, _words(data, asked, threshold), targets, published=published, as_json=as_json, write=write)
    end(_once(str(problem) for found in tests for problem in found.problems), "missing or not read, the others are scored")


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

    def write(self, tests: "Sequence[Detection]", peers: "Sequence[Published]", table: "pd.DataFrame") -> None:
        """Write those that were asked for."""
        from mien import tables
        from mien.metrics.detection import latex, plot

        if self.table is not None:
            note(f"table: {tables.write(table, self.table)}")
        if self.latex is not None:
            note(f"LaTeX: {latex.write(tests, peers, self.latex)}")
        if self.plot is not None:
            note(f"plot: {plot.plot(tests, peers, self.plot)}")


def _words(data: Path, asked: Mapping[str, object], threshold: float) -> str:
    """The command as a page shows it, folders and files by their names."""
    given = {name: value if isinstance(value, list) else [value] for name, value in asked.items() if value and name not in _FILES}
    given |= {"threshold": [f"{threshold:g}"]} if threshold != _THRESHOLD else {}
    shown = [(name, value.name if isinstance(value, Path) else value) for name, values in given.items() for value in values]
    return f"aus --data {data.name}" + "".join(f" --{name} {value}" for name, value in shown)


def _readers(names: Sequence[str], weights: Sequence[Path]) -> list[list[Reader]]:
    """For each test its reader, or one for each file of its weights; raises `UsageError` for weights of several readers."""
    if weights and len(names) > 1:
        raise UsageError(f"--weights are of one reader, not of {' and '.join(names)}: name one --reader, or leave --weights out")
    if weights:
        return [[registry.reader(names[0], weights=path.expanduser()) for path in weights]]
    return [[registry.reader(name)] for name in dict.fromkeys(names)]


def _detected(
    data: Path, pictures: Path | None, readers: Sequence[Sequence[Reader]], *, fold: str | None, units: str, train: str, threshold: float
) -> "list[Detection]":
    """Test readers on a corpus."""
    from mien.data.layouts import coded
    from mien.metrics.detection.plan import folds, plan
    from mien.metrics.detection.scores import score

    corpus, wanted = coded.read(data, pictures), folds(fold)
    plans = [plan(of_one, corpus, wanted, units=units, train=train) for of_one in readers]
    with progress("reading", sum(planned.frames for planned in plans)) as tick:
        return [score(planned, threshold, tick) for planned in plans]


def _report(tests: "Sequence[Detection]", name: str, targets: _Targets, *, published: bool, as_json: bool, write: Path | None) -> None:
    """Print the table and what it means, and write the files."""
    from mien.metrics.detection import published as publications
    from mien.metrics.detection import report, table

    plan, units = tests[0].plan, table.units_of(tests)
    peers = table.shown(publications.published(plan.coded.name, plan.train), units) if published else []
    rows, notes = table.table(tests, peers), _once(line for found in tests for line in found.notes)
    legend = [f"{table.meanings(peers)} {'; '.join(f'{peer.method}: {table.origin(peer)}' for peer in peers)}."] if peers else []
    readers = ", ".join(found.plan.reader for found in tests)
    title = f"Action units: reader {readers} on {plan.coded.name}" + (f", trained on {plan.train}" if plan.train else "")
    documents = [report.document(found, peers) for found in tests] if as_json else []
    document = {"readers": documents} if len(documents) > 1 else next(iter(documents), None)
    said = " ".join(report.said(found) for found in tests)
    publish(report.page(rows), write, name=name, title=title, said=said, extra=[*notes, *legend], document=document)
    for line in legend if not as_json else []:
        say(line)
    for line in notes:
        note(f"mien: {line}")
    targets.write(tests, peers, rows)


def _once(lines: Iterable[str]) -> list[str]:
    """Lines of several tests: what they have in common is told once."""
    return list(dict.fromkeys(lines))
