"""Crops as published networks and data sets frame a face: where in the photo each pixel of the crop comes from.

=========  ===========  ==========================================================================================
`ffhq`     256 x 256    eyes level, centred a little below them (Karras et al. 2019, recreate_aligned_images)
`arcface`  112 x 112    five points on fixed places (Deng et al. 2019, InsightFace)
`celeba`   178 x 218    eyes and mouth on fixed places (Liu et al. 2015, the aligned pictures of CelebA)
`deca`     224 x 224    an upright box 1.375 times as large as the landmarks' (Feng et al. 2021; DiffusionRig, EMOCA)
=========  ===========  ==========================================================================================

All start from the 68 points of iBUG in photo pixels, the subject's right first: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, lips
48-67. Every one of these frames is a `Square` of the photo, for CelebA one with more above and below it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mien.errors import UsageError, one_of
from mien.faces import ffhq
from mien.faces.align import Square, sample
from mien.faces.bilinear import pick

#: Eye centres, tip of the nose, corners of the mouth in the 112 x 112 crop; InsightFace.
_ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
#: Eye centres and middle of the mouth in the 178 x 218 crop; CelebA's authors give them counted from 1.
_CELEBA = np.array([[70.745, 112.0], [108.237, 112.0], [89.432, 153.514]]) - 1.0
_DECA_SIZE = 224

Points68 = Float[np.ndarray, "68 2"]


@dataclass(frozen=True)
class Template:
    """One way to frame a face."""

    width: int  #: pixels of a crop of the published size
    height: int
    square: Callable[[Points68], Square]  #: as wide as the crop, around its centre
    resample: Callable[[UInt8[np.ndarray, "h w 3"], Square, tuple[int, int]], UInt8[np.ndarray, "h2 w2 3"]]  #: to (width, height)

    def size(self, width: int | None = None) -> tuple[int, int]:
        """Width and height of a crop that is `width` pixels wide; the published size without it. The rows added to a square are even."""
        width = width or self.width
        return width, width + 2 * round(width * (self.height - self.width) / (2 * self.width))

    def to_photo(self, points: Points68, width: int | None = None) -> Float[np.ndarray, "3 3"]:
        """Homogeneous map of crop pixels to photo pixels, centres at integers in both."""
        return matrix(self.square(points), self.size(width))

    def cut(self, rgb: UInt8[np.ndarray, "h w 3"], points: Points68, width: int | None = None) -> UInt8[np.ndarray, "h2 w2 3"]:
        """The crop, resampled as its publishers did."""
        return self.resample(rgb, self.square(points), self.size(width))


def matrix(square: Square, size: tuple[int, int]) -> Float[np.ndarray, "3 3"]:
    """The map to photo pixels of a crop of (width, height) that has a square at its middle."""
    width, height = size
    to_photo = square.to_photo(width)
    to_photo[:2, 2] += to_photo[:2, 1] * ((width - height) / 2)
    return to_photo


def five_of(points: Points68) -> Float[np.ndarray, "5 2"]:
    """Eye centres, tip of the nose and corners of the mouth, subject's right first, as `Square.of_five` takes them."""
    return np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])


def _ffhq_square(points: Points68) -> Square:
    return Square.of_five(five_of(points))


def arcface_square(five: Float[np.ndarray, "5 2"]) -> Square:
    """The square of face recognition around five points, as `five_of` orders them."""
    return _carried(_ARCFACE, five, (112, 112))


def _arcface_square(points: Points68) -> Square:
    return arcface_square(five_of(points))


def _celeba_square(points: Points68) -> Square:
    right, left, _, *mouth = five_of(points)
    return _carried(_CELEBA, np.stack([right, left, (mouth[0] + mouth[1]) / 2]), (178, 218))


def _deca_square(points: Points68) -> Square:
    """Pixel centres 0 and 223 lie on the edges of the box: the square is half a pixel wider on each side."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = int(float((high - low).mean()) * 1.1 * 1.25)
    x, y = (low + high) / 2
    return Square(float(x), float(y), side / 2 * _DECA_SIZE / (_DECA_SIZE - 1))


def _carried(template: Float[np.ndarray, "n 2"], points: Float[np.ndarray, "n 2"], size: tuple[int, int]) -> Square:
    """The square of the crop whose `template` points come nearest to `points`: the similarity of least squares (Umeyama 1991).

    As complex numbers a similarity without reflection is ``p = a t + b``.
    """
    t, p = template @ [1, 1j], points @ [1, 1j]
    mean_t, mean_p = t.mean(), p.mean()
    a = np.vdot(t - mean_t, p - mean_p) / np.vdot(t - mean_t, t - mean_t).real
    centre = mean_p + a * (complex((size[0] - 1) / 2, (size[1] - 1) / 2) - mean_t)
    return Square(float(centre.real), float(centre.imag), float(abs(a)) * size[0] / 2, math.atan2(a.imag, a.real))


def _published_ffhq(rgb: UInt8[np.ndarray, "h w 3"], square: Square, size: tuple[int, int]) -> UInt8[np.ndarray, "h2 w2 3"]:
    return ffhq.resample(rgb, square, size[0])


def _black_outside(rgb: UInt8[np.ndarray, "h w 3"], square: Square, size: tuple[int, int]) -> UInt8[np.ndarray, "h2 w2 3"]:
    return np.rint(pick(rgb, matrix(square, size), size)).astype(np.uint8)


def _edges_go_on(rgb: UInt8[np.ndarray, "h w 3"], square: Square, size: tuple[int, int]) -> UInt8[np.ndarray, "h2 w2 3"]:
    width, height = size
    margin = (height - width) // 2
    return np.ascontiguousarray(sample(rgb, square.scaled(height / width), height)[:, margin : margin + width])


TEMPLATES: Mapping[str, Template] = {
    "ffhq": Template(256, 256, _ffhq_square, _published_ffhq),
    "arcface": Template(112, 112, _arcface_square, _black_outside),
    "celeba": Template(178, 218, _celeba_square, _edges_go_on),
    "deca": Template(_DECA_SIZE, _DECA_SIZE, _deca_square, _black_outside),
}


def template(name: str) -> Template:
    """The template of that name; raises `UsageError` for another."""
    if name not in TEMPLATES:
        raise UsageError(f"align {one_of(name, TEMPLATES)}")
    return TEMPLATES[name]
