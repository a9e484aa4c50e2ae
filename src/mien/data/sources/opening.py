"""Which kind of source a path is."""

from functools import partial
from pathlib import Path

from mien.data.sources.cropset import Crops
from mien.data.sources.directory import Directory
from mien.data.sources.lmdbs import Lmdb, is_lmdb
from mien.data.sources.pictures import Pictures
from mien.data.sources.protocol import Source, Store
from mien.data.sources.shards import Shards
from mien.data.sources.zipped import Zip
from mien.errors import DataError

_CROPS = ".npz"
_KINDS = "a folder of pictures, a .zip, an LMDB, .tar shards or a folder of them, or a crop set (.npz)"


def open_source(path: Path | str, *, split: str | None = None) -> Source:
    """The pictures at a path, of a crop set those of a `split`, or all; other sources have no splits.

    A folder is an LMDB when it has ``data.mdb``, shards when all it has are ``.tar`` files. Raises `DataError` when there is nothing, no
    picture in it, or it is of no kind that is known; also for a split that a crop set does not have.
    """
    path = Path(path).expanduser()
    source = Pictures(_store(path, split))
    if not len(source):
        first = f"; the first of {len(source.problems)} problems: {source.problems[0]}" if source.problems else ""
        raise DataError(f"{path} has no picture{first}")
    return source


def has_splits(path: Path | str) -> bool:
    """Whether a path is that of a crop set."""
    return Path(path).suffix.lower() == _CROPS


def _store(path: Path, split: str | None) -> Store:
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder: give {_KINDS}")
    if is_lmdb(path):
        return Lmdb(path)
    if path.is_dir():
        shards = sorted(path.glob("*.tar"))
        pictures = Directory(path)
        return Shards(shards) if shards and not pictures.names else pictures
    kinds = {".zip": Zip, _CROPS: partial(Crops, split=split), ".tar": lambda tar: Shards([tar])}
    if path.suffix.lower() not in kinds:
        raise DataError(f"{path} is no source of pictures: give {_KINDS}")
    return kinds[path.suffix.lower()](path)
