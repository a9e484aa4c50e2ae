"""``mien edit``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien import registry
from mien.cli.console import note, say, say_json, say_table
from mien.cli.words import Engine, Face, Invert, Weights, face_choice, named
from mien.edits import AUEdit
from mien.errors import UsageError

if TYPE_CHECKING:
    from mien.api.editing import EditResult

_SHOWN = 0.5  # steps: smaller changes of units that were not asked for are not worth a line


def edit(
    photo: Annotated[str, typer.Argument(metavar="PATH", help="The photo.")],
    edits: Annotated[
        list[str] | None,
        typer.Argument(metavar="EDIT", help="AU12=+2 (change by two FACS steps), AU12=3 (set), AU12L=+2 (the subject's left)."),
    ] = None,
    *,
    out: Annotated[Path | None, typer.Option("-o", "--out", callback=named, help="Where to write; the suffix tells the format.")] = None,
    like: Annotated[str | None, typer.Option(help="Take over the expression of this photo.")] = None,
    only: Annotated[str | None, typer.Option(help="Of --like: mouth, eyes or brows alone.")] = None,
    emotion: Annotated[str | None, typer.Option(help="happiness, surprise, sadness, anger, disgust, fear, contempt or neutral.")] = None,
    text: Annotated[str | None, typer.Option(metavar="WORDS", help='What the face should be, say "an angry face".')] = None,
    by: Annotated[str | None, typer.Option(help="Of --text: understood as units, or a move of codes by directions or optimise.")] = None,
    engine: Engine = registry.ENGINE,
    weights: Weights = None,
    invert: Invert = None,
    face: Face = None,
    solve: Annotated[bool, typer.Option("--solve", help="Measure the result and correct until it is what was commanded.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Also write before and after side by side, as OUT.compare.SUFFIX.")] = False,
    in_place: Annotated[bool, typer.Option("--in-place", help="Write over the photo itself.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")] = False,
) -> None:
    """Change the expression of a face in a photo; every pixel that is not of the face stays as it is."""
    if out is None and not in_place:
        raise UsageError("where to? name a file with -o OUT, or say --in-place")
    from mien import images
    from mien.api import editing
    from mien.api.solving import TOLERANCE

    if out is not None:
        images.check_target(out, [Path(name).expanduser() for name in ([] if in_place else [photo]) + ([like] if like else [])])
    drawing = partial(editing.edit, engine=engine, weights=weights, invert=invert, face=face_choice(face), solve=solve)
    result = drawing(photo, edits or (), like=like, only=only, emotion=emotion, text=text, by=by)
    written = result.save(out or Path(photo), in_place=in_place)
    paths = {"out": str(written)}
    _warn(result)
    if solve and result.missed:
        note(f"mien: --solve could not bring {', '.join(result.missed)} within {TOLERANCE:g} of what was commanded")
    if compare:
        beside = written.with_name(f"{written.stem}.compare{written.suffix}")
        paths["compare"] = str(
            images.write(result.compare(), beside, like=result.photo, provenance=result.provenance, inputs=result.inputs)
        )
    if as_json:
        say_json({**paths, **result.to_dict()})
        return
    _print_report(result)
    for what, path in paths.items():
        note(f"{what}: {path}")


def _warn(result: "EditResult") -> None:
    """Tell of faces that the engine's network cannot draw, and of what it cannot move."""
    for number, made in zip(result.portrait.numbers, result.reconstructions, strict=False):
        if made["outside"]:
            note(f"mien: face {number} {made['outside']}")
    if result.passed_over:
        note(f"mien: the engine {result.portrait.engine.name} cannot move {', '.join(result.passed_over)}: left as the photo has it")


def _print_report(result: "EditResult") -> None:
    numbers = ["before", "commanded", "achieved", "error"]
    named = any(isinstance(edit, AUEdit) for edit in result.edits)  # a transfer commands many units, most of them by very little
    moved = [
        line
        for line in result.lines
        if (named and line.role == "commanded") or max(abs(line.commanded - line.before), abs(line.achieved - line.before)) >= _SHOWN
    ]
    rows = [(line.face, line.au, line.role, *(f"{getattr(line, number):z.1f}" for number in numbers)) for line in moved]
    say_table(["face", "AU", "", *numbers], rows, right=numbers)
    for made in result.reconstructions:
        say(
            f"reconstruction by the network that draws: PSNR {made['psnr']:.1f} dB; perceptual distance {made['perceptual']:.3f} by "
            f"{made['perceptual_network']}; identity {made['identity']:.3f}, cosine by {made['identity_network']}"
        )
    similar = ", ".join(f"{value:.3f}" for value in result.shape_similarity)
    say(f"shape similarity before/after (cosine of fitted identity, not recognition): {similar}")
    if result.identity_network:
        alike = ", ".join(f"{value:.3f}" for value in result.identity_similarity)
        say(f"identity before/after (cosine by {result.identity_network}): {alike}")
    else:
        say("identity before/after: not measured, no network for identity is here (mien weights import arcface FILE)")
