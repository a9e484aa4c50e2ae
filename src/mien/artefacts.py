"""Files that do not ship with mien: which there are, under which licence, and how a user gets them.

The register is `assets/registry.toml`. Nothing is fetched unless `fetch` is called, which `mien weights get` alone does.
"""

import hashlib
import http
import os
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import platformdirs

from mien.errors import WeightsError, one_of

_CHUNK = 1 << 18
_TIMEOUT = 30.0  # seconds without an answer


@dataclass(frozen=True)
class Artefact:
    """One entry of the register."""

    name: str
    what: str
    page: str  #: where it is described and where its licence can be read
    licence: str  #: an SPDX expression, or a LicenseRef
    terms: str  #: who may use it how, in a few words
    file: str = ""  #: its name in `folder`
    url: str = ""  #: "" when it has to be fetched by hand
    sha256: str = ""
    converter: str = ""  #: the FORMAT of ``mien weights import``


def register() -> Mapping[str, Artefact]:
    """Every known artefact by name."""
    text = resources.files("mien.assets").joinpath("registry.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    return MappingProxyType({name: Artefact(name=name, converter=fields.pop("import", ""), **fields) for name, fields in entries.items()})


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
    """The file of an artefact on this machine, or None."""
    entry = known(name)
    path = folder() / entry.file
    return path if entry.file and path.is_file() else None


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def fetch(name: str, *, offline: bool = False, on_progress: Callable[[int, int], None] | None = None) -> Path:
    """Download an artefact to `folder`, check its SHA-256 and give its path; a file that is there and right is not fetched again.

    A broken download goes on where it stopped; the file appears whole or not at all. With `offline` no socket is opened.
    `on_progress` is told, for each piece, its bytes and those of the whole file (0: the server does not say).
    Raises `WeightsError` when the file cannot be had.
    """
    entry = known(name)
    if not entry.url:
        cure = f", then `mien weights import {entry.converter} FILE`" if entry.converter else ""
        raise WeightsError(f"{name} cannot be fetched by a program ({entry.terms}): get it from {entry.page}{cure}")
    path = folder() / entry.file
    if path.is_file() and digest(path) == entry.sha256:
        return path
    if offline:
        raise WeightsError(f"{name} is not in {folder()}, and --offline forbids fetching it: copy {entry.file} there")
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(entry.url, partial, on_progress or (lambda done, total: None))
    except urllib.error.URLError as error:
        raise WeightsError(f"cannot fetch {entry.url} ({error.reason}): check the network, or copy {path.name} to {path.parent}") from error
    except OSError as error:
        raise WeightsError(f"cannot fetch {name} to {path.parent} ({error}): try again, or name another folder with MIEN_CACHE") from error
    if digest(partial) != entry.sha256:
        partial.unlink()
        raise WeightsError(f"what {entry.url} sends is not the registered {name} (its SHA-256 differs): see {entry.page} for what changed")
    os.replace(partial, path)  # noqa: PTH105 - atomic on every platform
    return path


def _download(url: str, partial: Path, on_progress: Callable[[int, int], None]) -> None:
    """Append what is still missing of a file to `partial`, or begin anew when the server cannot go on in the middle."""
    done = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "mien", **({"Range": f"bytes={done}-"} if done else {})})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is there already; the digest decides
        raise
    with response:
        done = done if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        total = done + int(response.headers.get("Content-Length", 0))
        with partial.open("ab" if done else "wb") as file:
            while chunk := response.read(_CHUNK):
                done += file.write(chunk)
                on_progress(len(chunk), total)
    if done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")
