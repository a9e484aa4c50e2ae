"""Decoded pictures of a store."""

import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import UnidentifiedImageError

from mien import images, pixels
from mien.data.problems import Problem
from mien.data.sources.protocol import Picture, Source, Store
from mien.errors import DataError, ImageError


def decode(data: bytes, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in a file's bytes, upright sRGB, without its alpha; raises `DataError` that begins with `name`."""
    try:
        with pixels.opened(io.BytesIO(data)) as image:
            if image.width * image.height > images.MAX_PIXELS:
                raise ImageError(f"the picture has {image.width} x {image.height} pixels, allowed are {images.MAX_PIXELS / 1e6:g} million")
            return pixels.plain(image)[0]
    except ImageError as problem:
        raise DataError(f"{name}: {problem}") from problem
    except UnidentifiedImageError as problem:
        raise DataError(f"{name}: it is not a picture that can be read, or its beginning is damaged") from problem
    except OSError as problem:
        raise DataError(f"{name}: the picture is damaged or cut off ({problem})") from problem
    except Exception as problem:  # decoders meet damaged files with errors of every kind
        raise DataError(f"{name}: the picture is damaged ({type(problem).__name__})") from problem


class Pictures:
    """The source over a store: what all kinds of sources are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def names(self) -> Sequence[str]:
        """One for each picture."""
        return self._store.names

    @property
    def problems(self) -> Sequence[Problem]:
        """What could not be taken at opening."""
        return self._store.problems

    def __len__(self) -> int:
        return len(self._store.names)

    def read(self, index: int) -> Picture:
        """Decode a picture; raises `DataError` that names it."""
        name = self.names[index]
        try:
            data = self._store.fetch(index)
        except OSError as problem:
            raise DataError(f"{name}: {problem.strerror or problem}") from problem
        return decode(data, name)

    def stamp(self, index: int) -> str:
        """Changes when the picture does."""
        return self._store.stamp(index)


def check(source: Source, on_picture: Callable[[], None] = lambda: None) -> Iterator[Problem]:
    """All that is wrong with a source: what it said at opening, and every picture that cannot be decoded."""
    yield from source.problems
    for index, name in enumerate(source.names):
        try:
            source.read(index)
        except DataError as error:
            yield Problem(name, str(error).removeprefix(f"{name}: "))
        on_picture()
