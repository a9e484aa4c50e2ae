"""Pictures of films by subject, task and number, and the files of numbers that go with them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mien import aus, files
from mien.data.layouts.corpus import relative


def numbered(root: Path, place: str) -> dict[int, str]:
    """The pictures of a folder such as ``F001/T1``, wherever it lies below the root, by the number in their name: ``00012.jpg`` is 12."""
    for pattern in (place, f"*/{place}", f"*/*/{place}"):
        for found in sorted(root.glob(pattern)):
            pictures = [path for path in found.iterdir() if path.suffix.lower() in files.PICTURES] if found.is_dir() else []
            if by_number := {int(path.stem): relative(root, path) for path in pictures if path.stem.isdecimal()}:
                return by_number
    return {}


def pairs(path: Path) -> dict[int, int]:
    """A file of ``frame,intensity`` lines; a first line of words is skipped. Raises `ValueError` that names the line."""
    told: dict[int, int] = {}
    for number, line in enumerate(path.read_text().split()):
        fields = line.split(",")
        if number == 0 and not fields[0].isdecimal():
            continue
        if len(fields) != 2 or not all(field.isdecimal() for field in fields):
            raise ValueError(f"line {number + 1} is {line!r} instead of a frame and an intensity")
        told[int(fields[0])] = int(fields[1])
    return told


def present(unit: int) -> str:
    """The column that says whether a unit is present, 0 or 1; its intensity has the unit's own column."""
    return f"{aus.column(unit)}_present"


def runs(numbers: Iterable[int]) -> str:
    """Numbers in few words: ``1-3, 7``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def fold_of(subject: str, folds: Mapping[int, frozenset[str]]) -> str:
    """The fold that a subject is tested in, "" when it is in none."""
    return next((f"fold {number}" for number, subjects in folds.items() if subject in subjects), "")
