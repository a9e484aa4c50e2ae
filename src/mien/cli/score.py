"""``mien score BENCHMARK``: measure, print the table, and put it into the page of results."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.console import note, progress, say_table
from mien.cli.words import Data, Engine

app = typer.Typer(name="score", help="Benchmarks of what mien does: a table each, and a section of a page.", no_args_is_help=True)

Write = Annotated[Path | None, typer.Option("--write", metavar="PAGE.md", help="Put the table into its section of this page.")]


@app.command()
def edits(
    data: Data = None,
    *,
    faces: Annotated[int, typer.Option(min=1, help="How many faces of the test split of sfhq_256.")] = 20,
    solve: Annotated[bool, typer.Option("--solve", help="Correct every edit until mien's own reader measures what was commanded.")] = False,
    engine: Engine = "mesh",
    write: Write = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw dose against response here.")] = None,
) -> None:
    """Dose and response: every action unit set to 0, 1, .. 5 on many faces, and measured."""
    from mien.api import scoring
    from mien.data import folder
    from mien.metrics import edits as metric
    from mien.metrics import pages

    where = folder.find(data)
    judge, sitters = scoring.Judge.of(where), scoring.portraits(where, faces, engine)
    with progress("drawing", len(scoring.UNITS) * len(scoring.DOSES) * faces) as tick:
        responses = [scoring.respond(sitters, judge, unit, solve=solve, on_picture=tick) for unit in scoring.UNITS]
    table = metric.table(responses)
    columns = [str(column) for column in table.columns]
    say_table(columns, [[f"{v:.2f}" if isinstance(v, float) else v for v in row] for row in table.to_numpy().tolist()], right=columns[1:-1])
    if plot is not None:
        note(f"plot: {metric.plot(responses, plot)}")
    if write is not None:
        flag = " --solve" if solve else ""
        said = f"{faces} faces of the test split of `sfhq_256`, engine `{engine}`; measured by the reader `geometry` on {judge.name}."
        title = f"Edits: commanded against measured{', corrected by --solve' if solve else ''}"
        pages.write_section(
            write, f"edits{'-solve' if solve else ''}", title, f"mien score edits --faces {faces}{flag}", [said, pages.markdown(table, 2)]
        )
        note(f"page: {write}")
