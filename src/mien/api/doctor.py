"""Is this installation well? What is there, what fits, and does an edit work?"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import mien
from mien import artefacts, weights
from mien.errors import MienError

_LEAST_RISE = 0.5  # FACS steps, of two that are asked for
State = Literal["ok", "note", "bad"]
_EXTRAS = {"parquet": "pyarrow", "c2pa": "c2pa", "ray": "ray", "train": "ai_edge_litert"}
_LIBRARIES = ("torch", "numpy", "scipy", "opencv-python-headless", "pillow", "dlib-bin", "pandas", "av", "safetensors")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State  #: bad: something will fail; note: worth knowing
    says: str


def examine() -> Iterator[Finding]:
    """All findings, one after the other; the last one edits a face and takes about a second."""
    yield Finding("mien", "ok", f"{mien.__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    yield _libraries()
    yield _torch()
    yield _torchvision()
    yield from _bundled()
    yield _cache()
    yield _extras()
    yield _checked("an edit", _edit)


def _checked(what: str, check: Callable[[], str]) -> Finding:
    """A finding that is ok when the check returns and bad when it raises, whatever it raises."""
    try:
        return Finding(what, "ok", check())
    except Exception as error:
        return Finding(what, "bad", f"{type(error).__name__}: {error}")


def _libraries() -> Finding:
    return _checked("libraries", lambda: ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES))


def _torch() -> Finding:
    import torch

    device = f"GPU {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else "no GPU, none needed"
    return Finding("torch", "ok", f"{torch.get_num_threads()} threads on {os.cpu_count()} cores, {device}")


def _torchvision() -> Finding:
    """A torchvision built for another torch breaks every package that imports it; mien does not import it."""
    try:
        needs = importlib.metadata.requires("torchvision") or []
    except importlib.metadata.PackageNotFoundError:
        return Finding("torchvision", "ok", "not installed, and not needed")
    wanted = next((match[1] for need in needs if (match := re.match(r"torch\s*\(?==\s*([\d.]+)", need))), None)
    have = importlib.metadata.version("torch").split("+")[0]
    if wanted and not have.startswith(wanted):
        says = f"is built for torch {wanted}, but torch is {have}: mien works, other packages fail; pip uninstall torchvision"
        return Finding("torchvision", "note", says)
    return Finding("torchvision", "ok", f"fits torch {have}; mien does not use it")


def _bundled() -> Iterator[Finding]:
    for line in (weights.assets() / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        expected, file = line.split()
        path = weights.assets() / file
        if not path.is_file():
            yield Finding(file, "bad", "is missing: reinstall mien")
        elif artefacts.digest(path) != expected:
            yield Finding(file, "bad", "is not the file that was shipped: reinstall mien")
        else:
            yield Finding(file, "ok", f"{path.stat().st_size / 2**20:.1f} MiB, as shipped")


def _cache() -> Finding:
    folder = artefacts.folder()
    here = [name for name in artefacts.register() if artefacts.installed(name)]
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        return Finding("cache", "bad", f"{folder} cannot be written: name another folder with MIEN_CACHE")
    return Finding("cache", "ok", f"{folder}, with {', '.join(here) or 'nothing fetched'}")


def _extras() -> Finding:
    there = [extra for extra, module in _EXTRAS.items() if importlib.util.find_spec(module)]
    missing = [extra for extra in _EXTRAS if extra not in there]
    return Finding("extras", "ok", f"with {', '.join(there) or 'none'}; without {', '.join(missing) or 'none'}")


def _edit() -> str:
    """Draw the bundled head, ask it to smile, and measure whether it does."""
    from mien.api.editing import edit
    from mien.data.renders import render
    from mien.geometry import head

    start = time.perf_counter()
    result = edit(render(head.bundled()).photo, "AU12=+2")
    row = result.report.set_index("au").loc["AU12"]
    if not row.achieved >= row.before + _LEAST_RISE:
        raise MienError(f"asked for two steps more of a smile, the face shows AU12 {row.achieved:.1f} after {row.before:.1f}")
    return f"a drawn face was found and made to smile: AU12 {row.before:.1f} to {row.achieved:.1f} in {time.perf_counter() - start:.1f} s"
