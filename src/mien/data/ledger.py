"""Work on many inputs that can be stopped at any moment and goes on where it was.

A tar file that is only ever appended to. The pictures of an input come first, then its record, which alone makes them count:
whatever stands after the last record when the ledger is opened was left by a run that was stopped, and is cut off.
"""

import json
import tarfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mien.errors import DataError

_RECORD, _SETTINGS = "record.json", "settings.json"
_BLOCK = 512  # bytes: what tar files are made of


@dataclass(frozen=True)
class Record:
    """An input that is done."""

    name: str
    stamp: str  #: of the version that was done
    text: str  #: what there is to know of it
    pictures: dict[str, tuple[int, int]]  #: their names, and where in the ledger their bytes are: offset and size


class Ledger:
    """The ledger of one run, which may be continued by the next one with the same settings."""

    def __init__(self, path: Path, settings: str) -> None:
        """Open or begin it; what was left unfinished is cut off. Raises `DataError` where it was kept under other settings."""
        self._path = path
        self._records: dict[str, Record] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        end = self._recover(settings) if path.is_file() else 0
        try:
            self._file = path.open("r+b" if path.is_file() else "w+b")
        except OSError as problem:
            raise DataError(f"{path} cannot be written: {problem.strerror}") from problem
        lock(self._file, path)
        self._file.truncate(end)
        self._file.seek(end)
        if not end:
            self._write(_SETTINGS, settings.encode())
            self._file.flush()

    def _recover(self, settings: str) -> int:
        """Take up the records of an earlier run; the offset after the last one that is whole."""
        end, pictures = 0, dict[str, tuple[int, int]]()
        for name, offset, size in _members(self._path):
            after = offset + -(-size // _BLOCK) * _BLOCK
            if name == _SETTINGS:
                if (was := self._at(offset, size).decode()) != settings:
                    raise DataError(
                        f"{self._path} was left by a run with {was}, now asked for is {settings}: finish that one, or delete it"
                    )
                end = after
            elif name == _RECORD:
                record = Record(**json.loads(self._at(offset, size)), pictures=pictures)
                self._records[record.name], pictures, end = record, {}, after
            else:
                pictures[name] = (offset, size)
        return end

    def _at(self, offset: int, size: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def has(self, name: str, stamp: str) -> bool:
        """Whether this version of an input is done."""
        return name in self._records and self._records[name].stamp == stamp

    @property
    def records(self) -> list[Record]:
        """What is done, sorted by name: the same for every order of the work."""
        return sorted(self._records.values(), key=lambda record: record.name)

    def read(self, place: tuple[int, int]) -> bytes:
        """The bytes of a picture of a `Record`."""
        return self._at(*place)

    @contextmanager
    def entry(self, name: str, stamp: str) -> "Generator[Entry]":
        """Add the pictures of an input, then `commit`; without that, and after an error, nothing of it stays."""
        start = self._file.tell()
        entry = Entry(self, name, stamp)
        try:
            yield entry
        finally:
            if not entry.committed:
                self._file.seek(start)
                self._file.truncate()

    def _write(self, name: str, data: bytes) -> tuple[int, int]:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._file.write(member.tobuf(format=tarfile.GNU_FORMAT))
        offset = self._file.tell()
        self._file.write(data + bytes(-len(data) % _BLOCK))
        return offset, len(data)

    def close(self) -> None:
        """Leave it for the next run."""
        self._file.close()

    def remove(self) -> None:
        """Delete it: all that is in it is elsewhere now."""
        self.close()
        self._path.unlink()


class Entry:
    """An input that is being done."""

    def __init__(self, ledger: Ledger, name: str, stamp: str) -> None:
        self._ledger, self._name, self._stamp = ledger, name, stamp
        self._pictures: dict[str, tuple[int, int]] = {}
        self.committed = False

    def add(self, name: str, data: bytes) -> None:
        """Append the file of a picture."""
        self._pictures[name] = self._ledger._write(name, data)

    def commit(self, text: str) -> None:
        """The input is done: from now on it outlives the process, however that ends."""
        data = {"name": self._name, "stamp": self._stamp, "text": text}
        self._ledger._write(_RECORD, json.dumps(data).encode())
        self._ledger._file.flush()
        self._ledger._records[self._name] = Record(**data, pictures=self._pictures)
        self.committed = True


def _members(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of the members of a tar file that are whole."""
    length = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.offset_data + member.size > length:
                    return
                yield member.name, member.offset_data, member.size
    except tarfile.ReadError:  # cut off in the middle of a head, or nothing in it yet
        return


def lock(file: IO[bytes], path: Path) -> None:
    """Hold a file for this process alone, where the system can; a process that dies lets go of it. Raises `DataError` if another does."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        file.close()
        raise DataError(f"{path} is being written by another run: wait for it, or name another file") from problem
