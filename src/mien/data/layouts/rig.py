"""DiffusionRig's LMDB: pictures with the buffers of the head that was fitted to them.

Under ``image_NNNNNN`` lies a PNG, under ``rendered_``, ``normal_`` and ``albedo_NNNNNN`` the pickle of a float32 tensor [3, s, s]
(read by an allow-list: nothing in it is run), under ``length`` their count. The database needs the package ``lmdb``.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from mien.convert import unpickle
from mien.data.problems import Problem
from mien.data.sources.lmdbs import environment, value_of
from mien.data.sources.pictures import decode
from mien.data.sources.protocol import PerProcess, Picture
from mien.errors import DataError

BUFFERS = ("rendered", "normal", "albedo")  #: in the order of the network's input
_KEY = re.compile(r"(image|rendered|normal|albedo)_(\d{6})")


class RigData:
    """The whole items of a database, in the order of their numbers."""

    def __init__(self, path: Path | str) -> None:
        """Walk through the keys; raises `DataError` when it has no whole item."""
        self._path = Path(path).expanduser().absolute()
        if not self._path.exists():
            raise DataError(f"{self._path}: there is no such database")
        self._environment = PerProcess(partial(environment, self._path))
        found: dict[str, set[str]] = {}
        with self._environment().begin() as transaction:
            for key in transaction.cursor().iternext(keys=True, values=False):
                if match := _KEY.fullmatch(key.decode(errors="replace")):
                    found.setdefault(match[2], set()).add(match[1])
            length = transaction.get(b"length")
        lacking = {number: [part for part in ("image", *BUFFERS) if part not in parts] for number, parts in found.items()}
        problems = [Problem(number, f"{' and '.join(parts)} missing; it is left out") for number, parts in lacking.items() if parts]
        if length is None or not length.isdigit() or int(length) != len(found):
            said = "nothing" if length is None else length.decode(errors="replace")
            problems.append(Problem("length", f"it says {said}, but there are {len(found)} items"))
        self._numbers = tuple(number for number, parts in lacking.items() if not parts)
        self.problems: Sequence[Problem] = problems
        if not self._numbers:
            raise DataError(
                f"{self._path} has no whole item image_, rendered_, normal_ and albedo_NNNNNN: make it with DiffusionRig's tools"
            )

    def __len__(self) -> int:
        return len(self._numbers)

    def image(self, index: int) -> Picture:
        """The picture of an item."""
        name = f"image_{self._numbers[index]}"
        return decode(value_of(self._environment(), name, self._path), name)

    def buffers(self, index: int) -> Float32[np.ndarray, "9 s s"]:
        """Rendered (nominally 0..1, not clipped), normal (-1..1) and albedo (0..1) of an item, zero outside the face."""
        return np.concatenate([self._buffer(f"{part}_{self._numbers[index]}") for part in BUFFERS])

    def _buffer(self, name: str) -> Float32[np.ndarray, "3 s s"]:
        told = unpickle.loads(value_of(self._environment(), name, self._path), f"{self._path.name}: {name}")
        if not isinstance(told, torch.Tensor) or told.ndim != 3 or told.shape[0] != 3 or told.shape[1] != told.shape[2]:
            raise DataError(f"{self._path.name}: {name} holds no tensor [3, s, s]")
        return told.detach().numpy().astype(np.float32)
