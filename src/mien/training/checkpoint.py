"""Checkpoints: all that a run is, in one safetensors file that appears whole or not at all."""

import itertools
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from mien import files
from mien.errors import WeightsError

_KEPT = 2  # the newest, and the one before it should the newest break
_SUM = "checksum"  # the header entry
_LEFT = ("config.toml", "metrics.jsonl", "samples", "tensorboard")  # what a run leaves beside checkpoints and weights


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Tensors by name, and words."""

    path: Path
    tensors: Mapping[str, Tensor]
    header: Mapping[str, str]


def write(folder: Path, step: int, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> Path:
    """Write the checkpoint of a step; of those of earlier steps all but the newest are deleted."""
    path = folder / f"step-{step:08d}.ckpt"
    still = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write_whole(path, to_bytes(still, {**header, _SUM: checksum(still)}))
    for old in [other for other in paths(folder) if other < path][_KEPT - 1 :]:
        old.unlink()
    return path


def set_aside(folder: Path) -> Path | None:
    """Move what a run has left in its folder into a folder of its own there, ``before-1`` and so on; None when there was nothing."""
    left = [*paths(folder), *folder.glob("*.safetensors"), *(folder / name for name in _LEFT if (folder / name).exists())]
    if not left:
        return None
    aside = next(place for number in itertools.count(1) if not (place := folder / f"before-{number}").exists())
    aside.mkdir()
    for path in left:
        path.rename(aside / path.name)
    return aside


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none."""
    return next(_whole(folder), None)


def _whole(folder: Path) -> Iterator[Checkpoint]:
    for path in paths(folder):
        try:
            with safe_open(str(path), framework="pt") as file:
                tensors, header = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 - not a dict
        except (SafetensorError, OSError, EOFError):
            continue
        found = checksum(tensors)
        if header and header.get(_SUM, found) == found:  # those written before there were sums have none
            yield Checkpoint(path, tensors, header)


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 of the names and bytes of tensors: after a power cut a file may have its length and end in zeros."""
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, zlib.crc32(name.encode(), total))
    return f"{total:08x}"


def paths(folder: Path) -> list[Path]:
    """The files of a folder that are checkpoints, newest first."""
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under a prefix: ``prefix.name``."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those that stand under a prefix, without it."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _write_whole(path: Path, data: bytes) -> None:
    with files.replacing(path, inputs=(), error=WeightsError) as partial, partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # on the disk before it has its name: a power cut leaves the one before
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too
    finally:
        os.close(folder)
