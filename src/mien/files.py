"""Files by name: which are pictures and videos, and how a file appears whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from glob import glob, has_magic
from pathlib import Path

from mien.errors import ImageError, MienError

PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".jp2", ".ppm", ".pgm", ".mpo"}
)
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv", ".3gp", ".ts", ".mts"})


def is_video(path: Path) -> bool:
    """Whether the suffix is a video's. GIF, WebP and all others count as pictures: their first frame is read."""
    return path.suffix.lower() in VIDEOS


def paths(specs: str | Path | Iterable[str | Path]) -> list[Path]:
    """Files named by paths, folders and globs, in the order given, each once.

    A file that exists is taken whatever its name. A folder stands for all pictures and videos in it and below it, a glob
    (``*``, ``?``, ``[...]``, ``**`` for any depth) for those it matches: known by suffix, sorted, hidden ones left out.

    Raises `ImageError` for a path that is not there, and for a folder or glob without pictures and videos.
    """
    found: dict[Path, None] = {}
    for spec in [specs] if isinstance(specs, str | Path) else specs:
        found.update(dict.fromkeys(_named(str(spec))))
    return list(found)


def _named(spec: str) -> list[Path]:
    path = Path(spec).expanduser()
    if path.is_dir():
        files = sorted(Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        return _media([file for file in files if not _hidden(file.relative_to(path))], f"the folder {path}")
    if os.path.lexists(path):
        return [path]
    if has_magic(spec):
        return _media(
            [Path(name) for name in sorted(glob(str(path), recursive=True))],  # noqa: PTH207 - absolute patterns too
            f"the pattern {spec}",
        )
    raise ImageError(f"{spec}: there is no such file or folder")


def unreadable(path: Path) -> str:
    """Why there is nothing to read at a path, in words; "" for a regular file with something in it."""
    if path.is_dir():
        return "this is a folder, not a file"
    if not path.exists():
        return "there is no such file" + ("; a pattern cannot stand here: name one photo or video" if has_magic(str(path)) else "")
    if not path.is_file():
        return "this is not a regular file"
    return "" if path.stat().st_size else "the file is empty"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _media(files: Iterable[Path], where: str) -> list[Path]:
    media = [file for file in files if file.suffix.lower() in PICTURES | VIDEOS and file.is_file()]
    if not media:
        raise ImageError(f"{where} has no picture or video: known are {' '.join(sorted(PICTURES | VIDEOS))}")
    return media


def target(path: Path, *, inputs: Iterable[Path], error: type[MienError]) -> Path:
    """The file that `path` leads to, through symbolic links; raises `error` when that is a folder, an input, or cannot be made."""
    found = Path(os.path.realpath(path.expanduser()))
    if found.is_dir():
        raise error(f"{path} is a folder: name the file to write")
    nearest = next(folder for folder in found.parents if folder.exists())  # those below it are made when the file is written
    if not nearest.is_dir():
        raise error(f"{path} cannot be written: {nearest} is a file, not a folder")
    if not os.access(nearest, os.W_OK):
        raise error(f"{path} cannot be written: nothing may be put into the folder {nearest}; name another one")
    for source in inputs:
        if found.exists() and source.exists() and found.samefile(source):
            raise error(f"{path} is an input itself: write to another name; only an edit can write over its photo, with --in-place")
    return found


@contextmanager
def replacing(path: Path, *, inputs: Iterable[Path], error: type[MienError]) -> Generator[Path]:
    """A temporary name beside `path` with the same suffix: renamed to `path` at success, gone without a trace otherwise.

    `inputs` are files that must not be overwritten, under whatever name they are reached. A symbolic link is written through;
    the mode of a file that is replaced is kept. Raises `error` when `path` is an input or a folder, or cannot be written.
    """
    final = target(path, inputs=inputs, error=error)
    partial = final.with_name(f".{final.stem}.{secrets.token_hex(4)}{final.suffix}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(exist_ok=False)
        yield partial
        if final.exists():
            shutil.copymode(final, partial)
        partial.replace(final)
    except OSError as problem:
        raise error(f"{path} cannot be written: {problem.strerror or problem}") from problem
    finally:
        with suppress(OSError):  # it was renamed, or its folder is none
            partial.unlink()
