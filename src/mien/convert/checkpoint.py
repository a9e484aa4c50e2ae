"""Published checkpoints of any kind, and the tensors in them by name.

Read are files of torch (zip, the older row of pickles, TorchScript), pickles of arrays or tensors, and NumPy's ``.npy`` and ``.npz``; which
of them a file is, its first bytes tell, whatever its name ends in.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.convert import npy, torchfile, unpickle
from mien.errors import WeightsError

_MOST = 100_000  # values in one file; the largest published one has some thousands of tensors
_NUMPY, _TAR, _SAFETENSORS = b"\x93NUMPY", b"ustar", b'{"'
_TAR_AT, _HEADER_AT = 257, 8


def read(path: Path | str) -> Any:
    """What a checkpoint holds: dictionaries, lists, numbers, text, tensors and arrays.

    Raises `WeightsError` that begins with the path for a file that is missing, damaged, lies about itself, or asks for anything but data.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    with path.open("rb") as file:
        head = file.read(512)
    if head[_TAR_AT:].startswith(_TAR):
        raise WeightsError(f"{path} is a tar archive: unpack it, name the file inside; what a torch of before 2017 wrote, save again")
    if head.startswith(_NUMPY) or (head.startswith(torchfile.ZIP) and npy.is_archive(path)):
        return npy.read(path)
    if head[_HEADER_AT:].startswith(_SAFETENSORS):
        raise WeightsError(f"{path} is a safetensors file: mien reads those as they are")
    return torchfile.read(path) if head.startswith(torchfile.ZIP) or torchfile.is_row(head) else unpickle.read(path)


def tensors(value: Any) -> Mapping[str, Tensor]:
    """The tensors and numeric arrays in nested dictionaries and lists, by their keys joined with dots, each with memory of its own.

    All else, such as settings and steps, is left out. Raises `WeightsError` when there are none, when two have one name, when one holds
    NaN, or when the value has more parts than any checkpoint.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in _leaves(value):
        if name in found:
            raise WeightsError(f"two tensors have the name {name}")
        if tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise WeightsError(f"{name} holds NaN: the file is damaged, or its training had failed")
        found[name] = tensor
    if not found:
        raise WeightsError("there is no tensor in it")
    return dict(sorted(found.items()))


def part(content: Any, prefix: str) -> Mapping[str, Tensor]:
    """The tensors of one of the networks in a ``state_dict``, by their names below `prefix`; none of them when it is not there."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    start = f"{prefix}."
    named = state.items() if isinstance(state, dict) else ()
    held = {str(name).removeprefix(start): value for name, value in named if str(name).startswith(start)}
    return tensors(held) if held else {}


def _leaves(value: Any) -> Iterator[tuple[str, Tensor]]:
    left: list[tuple[str, Any, frozenset[int]]] = [("", value, frozenset())]
    visited = 0
    while left:
        name, part, above = left.pop()
        visited += 1
        if isinstance(part, dict | list | tuple):
            if id(part) not in above:  # settings may name what they belong to
                inside = above | {id(part)}
                left += [(f"{name}.{key}" if name else str(key), inner, inside) for key, inner in _items(part)]
        elif (tensor := _tensor(part)) is not None:
            yield name or "value", tensor
        if visited + len(left) > _MOST:
            raise WeightsError(f"it has more than {_MOST:,} values, more than any checkpoint: refused")


def _items(part: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Iterable[tuple[Any, Any]]:
    return part.items() if isinstance(part, dict) else enumerate(part)


def _tensor(part: Any) -> Tensor | None:
    """A tensor with memory of its own, of a tensor or a numeric array; None for all else."""
    if isinstance(part, Tensor):
        return part.clone(memory_format=torch.contiguous_format)
    if isinstance(part, np.ndarray) and part.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(part, part.dtype.newbyteorder("=")))
    return None
