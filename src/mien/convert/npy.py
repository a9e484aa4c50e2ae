"""NumPy's files, ``.npy`` and ``.npz``, whose headers are believed only as far as the bytes behind them go."""

import io
import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np

from mien.convert import torchfile
from mien.convert.builders import run
from mien.convert.machine import whole
from mien.convert.standins import finish
from mien.errors import WeightsError

_SUFFIX = ".npy"


def read(path: Path) -> Any:
    """The array of a ``.npy``, what it pickles for one of objects, or the arrays of a ``.npz`` by name.

    Raises `WeightsError` that begins with the path.
    """
    with whole(str(path), "file of arrays"):
        file = io.BytesIO(path.read_bytes())
        if bytes(file.getbuffer()[: len(torchfile.ZIP)]) != torchfile.ZIP:
            return _array(file, file.getbuffer().nbytes)
        with zipfile.ZipFile(file) as archive:
            return _arrays(archive)


def is_archive(path: Path) -> bool:
    """Whether a zip archive holds arrays and nothing else; raises `WeightsError` when it is no whole archive."""
    with whole(str(path), "zip archive"), zipfile.ZipFile(path) as archive:
        return all(name.endswith(_SUFFIX) for name in archive.namelist())


def _arrays(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    held: dict[str, Any] = {}
    for info in archive.infolist():
        if info.flag_bits & torchfile.ENCRYPTED:
            raise WeightsError(f"its {info.filename} is encrypted")
        with archive.open(info) as member:
            held[info.filename.removesuffix(_SUFFIX)] = _array(cast(io.BufferedIOBase, member), info.file_size)
    return held


def _array(file: io.BufferedIOBase, size: int) -> Any:
    """One array from a file of `size` bytes."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise WeightsError(f"an array is of version {version} of NumPy's format, which nobody writes for numbers")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = header(file)
    if kind.hasobject:
        return finish(run(file, persistent=_elsewhere, nested=torchfile.nested))
    wanted, there = prod(shape) * kind.itemsize, size - file.tell()
    if wanted != there:
        raise WeightsError(f"an array of shape {shape} and type {kind} needs {wanted} bytes, the file has {there} for it")
    return np.frombuffer(file.read(wanted), kind).reshape(shape, order="F" if fortran else "C").copy(order="K")


def _elsewhere(_: Any) -> Any:
    raise WeightsError("the pickle of an array refers to something outside itself: refused")
