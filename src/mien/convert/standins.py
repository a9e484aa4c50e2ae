"""What stands in a pickle's place for arrays, matrices and objects until all of their parts are known."""

import re
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from mien.convert.machine import hashed, shown
from mien.errors import WeightsError

#: Numbers, truth values, text and bytes of one size; records and dates are refused.
_PLAIN = re.compile(r"[|<>=]?(\?|[biufcSU]\d{0,9}|O8?)")
_ORDERS = ("<", ">", "|", "=")  # compared, not hashed: they come from the file
_AXES = 64  # the most that NumPy and torch know


class StandIn:
    """A thing in the making: `parts` is what it was given, with other stand-ins in it; `value` makes it of its finished parts."""

    parts: Any = None

    def build(self, state: Any) -> None:
        """Take the state that a pickle gives; the last one counts."""
        self.parts = state

    def value(self, parts: Any) -> Any:
        """The finished thing."""
        raise WeightsError(f"the pickle leaves a {type(self).__name__.lower()} without its content")


class Kind(StandIn):
    """The type of an array's elements (``numpy.dtype``)."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not _PLAIN.fullmatch(code):
            raise WeightsError(f"the pickle has an array of elements {shown(code)}; only numbers, truth values and text are read")
        self._code = code

    def value(self, parts: Any) -> np.dtype:
        """With the byte order of its state ``(version, order, subtype, names, fields, ...)``."""
        kind = np.dtype(self._code)
        if parts is None:
            return kind
        if parts[1] not in _ORDERS or any(part is not None for part in parts[2:5]):
            raise WeightsError("the pickle has an array of records; only arrays of plain numbers are read")
        return kind.newbyteorder(parts[1])


class Array(StandIn):
    """An array: its state is ``(version, shape, dtype, is_fortran, bytes)``."""

    def __init__(self, *_: Any) -> None:
        pass

    def value(self, parts: Any) -> Any:
        """The array; a list for one of objects, and the object itself for one of none."""
        shape, kind, fortran, data = parts[-4:]
        if kind.hasobject:
            return data[0] if shape == () else data
        return _array(data.encode("latin1") if isinstance(data, str) else data, kind, shape, "F" if fortran else "C")


class Buffer(StandIn):
    """An array as protocol 5 keeps it: ``(bytes, dtype, shape, order)``."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def value(self, parts: Any) -> np.ndarray:
        """The array."""
        data, kind, shape, order = parts[:4]
        if order not in ("C", "F"):
            raise WeightsError(f"the pickle has an array in the order {shown(order)}; only C and F are read")
        return _array(data, kind, shape, order)


class Scalar(StandIn):
    """One number of NumPy's: ``(dtype, bytes)``."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def value(self, parts: Any) -> Any:
        """The number."""
        kind, data = parts
        return _array(data.encode("latin1") if isinstance(data, str) else data, kind, (), "C")[()]


def is_shape(shape: Any) -> bool:
    """Whether something is a tuple of so few whole numbers from 0 that it can be the shape of an array."""
    return isinstance(shape, tuple) and len(shape) <= _AXES and all(type(n) is int and n >= 0 for n in shape)


def _array(data: Any, kind: np.dtype, shape: Any, order: Any) -> np.ndarray:
    if kind.hasobject:
        raise WeightsError("the pickle has an array of objects where one of numbers is needed")
    if not is_shape(shape):
        raise WeightsError(f"the pickle has an array of shape {shown(shape)}")
    wanted = prod(shape) * kind.itemsize
    if not isinstance(data, bytes | bytearray) or len(data) != wanted:
        raise WeightsError(
            f"the pickle has an array of shape {shown(shape)} and type {kind}, {wanted} bytes, with another number of bytes in it"
        )
    return np.frombuffer(data, kind).reshape(shape, order=order).copy(order="K")


class Sparse(StandIn):
    """A sparse matrix of SciPy's in columns or rows: its state is its attributes."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def value(self, parts: Any) -> Any:
        """The matrix; raises `WeightsError` when its indices reach out of it."""
        shape, arrays = parts.get("_shape", parts.get("shape")), [parts.get(name) for name in ("data", "indices", "indptr")]
        if not is_shape(shape) or not all(isinstance(array, np.ndarray) for array in arrays):
            raise WeightsError("the pickle has a sparse matrix without a shape and three arrays")
        try:
            matrix = self._build(tuple(arrays), shape=shape)
            matrix.check_format(full_check=True)  # indices out of range would read foreign memory
        except (ValueError, TypeError) as error:
            raise WeightsError(f"the pickle has a sparse matrix that does not fit together ({error})") from error
        return matrix


SPARSE: dict[str, Callable[..., Any]] = {"csc": sparse.csc_matrix, "csr": sparse.csr_matrix}


class Chumpy(StandIn):
    """An array of chumpy's (``chumpy.ch.Ch``): its state has it under ``x``."""

    def value(self, parts: Any) -> np.ndarray:
        """The numbers; raises `WeightsError` for a chumpy expression that has none of its own."""
        if not isinstance(parts, dict) or not isinstance(parts.get("x"), np.ndarray | np.generic | int | float):
            raise WeightsError("the pickle holds a chumpy expression instead of an array: save its value (.r) first")
        return np.asarray(parts["x"])


class Bag(StandIn):
    """An object of a class that only holds settings, or a module of TorchScript: its attributes and items, without its class."""

    def __init__(self) -> None:
        self.items_of: dict[Any, Any] = {}
        self.parts = self.items_of

    def build(self, state: Any) -> None:
        """Attributes join the items; a state that is no dictionary is forgotten."""
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.items_of.update(part)

    def value(self, parts: Any) -> dict[Any, Any]:
        """The attributes and items."""
        return parts


class Persistent(StandIn):
    """An object whose class NVIDIA's pickles carry as source (``torch_utils.persistence``): its attributes, without its class."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def value(self, parts: Any) -> dict[Any, Any]:
        """The attributes; what was to be executed is forgotten."""
        state = parts[0].get("state") if len(parts) == 1 and isinstance(parts[0], dict) else None
        if not isinstance(state, dict):
            raise WeightsError("the pickle has an object with its source but without attributes: get the file from its publisher")
        return state


def finish(value: Any, seen: dict[int, tuple[Any, Any]] | None = None) -> Any:
    """The value with all stand-ins made; each part once, however often it is named. Dictionaries and lists are changed in place.

    Raises `WeightsError` when a stand-in contains itself or has not what it is made of.
    """
    seen = {} if seen is None else seen
    if isinstance(value, tuple) and type(value) is not tuple:
        return str(value)  # a name
    if not isinstance(value, StandIn | dict | list | tuple | set | frozenset):
        return value
    if id(value) in seen:
        done = seen[id(value)][1]
        if isinstance(done, _Unfinished):
            raise WeightsError("the pickle has a value that contains itself")
        return done
    in_place = value.items_of if isinstance(value, Bag) else value if isinstance(value, dict | list) else _Unfinished()
    seen[id(value)] = (value, in_place)  # what is changed in place may contain itself
    made = _made(value, seen)
    seen[id(value)] = (value, made)  # the first entry keeps the number of the object from being given to another
    return made


class _Unfinished:
    """What a value is while its parts are made."""


def _made(value: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    if isinstance(value, StandIn):
        return value.value(finish(value.parts, seen))
    if isinstance(value, dict):
        items = [(finish(key, seen), finish(inner, seen)) for key, inner in value.items()]
        value.clear()
        value.update(zip(hashed(key for key, _ in items), (inner for _, inner in items), strict=True))
    elif isinstance(value, list):
        value[:] = [finish(inner, seen) for inner in value]
    else:
        parts = [finish(inner, seen) for inner in value]
        return type(value)(parts if isinstance(value, tuple) else hashed(parts))
    return value
