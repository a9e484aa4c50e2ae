"""Torch's storages and the tensors that lie in them, checked against the numbers that are there."""

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from mien.convert.machine import Name, described, shown
from mien.convert.standins import StandIn, is_shape
from mien.errors import WeightsError

#: The classes of storages, as pickles name them, and what their elements are.
KINDS: Mapping[tuple[str, str], torch.dtype] = {
    ("torch", f"{name}Storage"): kind
    for name, kind in {
        "Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16,
        "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8, "Bool": torch.bool,
    }.items()
}  # fmt: skip
#: Storages of bytes, whose tensors say themselves what their elements are.
BYTES = {("torch", "UntypedStorage"), ("torch.storage", "UntypedStorage")}


class Storage:
    """A run of numbers that tensors lie in; `numbers` may become known after the tensors."""

    def __init__(self, kind: torch.dtype, count: int, numbers: Tensor | None = None) -> None:
        self.kind = kind
        self.count = count
        self.numbers = numbers

    def fill(self, data: bytes) -> None:
        """Take the bytes of a file; raises `WeightsError` when there are more or fewer than the storage says."""
        wanted = self.count * self.kind.itemsize
        if len(data) != wanted:
            raise WeightsError(f"a storage of {self.count} numbers needs {wanted} bytes, the file has {len(data)} for it")
        self.numbers = torch.frombuffer(bytearray(data), dtype=self.kind) if data else torch.empty(0, dtype=self.kind)


def storage_of(parts: Any) -> tuple[Storage, str, Any]:
    """The empty storage, the key and the view that a persistent id describes: ``("storage", class, key, device, count[, view])``."""
    if not isinstance(parts, tuple) or len(parts) not in (5, 6) or parts[0] != "storage":
        raise WeightsError(f"the pickle refers to {described(parts)} outside itself; only storages of tensors are read")
    kind, key, count, view = parts[1], parts[2], parts[4], parts[5] if len(parts) == 6 else None
    if not isinstance(kind, Name) or (kind not in KINDS and kind not in BYTES):
        raise WeightsError(f"the pickle has a storage of {described(kind)}; known are {', '.join(name for _, name in KINDS)}")
    if not isinstance(key, str) or type(count) is not int or count < 0:
        raise WeightsError(f"the pickle has a storage {shown(key)} of {shown(count)} numbers")
    return Storage(KINDS.get(kind, torch.uint8), count), key, view


class Strided(StandIn):
    """A tensor in a storage: ``(storage, offset, size, stride, ...)``."""

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> None:
        if not isinstance(storage, Storage):
            raise WeightsError(f"the pickle has a tensor in {described(storage)}, which is no storage")
        self._storage = storage
        self._at = (offset, size, stride)

    def build(self, state: Any) -> None:
        """Attributes of a tensor are forgotten."""

    def value(self, parts: Any) -> Tensor:
        """The tensor; raises `WeightsError` when it reaches out of its storage or claims more numbers than that holds."""
        offset, size, stride = self._at
        if len(size) != len(stride) or not is_shape((offset, *size)) or not is_shape((offset, *stride)):
            raise WeightsError(f"the pickle has a tensor of size {shown(size)}, stride {shown(stride)} and offset {shown(offset)}")
        numbers = self._storage.numbers
        if numbers is None:
            raise WeightsError("the file has no numbers for a storage that a tensor lies in")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if prod(size) > len(numbers) or (prod(size) and last >= len(numbers)):
            raise WeightsError(f"a tensor of size {tuple(size)} reaches beyond its storage of {len(numbers)} numbers")
        return numbers.as_strided(tuple(size), tuple(stride), offset)


def retyped(storage: Any, *parts: Any) -> Strided:
    """A tensor in a storage of bytes: ``(storage, offset, size, stride, gradient, hooks, type of the elements)``."""
    offset, size, stride, _, _, kind = parts[:6]
    kinds = {("torch", str(known).removeprefix("torch.")): known for known in KINDS.values()}
    if not isinstance(storage, Storage) or storage.numbers is None or not isinstance(kind, Name) or kind not in kinds:
        raise WeightsError(f"the pickle has a tensor of {described(kind)} in {described(storage)}")
    numbers = storage.numbers.view(kinds[kind])
    return Strided(Storage(kinds[kind], len(numbers), numbers), offset, size, stride)
