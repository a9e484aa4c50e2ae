"""Which weight files are on this machine, by what they say that they are."""

from collections.abc import Sequence
from pathlib import Path

from mien.artefacts.entries import folder


def weight_files(*kinds: str, folders: Sequence[Path] | None = None) -> list[Path]:
    """The weight files of these kinds, of any where none is named: folder by folder, in each the kinds as named, files by name.

    Without `folders`: what was imported or put into the cache folder, then what ships with mien. So the first is the one to take.
    """
    from mien import weights  # only where files are asked for: it brings torch along

    folders = (folder(), weights.assets()) if folders is None else folders
    there = [sorted(where.glob("*.safetensors")) for where in folders]
    if not kinds:
        return [path for files in there for path in files]
    told = [[(path, weights.kind(path)) for path in files] for files in there]
    return [path for files in told for kind in kinds for path, held in files if held == kind]
