"""The register of published files that mien knows, `assets/registry.toml`, and which of them are on this machine."""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import platformdirs

from mien.errors import WeightsError, one_of

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Artefact:
    """One entry of the register; what nobody has published is "" or 0."""

    name: str
    what: str
    enables: str  #: what can be done with it
    page: str  #: where it is described and where its licence can be read
    licence: str  #: an SPDX expression, a LicenseRef, or NOASSERTION
    use: Literal["any", "research", "unclear"]  #: what the licence allows
    terms: str  #: who may use it how, in a few words
    file: str = ""  #: its name as published, and in `folder`
    size: int = 0  #: bytes
    url: str = ""  #: "" when it has to be fetched by hand
    sha256: str = ""
    format: str = ""  #: the FORMAT of ``mien weights import``
    used_by: str = ""  #: what in this version of mien reads it; "" when nothing does yet

    @property
    def importable_as(self) -> str:
        """The FORMAT that works now: its own, or ``tensors`` while nothing reads that."""
        return self.format if self.used_by else "tensors"


@cache
def register() -> Mapping[str, Artefact]:
    """Every known artefact by name."""
    text = resources.files("mien.assets").joinpath("registry.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: Artefact(name=name, **fields) for name, fields in tomllib.loads(text).items()})


def known(name: str) -> Artefact:
    """The entry of that name; raises `WeightsError` when there is none."""
    entries = register()
    if name not in entries:
        raise WeightsError(f"artefact {one_of(name, entries)}")
    return entries[name]


def folder() -> Path:
    """Where fetched and converted files are kept: ``$MIEN_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("MIEN_CACHE") or platformdirs.user_cache_dir("mien"))


def installed(name: str) -> Path | None:
    """The file of an artefact on this machine, converted or as published, or None."""
    entry = known(name)
    names = [*([f"{name}.safetensors"] if entry.format else []), *([entry.file] if entry.file else [])]
    return next((folder() / name for name in names if (folder() / name).is_file()), None)


def matching(path: Path, kind: str) -> tuple[Artefact, ...]:
    """The artefacts that a file of the user's may be: by its SHA-256, else by its name, else all of that format."""
    entries = register().values()
    told = digest(path) if path.is_file() else ""
    tests = (
        lambda entry: bool(told) and entry.sha256 == told,
        lambda entry: entry.file == path.name,
        lambda entry: entry.format == kind,
    )
    return next((found for test in tests if (found := tuple(entry for entry in entries if test(entry)))), ())


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()
