"""Files of ``torch.save`` and ``torch.jit.save``, read without torch's unpickler.

Two formats: a zip archive (torch 1.6 and later) with ``data.pkl`` and one uncompressed member per storage, and the older row of pickles
followed by the storages. The still older tar archives are refused; so is whatever a zip of torch's never has.
"""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mien.convert.builders import run
from mien.convert.machine import hashed, shown, whole
from mien.convert.standins import finish
from mien.convert.tensors import Storage, storage_of
from mien.errors import WeightsError

ZIP = b"PK\x03\x04"  #: the first bytes of an archive
MAGIC = 0x1950A86A20F9469CFC6C  #: the first pickle of the older format
_MAGIC_BYTES = b"\x8a\x0a" + MAGIC.to_bytes(10, "little")  # as LONG1
_PROTOCOL = 1001
_RECORD = "data.pkl"
ENCRYPTED = 1  #: bit of a member's flags
_BIG_ENDIAN = "its numbers are big-endian: save it again on a usual computer"


def read(path: Path) -> Any:
    """What a torch file holds, tensors on the CPU; the modules of a TorchScript archive are dictionaries of their attributes.

    Raises `WeightsError` that begins with the path when the file is damaged, lies about itself, or asks for anything but numbers.
    """
    with whole(str(path), "torch checkpoint"):
        file = io.BytesIO(path.read_bytes())  # in memory, what claims a size that is not there is not made room for
        zipped = bytes(file.getbuffer()[: len(ZIP)]) == ZIP  # the first bytes decide: a zip archive may hang behind anything
        return finish(_zipped(file) if zipped else _rowed(file, nested=nested))


def is_row(head: bytes) -> bool:
    """Whether the first bytes of a file are those of the older format."""
    return _MAGIC_BYTES in head[:32]


def nested(data: Any) -> Any:
    """The storage in a torch file that a pickle carries (``torch.storage._load_from_bytes``); such a file carries none itself."""
    if not isinstance(data, bytes):
        raise WeightsError("the pickle reads a torch file from something that is not bytes: refused")
    return _rowed(io.BytesIO(data), nested=_too_deep)


def _too_deep(_: Any) -> Any:
    raise WeightsError("the pickle carries a torch file in a torch file in itself, which torch never does: refused")


def _zipped(file: io.BytesIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        members = _members(archive, file.getbuffer().nbytes)
        records = [name for name in members if name.rsplit("/", 1)[-1] == _RECORD]
        if len(records) != 1:
            raise WeightsError(f"a zip archive with {len(records)} {_RECORD} is no torch checkpoint: unpack it, name the file inside")
        folder = records[0].removesuffix(_RECORD)
        if f"{folder}byteorder" in members and _content(archive, members[f"{folder}byteorder"]) != b"little":
            raise WeightsError(_BIG_ENDIAN)
        storages: dict[str, Storage] = {}

        def persistent(parts: Any) -> Storage:
            storage, key, view = storage_of(parts)
            if view is not None or f"{folder}data/{key}" not in members:
                raise WeightsError(f"the archive has no storage {key!r}")
            if key not in storages:
                storage.fill(_content(archive, members[f"{folder}data/{key}"]))
                storages[key] = storage
            return storages[key]

        return run(io.BytesIO(_content(archive, members[records[0]])), persistent=persistent, nested=nested)


def _members(archive: zipfile.ZipFile, size: int) -> Mapping[str, zipfile.ZipInfo]:
    members = {info.filename: info for info in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise WeightsError("the archive has two members of one name: refused")
    if sum(info.compress_size for info in members.values()) > size:
        raise WeightsError("its members together are larger than the file, so they overlap: refused")
    return members


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member; raises `WeightsError` for one that could unpack to more than the file holds."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise WeightsError(f"its {member.filename} is compressed, which torch never does, and might unpack to any size: refused")
    if member.flag_bits & ENCRYPTED:
        raise WeightsError(f"its {member.filename} is encrypted")
    return archive.read(member)


class _Storages:
    """The storages of the older format: named by the pickle, filled when the numbers behind it are read."""

    def __init__(self) -> None:
        self._roots: dict[str, Storage] = {}
        self._views: list[tuple[Storage, str, int]] = []

    def persistent(self, parts: Any) -> Storage:
        """The storage of a persistent id, or a view of one."""
        storage, key, view = storage_of(parts)
        root = self._roots.setdefault(key, storage)
        if view is None:
            return root
        _, offset, count = view
        seen = Storage(storage.kind, count)
        self._views.append((seen, key, offset))
        return seen

    def fill(self, keys: Any, file: io.BufferedIOBase) -> None:
        """Read the numbers: per key their count, then themselves."""
        for storage in (self._roots[key] for key in hashed(keys)):
            (count,) = struct.unpack("<q", file.read(8))
            if count != storage.count:
                raise WeightsError(f"a storage of {storage.count} numbers has {count} in the file")
            storage.fill(file.read(count * storage.kind.itemsize))
        for seen, key, offset in self._views:
            numbers = self._roots[key].numbers
            if numbers is None or not 0 <= offset <= offset + seen.count <= len(numbers):
                raise WeightsError(f"a view of {seen.count} numbers reaches beyond its storage")
            seen.numbers = numbers[offset : offset + seen.count]


def _rowed(file: io.BufferedIOBase, nested: Callable[[bytes], Any]) -> Any:
    """The older format: magic number, version, what wrote it, the value, the keys of the storages, the storages."""
    storages = _Storages()
    following = partial(run, file, persistent=storages.persistent, nested=nested)
    if (magic := following()) != MAGIC:
        raise WeightsError(f"it begins with {shown(magic)} and not as torch checkpoints do")
    if (version := following()) != _PROTOCOL:
        raise WeightsError(f"it is of version {shown(version)} of torch's format; known is {_PROTOCOL}")
    if not (isinstance(system := following(), dict) and system.get("little_endian") is True):
        raise WeightsError(_BIG_ENDIAN)
    value = following()
    storages.fill(following(), file)
    return value
