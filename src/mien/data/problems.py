"""What is wrong with a data set, file by file: told by name, never passed over in silence."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is not as it should be."""

    name: str  #: the picture, row or file
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


def many(names: Iterable[str], why: str) -> list[Problem]:
    """The same problem of several files."""
    return [Problem(name, why) for name in names]
