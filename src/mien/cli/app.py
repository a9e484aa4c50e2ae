"""The command ``mien``: its verbs, and how every error ends.

Exit codes: 0 done; 1 an error that the user can mend, told in one line; 2 wrong usage; 3 some of many inputs failed.
"""

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer
from typer.exceptions import TyperException

import mien
from mien.cli import animate, capture, compare, data, detection, doctor, edit, generate, read, score, train, weights
from mien.cli.console import note, say
from mien.errors import MienError

app = typer.Typer(
    name="mien",
    help="Read, edit, animate and capture facial expression in one language: FACS action units (AU12=+2).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (read, edit, animate, capture, generate, doctor):
    app.command()(getattr(verb, verb.__name__.rsplit(".", 1)[1]))
for comparison in (compare.pictures, compare.fid, detection.aus, compare.points):
    score.app.command()(comparison)
for group in (train, score, weights, data):
    app.add_typer(group.app)

_INTERRUPTED = 130


def _version(wanted: bool) -> bool:
    if wanted:
        say(f"mien {mien.__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error arose; may stand anywhere.")] = False,
) -> None:
    """Options of all verbs; `main` itself takes `debug` out of the line, wherever it stands."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: note(f"mien: {_one_line(str(message))}")
        sys.exit(_run([word for word in words if word != "--debug"], debug))


def _run(words: list[str], debug: bool) -> int:
    try:
        return app(words, prog_name="mien", standalone_mode=False) or 0
    except TyperException as error:
        if message := _with_value(error, _one_line(error.format_message()), words):  # a bare `mien` has shown the help and has no message
            note(f"mien: {message} (see mien {_verb(words)}--help)")
        return error.exit_code
    except MienError as error:
        note(traceback.format_exc() if debug else f"mien: {_one_line(str(error))}")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        note("mien: interrupted")
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone; say nothing at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        why = _one_line(f"{type(error).__name__}: {error}")
        note(traceback.format_exc() if debug else f"mien: this is a bug of mien: {why}; run again with --debug and report what it says")
        return 1


def _with_value(error: TyperException, message: str, words: list[str]) -> str:
    """The message with the value that an ill-typed option was given, which Typer leaves out."""
    names = getattr(getattr(error, "param", None), "opts", ())
    spread = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    given = [after for word, after in pairwise(spread) if word in names]
    return f"{message}; it was given {given[-1]!r}" if given and isinstance(error, typer.BadParameter) else message


def _verb(words: list[str]) -> str:
    """The verb of a line with a space after it; "" when it has none that is known."""
    return f"{words[0]} " if words and words[0] in typer.main.get_group(app).commands else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
