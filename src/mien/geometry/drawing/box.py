"""A rectangle of whole pixels, and how pictures are read at places between pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32

_NO_MAP: Any = None  # OpenCV's second map, where the first holds x and y: an empty array there makes it read at random


@dataclass(frozen=True)
class Box:
    """Pixels left .. left + width - 1 and top .. top + height - 1; empty when a side is not positive."""

    left: int
    top: int
    width: int
    height: int

    @staticmethod
    def around(points: Float[np.ndarray, "n 2"], margin: int = 0) -> "Box":
        """The pixels that hold all points and `margin` more on every side."""
        low, high = np.floor(points.min(axis=0)).astype(int) - margin, np.ceil(points.max(axis=0)).astype(int) + margin + 1
        return Box(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))

    @property
    def right(self) -> int:
        """The first column beyond."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond."""
        return self.top + self.height

    @property
    def empty(self) -> bool:
        """Whether it has no pixel."""
        return self.width <= 0 or self.height <= 0

    def within(self, other: "Box") -> "Box":
        """The pixels of both."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, min(self.right, other.right) - left, min(self.bottom, other.bottom) - top)

    def joined(self, other: "Box") -> "Box":
        """The smallest box around both."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        return Box(left, top, max(self.right, other.right) - left, max(self.bottom, other.bottom) - top)

    def of(self, image: Any, origin: "Box | None" = None) -> Any:
        """These pixels of an array, a view; `origin` is the box that the array covers when it does not start at (0, 0)."""
        x, y = (origin.left, origin.top) if origin else (0, 0)
        return image[self.top - y : self.bottom - y, self.left - x : self.right - x]

    def tiles(self, side: int) -> Iterator["Box"]:
        """Squares of `side` pixels, row by row, that make up the box; smaller ones at its right and lower edge."""
        for top in range(self.top, self.bottom, side):
            for left in range(self.left, self.right, side):
                yield Box(left, top, side, side).within(self)

    def pixels(self) -> Float32[np.ndarray, "h w 2"]:
        """Coordinates x, y of every pixel."""
        x, y = np.arange(self.left, self.right, dtype=np.float32), np.arange(self.top, self.bottom, dtype=np.float32)
        return np.stack(np.meshgrid(x, y), axis=-1)


def frame_of(image: np.ndarray) -> Box:
    """The box of a whole picture."""
    return Box(0, 0, image.shape[1], image.shape[0])


def sample(image: np.ndarray, at: Float[np.ndarray, "h w 2"], how: int = cv2.INTER_LINEAR, *, outside: int = cv2.BORDER_REPLICATE) -> Any:
    """The picture at places (x, y), interpolated `how` OpenCV names it; beyond its borders the edge goes on, or as `outside` says."""
    return cv2.remap(image, np.ascontiguousarray(at, np.float32), _NO_MAP, how, borderMode=outside)
