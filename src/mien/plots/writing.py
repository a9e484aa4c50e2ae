"""Figures as files."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure

from mien import files
from mien.errors import DataError


def write(figure: Figure, path: Path | str, *, inputs: Iterable[Path] = ()) -> Path:
    """Write a figure as .png, .pdf or .svg, over none of the files `inputs`; the file appears whole or not at all."""
    path = Path(path)
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise DataError(f"cannot draw a plot to {path.name}: name it .png, .pdf or .svg")
    with files.replacing(path, inputs=inputs, error=DataError) as partial:
        figure.savefig(partial, dpi=150, format=path.suffix[1:].lower())
    return path
