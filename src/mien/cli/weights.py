"""``mien weights``: what ships, what else there is, and how to get it."""

import re
from pathlib import Path
from typing import Annotated

import typer

from mien import artefacts
from mien.cli.console import note, progress, say, say_table
from mien.errors import WeightsError, one_of

app = typer.Typer(name="weights", help="Bundled weights and further artefacts: list, show, path, get, import.", no_args_is_help=True)

_MIB = 2**20


def _assets() -> Path:
    from mien import weights

    return weights.assets()


def _bundled() -> list[Path]:
    return sorted(_assets().glob("*.safetensors"))


@app.command("list")
def list_all() -> None:
    """What ships with mien, and what can be added."""
    say_table(
        ["bundled", "MiB", "what"],
        [(p.stem, f"{p.stat().st_size / _MIB:.1f}", _about(p.with_suffix(".md"))) for p in _bundled()],
        right=["MiB"],
    )
    entries = artefacts.register().values()
    rows = [(e.name, "yes" if artefacts.installed(e.name) else "no", e.licence, e.what) for e in entries]
    say_table(["artefact", "here", "licence", "what"], rows)


def _about(card: Path) -> str:
    """The first sentence of a model card, below its heading, without the places in the code that it names in brackets."""
    parts = card.read_text(encoding="utf-8").split("\n\n") if card.is_file() else []
    text = next((" ".join(part.split()) for part in parts if not part.startswith("#")), "")
    return re.sub(r" \(`[^)]*\)", "", text).split(". ")[0].rstrip(".")


@app.command()
def show(name: Annotated[str, typer.Argument(help="A bundled weight file or an artefact.")]) -> None:
    """The model card of a bundled file, or the entry of an artefact."""
    card = _assets() / f"{name}.md"
    if card.is_file():
        say(card.read_text(encoding="utf-8").rstrip())
        return
    entry = _known(name)
    fields = {
        "what": entry.what,
        "page": entry.page,
        "licence": entry.licence,
        "terms": entry.terms,
        "url": entry.url,
        "sha256": entry.sha256,
    }
    say_table([entry.name, ""], [(key, value) for key, value in fields.items() if value])


def _known(name: str) -> artefacts.Artefact:
    entries = artefacts.register()
    if name not in entries:
        raise WeightsError(one_of(name, [*[p.stem for p in _bundled()], *entries]))
    return entries[name]


@app.command()
def path(name: Annotated[str, typer.Argument(help="A bundled weight file or an artefact.")]) -> None:
    """Where the file is; exit code 1 when it is not on this machine."""
    shipped = _assets() / f"{name}.safetensors"
    found = shipped if shipped.is_file() else artefacts.installed(_known(name).name)
    if found is None:
        raise WeightsError(f"{name} is not on this machine: mien weights get {name}")
    say(str(found))


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="The artefact.")],
    offline: Annotated[bool, typer.Option("--offline", help="Open no socket: only check what is here.")] = False,
) -> None:
    """Fetch an artefact, check its SHA-256 and keep it in the cache folder."""
    entry = _known(name)
    if entry.url and not offline:
        note(f"{entry.name}: {entry.what}\nlicence {entry.licence} ({entry.terms}), see {entry.page}")
    with progress(f"fetching {name}") as tick:
        say(str(artefacts.fetch(name, offline=offline, on_progress=lambda step, _: tick(step))))


@app.command("import")
def import_model(
    kind: Annotated[str, typer.Argument(metavar="FORMAT", help="flame or ict.")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="As its makers publish it: generic_model.pkl, FaceXModel/.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where to write; else FORMAT.safetensors in the cache folder.")] = None,
) -> None:
    """Convert a published head model to what mien reads; nothing in the file is executed."""
    from mien.convert import importers

    target = out or artefacts.folder() / f"{kind}.safetensors"
    importers.convert(kind, path, target)
    say(str(target))
