"""What the verbs take as pictures: paths, folders, globs, videos, Pillow pictures and arrays, one or many."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mien import files, images
from mien.errors import MienError, UsageError
from mien.types import Photo

Source = str | Path | Image.Image | np.ndarray | Photo


@dataclass(frozen=True, eq=False)
class Failure:
    """One of many inputs that could not be done, and why."""

    file: str
    error: MienError


@dataclass(frozen=True, eq=False)
class Clip:
    """The pictures of one input: one for a photo, all frames for a video, in order; decoded as they are asked for."""

    file: str  #: the path as it was given; "" for a picture from memory
    is_video: bool
    frames: Callable[[], Iterator[Photo]]


def clips(sources: Source | Iterable[Source], failures: list[Failure] | None = None) -> list[Clip]:
    """The inputs that `sources` stand for, folders and globs spread out; nothing is decoded yet.

    A path that is not there, and a folder or glob without pictures, goes to `failures`; without that list `ImageError` is raised.
    Raises `UsageError` for what is neither.
    """
    single = isinstance(sources, str | Path | Image.Image | np.ndarray | Photo)
    if not single and not isinstance(sources, Iterable):
        raise UsageError(f"{sources!r} is no picture: {images.ALLOWED}, or several of them")
    found: list[Clip] = []
    for source in [sources] if single else sources:
        if not isinstance(source, str | Path):
            found.append(_of_picture(source))
            continue
        try:
            found.extend(_of_path(path) for path in files.paths(source))
        except MienError as error:
            if failures is None:
                raise
            failures.append(Failure(str(source), error))
    return found


def _of_path(path: Path) -> Clip:
    if files.is_video(path):
        from mien import video

        return Clip(str(path), True, lambda: video.frames(path))
    return Clip(str(path), False, lambda: iter((images.read(path),)))


def _of_picture(picture: Image.Image | np.ndarray | Photo) -> Clip:
    path = picture.path if isinstance(picture, Photo) else None
    return Clip(str(path or ""), False, lambda: iter((images.read(picture),)))


def stamp_of(file: str) -> str:
    """Says which version of a file it is; "" where there is none."""
    path = Path(file).expanduser()
    return f"{path.stat().st_size}|{path.stat().st_mtime_ns}" if path.exists() else ""
