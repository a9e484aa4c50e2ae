"""Tar shards in WebDataset's layout: the files of a sample lie together, named ``KEY.jpg``, ``KEY.json``."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mien.data.problems import Problem
from mien.data.sources.protocol import stamp_of
from mien.data.sources.zipped import is_picture
from mien.errors import DataError


class _Place(NamedTuple):
    shard: int
    offset: int  #: of the first byte
    size: int


class Shards:
    """The store of tar files, sorted by name; pictures are named ``SHARD/MEMBER`` in the order of the files.

    Pictures are read in place, at any order: the tar files are walked through once, at opening, and must not be compressed.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Walk through the files; raises `DataError` for one that is no tar; of one that is cut off the rest is listed."""
        self._paths = tuple(sorted(path.absolute() for path in paths))
        self._stamps = tuple(map(stamp_of, self._paths))
        found: dict[str, _Place] = {}
        problems: list[Problem] = []
        for number, path in enumerate(self._paths):
            places, wrong = _walk(path, number)
            found.update(places)
            problems += wrong
        self.names, self._places, self.problems = tuple(found), tuple(found.values()), tuple(problems)

    def fetch(self, index: int) -> bytes:
        """The bytes of a member."""
        shard, offset, size = self._places[index]
        with self._paths[shard].open("rb") as file:
            file.seek(offset)
            data = file.read(size)
        if len(data) < size:
            raise DataError(f"{self.names[index]}: {self._paths[shard].name} is cut off here: copy it again")
        return data

    def stamp(self, index: int) -> str:
        """Changes when the shard is written."""
        return f"{self._stamps[self._places[index].shard]}|{self.names[index]}"


def _walk(path: Path, number: int) -> tuple[dict[str, _Place], list[Problem]]:
    """The pictures of a shard by name, and what is wrong with it."""
    places: dict[str, _Place] = {}
    problems: list[Problem] = []
    length = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = f"{path.name}/{member.name}"
                if not member.isfile() or not is_picture(member.name):
                    continue
                if member.size == 0:
                    problems.append(Problem(name, "the file is empty"))
                elif member.offset_data + member.size > length:
                    return places, [*problems, Problem(name, f"{path.name} is cut off here: copy it again")]
                else:
                    if name in places:
                        problems.append(Problem(name, "the name comes twice; the last one is taken"))
                    places[name] = _Place(number, member.offset_data, member.size)
    except tarfile.ReadError as problem:
        if not places:
            raise DataError(f"{path} is not a plain tar file ({problem}): shards must not be compressed") from problem
        problems.append(Problem(path.name, f"it is damaged after {list(places)[-1]} ({problem}): copy it again"))
    return places, problems
