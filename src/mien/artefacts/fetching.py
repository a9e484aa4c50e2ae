"""Downloads: resumed where they broke off, checked against their SHA-256, and there whole or not at all.

Nothing is fetched unless `fetch` is called, which `mien weights get` alone does; and nothing whose sum the register does not have.
"""

import os
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from mien.artefacts.entries import Artefact, digest, folder, known
from mien.errors import WeightsError

_CHUNK = 1 << 18
_TIMEOUT = 30.0  # seconds without an answer
_LARGEST = 1 << 32  # bytes of a file whose size the register does not know
_WHOLE, _REFUSED_RANGE = 200, 416  # answers of HTTP

Told = Callable[[int, int], None]  #: is told, for each piece, its bytes and those of the whole download (0: the server does not say)


def fetch(name: str, *, offline: bool = False, on_progress: Told | None = None) -> Path:
    """Download an artefact to `folder`, check its SHA-256 and give its path; a file that is there and right is not fetched again.

    A broken download goes on where it stopped. With `offline` no socket is opened. Raises `WeightsError` when the file cannot be had.
    """
    entry = known(name)
    if not entry.url:
        cure = f", then `mien weights import {entry.importable_as} FILE`" if entry.format else ""
        raise WeightsError(f"{name} cannot be fetched by a program ({entry.terms}): get it from {entry.page}{cure}")
    path = folder() / entry.file
    if path.is_file() and digest(path) == entry.sha256:
        return path
    if offline:
        raise WeightsError(f"{name} is not in {folder()}, and --offline forbids fetching it: copy {entry.file} there")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=0):
            return _fetched(entry, path, on_progress or (lambda step, total: None))
    except Timeout as error:
        raise WeightsError(f"another mien is fetching {name} to {path.parent}: wait until it is done") from error
    except OSError as error:  # of which those of the network are a kind
        raise _told(entry, path, error) from error
    finally:
        partial = _partial(path)
        if partial.is_file() and not partial.stat().st_size:
            partial.unlink()


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _fetched(entry: Artefact, path: Path, on_progress: Told) -> Path:
    partial = _partial(path)
    resumed = partial.is_file()
    _download(entry, partial, on_progress)
    if resumed and digest(partial) != entry.sha256:  # what lay there was the beginning of another file
        partial.unlink()
        _download(entry, partial, on_progress)
    if digest(partial) != entry.sha256:
        partial.unlink()
        raise WeightsError(
            f"what {entry.url} sends is not the registered {entry.name} (its SHA-256 differs): see {entry.page} for what changed"
        )
    os.replace(partial, path)  # noqa: PTH105 - atomic on every platform
    return path


def _download(entry: Artefact, partial: Path, on_progress: Told) -> None:
    """Append what is still missing of a file to `partial`, or begin anew when the server cannot go on in the middle.

    Raises `WeightsError`, and leaves `partial` empty, when the server sends more than the file has.
    """
    import pooch
    import requests

    with partial.open("ab") as file:
        done = file.tell()
        headers = {"User-Agent": "mien", "Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
        hooks = {"response": lambda response, **_: _begin_anew(file) if response.status_code == _WHOLE else None}
        meter: Any = _Meter(on_progress)  # pooch's stubs know only its own bar
        transport = pooch.HTTPDownloader(progressbar=meter, chunk_size=_CHUNK, headers=headers, hooks=hooks, timeout=_TIMEOUT)
        try:
            target: Any = _Bounded(file, entry)
            transport(entry.url, target, None)
        except requests.HTTPError as error:
            if not done or error.response is None or error.response.status_code != _REFUSED_RANGE:
                raise  # else all of it is there already, and the digest decides


def _begin_anew(file: BufferedIOBase) -> None:
    file.seek(0)
    file.truncate()


class _Bounded:
    """The file of a download, which takes no more bytes than the register says."""

    def __init__(self, file: BufferedIOBase, entry: Artefact) -> None:
        self._file = file
        self._entry = entry

    def write(self, piece: bytes) -> None:
        """Take a piece."""
        most = self._entry.size or _LARGEST
        if self._file.tell() + len(piece) > most:
            _begin_anew(self._file)
            raise WeightsError(f"{self._entry.url} sends more than the {most:,} bytes of {self._entry.name}: see {self._entry.page}")
        self._file.write(piece)

    def flush(self) -> None:
        """What was taken is in the file."""
        self._file.flush()


class _Meter:
    """Turns what pooch tells a progress bar into pieces that together are the whole."""

    def __init__(self, told: Told) -> None:
        self.total = 0
        self._tell = told
        self._sum = self._told = 0

    def update(self, step: int) -> None:
        """A piece has come; pooch counts the last, short one as a whole one."""
        self._sum += step
        piece = min(self._sum, self.total or self._sum) - self._told
        if piece > 0:
            self._tell(piece, self.total)
            self._told += piece

    def reset(self) -> None:
        """Pooch counts once more from 0 at the end."""
        self._sum = 0

    def close(self) -> None:
        """Nothing is open."""


def _told(entry: Artefact, path: Path, error: OSError) -> WeightsError:
    """What went wrong in one line, with the cure: an answer that is no file, a broken connection, none at all, or the disk."""
    cure = f"or copy {path.name} to {path.parent}"
    answer: Any = getattr(error, "response", None)
    if answer is not None:
        return WeightsError(f"{entry.url} answers {answer.status_code} {answer.reason}: see {entry.page}, {cure}")
    if not type(error).__module__.startswith("requests"):
        return WeightsError(f"cannot fetch {entry.name} to {path.parent} ({error}): name another folder with MIEN_CACHE")
    partial = _partial(path)
    done = partial.stat().st_size if partial.is_file() else 0
    if done:
        return WeightsError(f"the connection for {entry.url} ended after {done:,} bytes: the same command goes on from there, {cure}")
    return WeightsError(f"no connection to {urlsplit(entry.url).netloc} for {entry.url}: check the network, {cure}")
