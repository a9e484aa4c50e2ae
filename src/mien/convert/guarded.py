"""Conversion in a process of its own, with limits: a file that hangs or swells its reader takes nothing else down.

Nothing in a published file is executed in any case (`mien.convert.machine`); this is the wall behind that one. Memory is limited where the
system can do it (Linux); time everywhere. The result appears whole or not at all.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mien import errors
from mien.convert import importers
from mien.convert.importers import NONE, Options
from mien.errors import WeightsError

_GIB, _MIB = 2**30, 2**20


@dataclass(frozen=True)
class Limits:
    """What a conversion may take."""

    seconds: float
    memory: int  #: bytes of data, without the libraries

    @classmethod
    def of(cls, *paths: Path) -> "Limits":
        """Plenty for honest files or folders: each number is held a few times over, and text is read at a megabyte a second."""
        files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        return cls(seconds=120 + size / _MIB, memory=3 * _GIB + 6 * size)


def convert(kind: str, path: Path, out: Path, limits: Limits | None = None, options: Options = NONE) -> Path:
    """As `mien.convert.importers.convert`, with limits; returns the file that it wrote. Raises `WeightsError` as well when a limit is met.

    `out` is a file, or a folder that is there: in it the file is named by what was made (`mien.convert.importers.name_of`).
    """
    importers.check(kind, options)
    limits = limits or Limits.of(path, *(value for value in options.values() if isinstance(value, Path)))
    told = json.dumps({name: str(value) for name, value in options.items()})
    folder = out if out.is_dir() else out.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=folder) as scratch:
        made = Path(scratch) / "made.safetensors"
        command = [sys.executable, "-P", "-m", "mien.convert.worker", kind, str(path), str(made), str(limits.memory), told]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limits.seconds, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise WeightsError(f"{path} was not read after {limits.seconds:.0f} s, far longer than its size needs: refused") from None
        if done.returncode:
            raise _told(path, done, limits)
        if out.is_dir():
            out = out / f"{importers.name_of(kind, made)}.safetensors"
        os.replace(made, out)  # noqa: PTH105 - atomic on every platform
    return out


def _told(path: Path, done: subprocess.CompletedProcess[str], limits: Limits) -> errors.MienError:
    """The error that the worker tells in its last line, or that it died of."""
    try:
        told = json.loads(done.stdout.splitlines()[-1])
        kind = getattr(errors, told["error"], None)
        if isinstance(kind, type) and issubclass(kind, errors.MienError):
            return kind(told["text"])
    except (ValueError, IndexError, KeyError, TypeError):
        pass
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return WeightsError(f"the process that read {path} ended early ({last}); its limit was {limits.memory / _GIB:.1f} GiB of memory")
