"""Draw people who do not exist."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from mien import images, registry
from mien.errors import UsageError
from mien.protocols import Mixed
from mien.provenance import Provenance

_LARGEST = 100_000_000  # pixels of a grid


@dataclass(frozen=True, eq=False)
class Generated:
    """Pictures that a generator drew."""

    generator: str
    seeds: Sequence[int]
    pictures: Sequence[UInt8[np.ndarray, "h w 3"]]  #: one for each seed
    words: str  #: how they were drawn, beside the seeds, for the record

    def grid(self, columns: int | None = None, size: int | None = None) -> UInt8[np.ndarray, "h w 3"]:
        """All pictures in rows, nearly a square unless `columns` are given, each `size` pixels wide, its own size if not given.

        Raises `UsageError` for no columns, and for more than 100 million pixels.
        """
        count, side = len(self.pictures), self.pictures[0].shape[1] if size is None else size
        columns = math.ceil(math.sqrt(count)) if columns is None else min(columns, count)
        if columns < 1 or side < 1:
            raise UsageError(f"a grid of {columns} columns of {side} pixels: give at least 1 of each")
        rows = math.ceil(count / columns)
        if rows * columns * side**2 > _LARGEST:
            raise UsageError(
                f"a grid of {columns * side} x {rows * side} pixels is too large: give a smaller size, or a folder for each by itself"
            )
        grid = np.full((rows * side, columns * side, 3), 255, np.uint8)
        for number, picture in enumerate(self.pictures):
            y, x = side * (number // columns), side * (number % columns)
            grid[y : y + side, x : x + side] = _sized(picture, side)
        return grid

    @property
    def image(self) -> Image.Image:
        """The grid for Pillow; a single picture is itself."""
        return Image.fromarray(self.grid())

    def save(self, path: str | Path, *, columns: int | None = None, size: int | None = None) -> Path:
        """Write the grid; the file says how it was made."""
        return images.write(self.grid(columns, size), path, provenance=self.provenance(self.seeds))

    def save_each(self, folder: str | Path) -> list[Path]:
        """Write each picture by itself, as ``seed0007.png``."""
        pairs = zip(self.seeds, self.pictures, strict=True)
        return [images.write(rgb, Path(folder) / f"seed{seed:04d}.png", provenance=self.provenance([seed])) for seed, rgb in pairs]

    def provenance(self, seeds: Sequence[int]) -> Provenance:
        """What a file of the pictures of these seeds says of its making."""
        span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}..{seeds[-1]}"
        return Provenance("generated", self.generator, f"{span} {self.words}")


def _sized(picture: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "s s 3"]:
    if picture.shape[1] == side:
        return picture
    smaller = side < picture.shape[1]
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)


def generate(
    generator: str,
    n: int = 1,
    *,
    seed: int = 0,
    truncation: float = 1.0,
    mix: Mixed | tuple[int, int] | None = None,
    weights: str | Path | None = None,
    on_picture: Callable[[], object] = lambda: None,
) -> Generated:
    """`n` pictures of a generator, of the seeds from `seed` on; the same seed is the same picture, whatever else is drawn.

    `truncation` from 1 to 0 draws them towards the mean face: fewer odd ones, more alike. `mix` is a seed and a row of its code: from there
    on all take that code's rows, the first ones shape the face, the last ones colour it. `weights` is the file of the network, the first
    that was imported if not given.

    Raises `UsageError` for what cannot be drawn, `WeightsError` without a network.
    """
    if n < 1:
        raise UsageError(f"n = {n}: give at least 1")
    drawing = registry.generator(generator, None if weights is None else Path(weights).expanduser())
    mixed = None if mix is None else Mixed(*mix)
    seeds, pictures = range(seed, seed + n), list[UInt8[np.ndarray, "h w 3"]]()
    for each in seeds:
        pictures += drawing.sample([each], truncation=truncation, mix=mixed)
        on_picture()
    words = f"truncation {truncation:g}" + (f" mix {mixed}" if mixed else "") + f" weights {drawing.path.stem}"
    return Generated(drawing.name, list(seeds), pictures, words)
