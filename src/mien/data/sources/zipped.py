"""Pictures in a zip file."""

import zipfile
import zlib
from functools import partial
from pathlib import Path, PurePosixPath

from mien import files
from mien.data.problems import Problem
from mien.data.sources.protocol import PerProcess, stamp_of
from mien.errors import DataError

_ENCRYPTED = 0x1  # flag bit of a member
_LARGEST = 2**27  # bytes of an encoded picture: a few hundred bytes in a zip can claim, and unpack to, any number


class Zip:
    """The store of a zip file; names as they are in it, sorted."""

    def __init__(self, path: Path) -> None:
        """Read the directory; raises `DataError` for a file that is cut off or no zip."""
        self._path = path.absolute()
        self._archive = PerProcess(partial(_opened, self._path))
        names: list[str] = []
        problems: list[Problem] = []
        for member in sorted(self._archive().infolist(), key=lambda member: member.filename):
            if not is_picture(member.filename):
                continue
            if member.filename in names[-1:]:
                problems.append(Problem(member.filename, "the name comes twice; the last one is taken"))
            elif member.flag_bits & _ENCRYPTED:
                problems.append(Problem(member.filename, "it is encrypted"))
            elif not member.file_size:
                problems.append(Problem(member.filename, "the file is empty"))
            else:
                names.append(member.filename)
        self.names, self.problems = tuple(names), tuple(problems)
        self._stamp = stamp_of(self._path)

    def fetch(self, index: int) -> bytes:
        """The bytes of a member; raises `DataError` where its checksum is wrong or it is larger than any picture."""
        name = self.names[index]
        size = self._archive().getinfo(name).file_size
        if size > _LARGEST:
            raise DataError(f"{name}: it unpacks to {size:,} bytes in {self._path.name}, a picture may have {_LARGEST:,}: leave it out")
        try:
            return self._archive().read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as problem:
            raise DataError(f"{name}: it is damaged in {self._path.name} ({problem})") from problem

    def stamp(self, index: int) -> str:
        """Changes when the archive is written."""
        return f"{self._stamp}|{self.names[index]}"


def is_picture(member: str) -> bool:
    """Whether a member of an archive is a picture: by its suffix; hidden ones and those of macOS's shadow folder are not."""
    parts = PurePosixPath(member).parts
    return PurePosixPath(member).suffix.lower() in files.PICTURES and not any(p.startswith((".", "__MACOSX")) for p in parts)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as problem:
        raise DataError(f"{path} is not a whole zip file ({problem}): copy it again") from problem
