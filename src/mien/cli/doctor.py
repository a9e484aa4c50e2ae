"""``mien doctor``."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.console import say, say_json, say_table
from mien.errors import MienError


def doctor(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A picture, video or head (.glb): how was it made?")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")] = False,
) -> None:
    """Examine this installation; or tell how a picture, video or head was made. Exit code 1 when something is bad."""
    if file is not None:
        _tell(file, as_json)
        return
    from mien.api import doctor as ward

    findings = list(ward.examine())
    if as_json:
        say_json([vars(finding) for finding in findings])
    else:
        say_table(["", "", ""], [(f.state, f.what, f.says) for f in findings])
    bad = [finding.what for finding in findings if finding.state == "bad"]
    if bad:
        raise MienError(f"{', '.join(bad)}: not well; the table above says what to do")


def _tell(file: Path, as_json: bool) -> None:
    from mien import provenance

    made = provenance.describe(file)
    if as_json:
        say_json(None if made is None else vars(made))
    elif made is None:
        say(f"{file} does not say that mien made it")
    else:
        say_table([file.name, ""], [(key.replace("_", " "), value) for key, value in vars(made).items() if value])
