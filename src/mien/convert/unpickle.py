"""Reads pickles of arrays without trusting them: an allow-list of what they may build; nothing else is ever looked up or run.

Allowed are plain containers, NumPy arrays and scalars, SciPy sparse matrices, torch tensors on the CPU, and stand-ins for chumpy
objects, which come out as the arrays they hold. Everything else in a pickle, such as a call of ``os.system``, is refused before it acts.
"""

import codecs
import collections
import io
import pickle  # only the machinery; find_class below decides what exists
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch._utils import _rebuild_tensor_v2 as rebuild_tensor

from mien.errors import WeightsError

_SPARSE = {"csc": sparse.csc_matrix, "csr": sparse.csr_matrix}


class ChumpyArray:
    """Stands in for ``chumpy.ch.Ch`` and its kind: keeps the state, gives the array ``x``."""

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.state = dict(state) if isinstance(state, dict) else {}

    def array(self) -> np.ndarray:
        """The numbers; raises `WeightsError` for a chumpy expression that has none of its own."""
        if "x" not in self.state:
            raise WeightsError("the pickle holds a chumpy expression instead of an array: save its value (.r) first")
        return np.asarray(self.state["x"])


def _latin(text: str, encoding: str = "latin1") -> bytes:
    """How protocol 2 spells bytes: ``_codecs.encode(text, "latin1")``; other codecs are refused."""
    if codecs.lookup(encoding).name != "iso8859-1":
        raise WeightsError(f"the pickle decodes bytes as {encoding!r}; only latin1 is read")
    return text.encode("latin1")


def _numpy_allowed() -> dict[tuple[str, str], Any]:
    # np.array([]).__reduce__ names the rebuilding functions wherever this NumPy keeps them; older pickles name numpy.core
    array = np.empty(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    modules = ("numpy.core.multiarray", "numpy._core.multiarray")
    allowed: dict[tuple[str, str], Any] = {(m, "_reconstruct"): array for m in modules} | {(m, "scalar"): scalar for m in modules}
    return allowed | {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}


def _storage(data: bytes) -> Any:
    """The storage of a tensor inside a plain pickle, itself a torch file: read by torch's own restricted unpickler."""
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)  # noqa: TID251 - converter, weights only


def _reconstructed(kind: Any, base: Any, state: object) -> object:
    """How protocols 0 and 1 make an object: only stand-ins and sparse matrices, without state of a base class."""
    if kind not in (ChumpyArray, *_SPARSE.values()) or base is not object or state is not None:
        raise WeightsError(f"the pickle rebuilds {kind!r}, which holds no numbers: refused; get the file from its publisher")
    return object.__new__(kind)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("_codecs", "encode"): _latin,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch.storage", "_load_from_bytes"): _storage,
    **{(module, "_reconstructor"): _reconstructed for module in ("copyreg", "copy_reg")},
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in (("set", set), ("bytearray", bytearray), ("object", object))
    },
    **_numpy_allowed(),
    **{(f"scipy.sparse.{module}", f"{kind}_matrix"): built for kind, built in _SPARSE.items() for module in (kind, f"_{kind}")},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Callable[..., Any]:
        if module == "chumpy" or module.startswith("chumpy."):
            return ChumpyArray
        if (module, name) not in _ALLOWED:
            raise WeightsError(f"the pickle asks for {module}.{name}, which holds no numbers: refused; get the file from its publisher")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any, /) -> Any:
        raise WeightsError("the pickle keeps its tensors elsewhere: import it as a torch checkpoint")


def read(path: Path | str) -> Any:
    """What a pickle holds, chumpy objects as arrays; Python 2 text is read as latin1.

    Raises `WeightsError` for a missing or damaged file, and for a pickle that asks for anything off the list.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    return loads(path.read_bytes(), str(path))


def loads(data: bytes, name: str) -> Any:
    """What the bytes of a pickle hold, as `read` gives it; raises `WeightsError` that begins with `name`."""
    try:
        return _plain(_Reader(io.BytesIO(data), encoding="latin1").load())
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}") from None
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise WeightsError(f"{name} is not a whole pickle ({error}): fetch it again") from error


def _plain(value: Any) -> Any:
    if isinstance(value, ChumpyArray):
        return value.array()
    if isinstance(value, sparse.csc_matrix | sparse.csr_matrix):
        value.check_format(full_check=True)  # indices out of range would read foreign memory
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
