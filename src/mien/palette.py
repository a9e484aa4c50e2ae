"""256 colours for a GIF: a palette fitted once for a scene, and pictures drawn in it with ordered dithering.

Ordered dithering gives a pixel that does not change the same colour in every frame. So the rest of a moving face stands still,
and the encoder stores only what moved; error diffusion would let the noise of the mouth run over the whole picture below it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy.spatial import KDTree

_BITS = 6  # of each channel, in the table from colours to palette entries
_LEVELS = 1 << _BITS


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours, and the nearest of them for every colour there is."""

    colours: UInt8[np.ndarray, "256 3"]
    nearest: UInt8[np.ndarray, "r g b"]  #: by the upper bits of red, green and blue
    spread: float  #: how far apart neighbouring colours are, in levels of 0..255

    @staticmethod
    def of(rgb: UInt8[np.ndarray, "h w 3"]) -> "Palette":
        """The palette of a picture, by median cut (Heckbert 1982)."""
        fitted = Image.fromarray(rgb).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).getpalette() or []
        colours = np.zeros((256, 3), np.uint8)
        colours.reshape(-1)[: len(fitted)] = fitted
        tree = KDTree(np.unique(colours, axis=0).astype(np.float32))
        apart, _ = tree.query(tree.data, k=min(2, tree.n))
        middles = (np.indices((_LEVELS,) * 3).reshape(3, -1).T + 0.5) * (256 / _LEVELS)
        _, nearest = KDTree(colours.astype(np.float32)).query(middles.astype(np.float32))
        return Palette(colours, np.asarray(nearest, np.uint8).reshape((_LEVELS,) * 3), float(np.median(apart[..., -1])))

    def draw(self, rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
        """Palette entries of a picture, dithered with Bayer's 8 x 8 matrix (1973)."""
        height, width = rgb.shape[:2]
        tiles = np.tile(_BAYER, (-(-height // 8), -(-width // 8)))[:height, :width]
        dithered = np.clip(rgb + np.rint(tiles * self.spread).astype(np.int16)[..., None], 0, 255)
        red, green, blue = np.moveaxis(dithered >> (8 - _BITS), 2, 0)
        return self.nearest[red, green, blue]

    def error(self, rgb: UInt8[np.ndarray, "h w 3"]) -> float:
        """How far a picture is from the nearest colours: the mean over every 16th pixel, in levels of 0..255."""
        sample = rgb[::4, ::4]
        red, green, blue = np.moveaxis(sample >> (8 - _BITS), 2, 0)
        return float(np.abs(self.colours[self.nearest[red, green, blue]].astype(np.int16) - sample).mean())


def _bayer(levels: int) -> Float32[np.ndarray, "n n"]:
    """Thresholds in -0.5..0.5, by the recursion M(2n) = [[4M, 4M + 2], [4M + 3, 4M + 1]]."""
    matrix = np.zeros((1, 1), np.int64)
    for _ in range(levels):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return ((matrix + 0.5) / matrix.size - 0.5).astype(np.float32)


_BAYER = _bayer(3)
