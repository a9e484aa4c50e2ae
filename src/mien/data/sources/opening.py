"""Which kind of source a path is."""

from pathlib import Path

from mien.data.sources.cropset import Crops
from mien.data.sources.directory import Directory
from mien.data.sources.lmdbs import Lmdb, is_lmdb
from mien.data.sources.pictures import Pictures
from mien.data.sources.protocol import Source, Store
from mien.data.sources.shards import Shards
from mien.data.sources.zipped import Zip
from mien.errors import DataError

_KINDS = "a folder of pictures, a .zip, an LMDB, .tar shards or a folder of them, or a crop set (.npz)"


def open_source(path: Path | str) -> Source:
    """The pictures at a path. A folder is an LMDB when it has ``data.mdb``, shards when all it has are ``.tar`` files.

    Raises `DataError` when there is nothing, no picture in it, or it is of no kind that is known.
    """
    path = Path(path).expanduser()
    source = Pictures(_store(path))
    if not len(source):
        first = f"; the first of {len(source.problems)} problems: {source.problems[0]}" if source.problems else ""
        raise DataError(f"{path} has no picture{first}")
    return source


def _store(path: Path) -> Store:
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder: give {_KINDS}")
    if is_lmdb(path):
        return Lmdb(path)
    if path.is_dir():
        shards = sorted(path.glob("*.tar"))
        pictures = Directory(path)
        return Shards(shards) if shards and not pictures.names else pictures
    kinds = {".zip": Zip, ".npz": Crops, ".tar": lambda tar: Shards([tar])}
    if path.suffix.lower() not in kinds:
        raise DataError(f"{path} is no source of pictures: give {_KINDS}")
    return kinds[path.suffix.lower()](path)
