"""``mien weights import``: published models, once, into files that mien reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from mien.convert import flame, ict
from mien.errors import UsageError, one_of
from mien.geometry import head
from mien.geometry.head import HeadModel


def _ict(path: Path) -> HeadModel:
    """With the files that give it action units and landmarks, where they lie beside it."""
    mapping, marks = (path.parent / name for name in ("facs_mapping.json", "facemesh_to_ict.npz"))
    known = mapping if mapping.is_file() else None
    return ict.head_of(ict.read(path), mapping=known, facemesh_path=marks if marks.is_file() else None)


FORMATS: Mapping[str, Callable[[Path], HeadModel]] = MappingProxyType({"flame": flame.load, "ict": _ict})


def convert(kind: str, path: Path, out: Path) -> None:
    """Read a published model and write it as safetensors, for `mien.geometry.head.load`.

    Raises `UsageError` for an unknown format, `DataError` or `WeightsError` for a file that is not of that format.
    """
    if kind not in FORMATS:
        raise UsageError(f"format {one_of(kind, FORMATS)}")
    head.save(FORMATS[kind](path), out)
