"""The model card that stands beside every imported file: what it was made of, by what, and under which licence it may be used."""

from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from mien import weights
from mien.artefacts import Artefact, digest

_UNKNOWN = "not in mien's register: whoever published the file says what may be done with it"


def write(out: Path, kind: str, sources: Sequence[Path], candidates: Iterable[Artefact]) -> Path:
    """Write the card of ``out`` beside it, and return its path; `candidates` are the artefacts that the `sources` may be."""
    held = weights.load(out).tensors
    numbers = sum(tensor.numel() for tensor in held.values())
    entries = list(candidates)
    rows = {
        "made of": " and ".join(map(_described, sources)),
        "format": kind,
        "by": f"`mien weights import`, mien {metadata.version('mien')}",
        "holds": f"{len(held)} tensors, {numbers:,} numbers",
        "licence": "; ".join(f"{entry.licence} ({entry.terms}), {entry.page}" for entry in entries) or _UNKNOWN,
    }
    what = " or ".join(dict.fromkeys(entry.what for entry in entries)) or "Tensors of a published checkpoint"
    table = "\n".join(f"| {name} | {text} |" for name, text in rows.items())
    card = out.with_suffix(".md")
    card.write_text(f"# Model card: `{out.name}`\n\n{what}.\n\n| | |\n|---|---|\n{table}\n", encoding="utf-8")
    return card


def _described(source: Path) -> str:
    told = f"{source.stat().st_size:,} bytes, SHA-256 `{digest(source)}`" if source.is_file() else "a folder"
    return f"`{source.name}`, {told}"
