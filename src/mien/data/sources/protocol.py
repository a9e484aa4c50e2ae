"""What a source of pictures promises."""

import os
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from mien.data.problems import Problem

Picture = UInt8[np.ndarray, "h w 3"]
T = TypeVar("T")


@runtime_checkable
class Source(Protocol):
    """Pictures by number. The order is the same at every opening; it can be pickled; reading a picture changes nothing."""

    @property
    def names(self) -> Sequence[str]:
        """One for each picture, all different."""
        ...

    @property
    def problems(self) -> Sequence[Problem]:
        """What was seen at opening and could not be taken, such as empty files; these have no number."""
        ...

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def read(self, index: int) -> Picture:
        """The picture, upright sRGB; raises `DataError` that names it when it is damaged."""
        ...

    def stamp(self, index: int) -> str:
        """A text that changes when the picture does: what a cache goes by."""
        ...


@runtime_checkable
class Store(Protocol):
    """Encoded pictures by number: what a folder and an archive have in common."""

    @property
    def names(self) -> Sequence[str]:
        """One for each picture."""
        ...

    @property
    def problems(self) -> Sequence[Problem]:
        """What could not be taken."""
        ...

    def fetch(self, index: int) -> bytes:
        """The bytes of the picture's file; raises `DataError`, `OSError`."""
        ...

    def stamp(self, index: int) -> str:
        """A text that changes when the bytes do."""
        ...


class PerProcess(Generic[T]):
    """Something open that must not be shared by processes: opened when first used in each, left behind by pickle."""

    def __init__(self, opening: Callable[[], T]) -> None:
        self._opening = opening
        self._process = -1
        self._open: T | None = None

    def __call__(self) -> T:
        """The open thing of this process."""
        if self._open is None or self._process != os.getpid():
            self._open, self._process = self._opening(), os.getpid()
        return self._open

    def __getstate__(self) -> dict[str, object]:
        """Without what is open."""
        return {"_opening": self._opening, "_process": -1, "_open": None}


def stamp_of(path: os.PathLike[str]) -> str:
    """The name, size and time of change of a file."""
    seen = os.stat(path)  # noqa: PTH116 - Path.stat would do the same for Paths alone
    return f"{os.path.abspath(path)}|{seen.st_size}|{seen.st_mtime_ns}"  # noqa: PTH100 - links are not followed
