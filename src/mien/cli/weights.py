"""``mien weights``: what ships, what else there is, and how to get it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from mien import artefacts
from mien.artefacts import Artefact
from mien.cli.console import note, progress, say, say_table
from mien.errors import WeightsError, one_of

app = typer.Typer(name="weights", help="Bundled weights and further artefacts: list, show, path, get, import.", no_args_is_help=True)

_MIB = 2**20
_NOBODY = "nothing in this version of mien reads it yet"

CommercialOnly = Annotated[bool, typer.Option("--commercial-only", help="Only what may be used for anything, commerce too.")]


def _assets() -> Path:
    from mien import weights

    return weights.assets()


def _files(folder: Path) -> list[Path]:
    return artefacts.weight_files(folders=[folder])


@app.command("list")
def list_all(commercial_only: CommercialOnly = False) -> None:
    """What ships with mien, what was imported, and what can be added."""
    own = [(path.stem, f"{path.stat().st_size / _MIB:.1f}", _about(path.with_suffix(".md"))) for path in _files(_assets())]
    say_table(["bundled", "MiB", "what"], own, right=["MiB"])
    imported = [] if commercial_only else _files(artefacts.folder())
    if imported:
        rows = [(path.stem, f"{path.stat().st_size / _MIB:.1f}", _about(path.with_suffix(".md"))) for path in imported]
        say_table(["imported", "MiB", "what"], rows, right=["MiB"])
    entries = [entry for entry in artefacts.register().values() if entry.use == "any" or not commercial_only]
    here = {entry.name: "yes" if artefacts.installed(entry.name) else "get" if entry.url else "by hand" for entry in entries}
    read = {entry.name: "yes" if entry.used_by else "not yet" for entry in entries}
    columns = ["artefact", "here", "use", "read", "what"]
    say_table(columns, [(entry.name, here[entry.name], entry.use, read[entry.name], entry.what) for entry in entries])


def _about(card: Path) -> str:
    """The first sentence of a model card, below its heading, without the places in the code that it names in brackets."""
    parts = card.read_text(encoding="utf-8").split("\n\n") if card.is_file() else []
    text = next((" ".join(part.split()) for part in parts if not part.startswith("#")), "")
    return re.sub(r" \(`[^)]*\)", "", text).split(". ")[0].rstrip(".")


@app.command()
def show(name: Annotated[str, typer.Argument(help="A bundled or imported weight file, or an artefact.")]) -> None:
    """The model card of a file, or the entry of an artefact."""
    cards = [folder / f"{name}.md" for folder in (_assets(), artefacts.folder())]
    if card := next((card for card in cards if card.is_file()), None):
        say(card.read_text(encoding="utf-8").rstrip())
        return
    entry = _known(name)
    agreed = artefacts.agreed().get(name)
    fields = {
        "what": entry.what,
        "enables": entry.enables,
        "read by": entry.used_by or _NOBODY,
        "page": entry.page,
        "licence": entry.licence,
        "use": entry.terms if entry.terms.startswith(entry.use) else f"{entry.use}: {entry.terms}",
        "shown": f"{agreed.when}, for {agreed.what}" if agreed else "",
        "file": entry.file,
        "bytes": f"{entry.size:,}" if entry.size else "",
        "sha256": entry.sha256,
        "url": entry.url,
        "import": f"mien weights import {entry.importable_as} FILE" if entry.format else "",
        "here": str(artefacts.installed(name) or ""),
    }
    say_table([entry.name, ""], [(key, value) for key, value in fields.items() if value])


def _known(name: str) -> Artefact:
    entries = artefacts.register()
    if name not in entries:
        raise WeightsError(f"{one_of(name, [*[path.stem for path in _files(_assets())], *entries])}; mien weights list shows all")
    return entries[name]


@app.command()
def path(name: Annotated[str | None, typer.Argument(help="A bundled or imported file, or an artefact.")] = None) -> None:
    """Where a file is, or the folder of those that were fetched and imported; exit code 1 when it is not on this machine."""
    if name is None:
        say(str(artefacts.folder()))
        return
    files = [folder / f"{name}.safetensors" for folder in (_assets(), artefacts.folder())]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        entry = _known(name)
        found = artefacts.installed(name)
        if found is None:
            raise WeightsError(f"{name} is not on this machine: mien weights get {name}")
        _licences([entry], "path")
    say(str(found))


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="The artefact.")],
    offline: Annotated[bool, typer.Option("--offline", help="Open no socket: only check what is here.")] = False,
    commercial_only: CommercialOnly = False,
) -> None:
    """Fetch an artefact, check its SHA-256 and keep it in the cache folder."""
    entry = _known(name)
    _allowed([entry], commercial_only)
    if entry.url and (not offline or artefacts.installed(name)):
        _licences([entry], "get")
    with progress(f"fetching {name}", total=entry.size or None) as tick:
        say(str(artefacts.fetch(name, offline=offline, on_progress=lambda step, _: tick(step))))


def _allowed(entries: Sequence[Artefact], commercial_only: bool) -> None:
    if commercial_only and not (entries and all(entry.use == "any" for entry in entries)):
        why = "; ".join(f"{entry.name}: {entry.terms}" for entry in entries if entry.use != "any") or "its licence is not known"
        raise WeightsError(f"--commercial-only forbids it ({why}): leave the option out, or see mien weights list --commercial-only")


def _licences(entries: Iterable[Artefact], what: str) -> None:
    """Show each licence at its first use, and note that it was shown."""
    for entry in entries:
        if artefacts.record(entry, what):
            note(f"{entry.name}: {entry.what}\nlicence {entry.licence} ({entry.terms}), see {entry.page}")


@app.command("import")
def import_model(
    kind: Annotated[str, typer.Argument(metavar="FORMAT", help="arcface, inception, lpips, .. or tensors for any other checkpoint.")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="As its makers publish it: generic_model.pkl, FaceXModel/, model.pth.")],
    *,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where to write; else NAME.safetensors in the cache folder.")] = None,
    encoder: Annotated[Path | None, typer.Option(help="fgnet: the encoder.pt that has the average code.")] = None,
    corpus: Annotated[str | None, typer.Option(help="fgnet: BP4D or DISFA, where the file does not tell.")] = None,
    commercial_only: CommercialOnly = False,
) -> None:
    """Convert a published model to what mien reads, in a process of its own; nothing in the file is executed."""
    from mien.convert import card, guarded, importers

    options = ({"encoder": encoder} if encoder else {}) | ({"corpus": corpus} if corpus else {})
    importers.check(kind, options)
    candidates = artefacts.matching(path, kind)
    beside = artefacts.matching(encoder, "psp") if encoder else ()
    _allowed([*candidates, *beside], commercial_only)
    _licences([*candidates, *beside], "import")
    name = candidates[0].name if len(candidates) == 1 else path.stem if kind == importers.TENSORS else ""
    folder = artefacts.folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = guarded.convert(kind, path, out or (folder / f"{name}.safetensors" if name else folder), options=options)
    candidates = tuple(entry for entry in candidates if entry.name == target.stem) or candidates
    card.write(target, kind, [path, *([encoder] if encoder else [])], [*candidates, *beside])
    say(str(target))
