"""256 colours for a GIF: a palette fitted once for a scene, and pictures drawn in it with ordered dithering.

Ordered dithering gives a pixel that does not change the same colour in every frame. So the rest of a moving face stands still,
and the encoder stores only what moved; error diffusion would let the noise of the mouth run over the whole picture below it.
"""

import math

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy.spatial import KDTree

_BITS = 6  # of each channel, in the table from colours to palette entries
_SAMPLE = 30_000  # pixels at most that the colours are fitted to
_DITHER = 16.0  # at most, in levels of 0..255


class Palette:
    """The 256 colours of one picture, by median cut (Heckbert 1982) and k-means, and the nearest of them for any colour."""

    def __init__(self, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        step = math.ceil(math.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE))
        sample = Image.fromarray(np.ascontiguousarray(rgb[::step, ::step]))
        fitted = sample.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE).getpalette() or []
        self.colours = np.zeros((256, 3), np.uint8)
        self.colours.reshape(-1)[: len(fitted)] = fitted
        self._tree = KDTree(self.colours.astype(np.float32))
        self._nearest = np.full(1 << 3 * _BITS, -1, np.int16)  # by the upper bits of red, green and blue; filled as they are met
        apart, _ = KDTree(np.unique(self.colours, axis=0)).query(self.colours, k=2)
        self._spread = min(_DITHER, float(np.median(apart[:, 1])))  # how far neighbouring colours are apart

    def draw(self, rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
        """Palette entries of a picture, dithered with Bayer's 8 x 8 matrix (1973), in green against red and blue.

        Opposed channels shift hue where they would shift brightness: the eye sees less of it, and the error is a seventh smaller.
        """
        height, width = rgb.shape[:2]
        tiles = np.tile(_BAYER, (-(-height // 8), -(-width // 8)))[:height, :width]
        shift = np.rint(tiles[..., None] * (self._spread, -self._spread, self._spread)).astype(np.int16)
        return self._entries(np.clip(rgb + shift, 0, 255).astype(np.uint8))

    def error(self, rgb: UInt8[np.ndarray, "h w 3"]) -> float:
        """How far a picture is from the nearest colours: the mean over every 16th pixel, in levels of 0..255."""
        sample = np.ascontiguousarray(rgb[::4, ::4])
        return float(np.abs(self.colours[self._entries(sample)].astype(np.int16) - sample).mean())

    def _entries(self, rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
        """The nearest palette entry of each pixel."""
        red, green, blue = np.moveaxis((rgb >> (8 - _BITS)).astype(np.int32), 2, 0)
        cells = (red << 2 * _BITS) | (green << _BITS) | blue
        unmet = np.unique(cells[self._nearest[cells] < 0])
        if unmet.size:
            upper = np.stack([unmet >> 2 * _BITS, unmet >> _BITS, unmet], axis=-1) & ((1 << _BITS) - 1)
            _, self._nearest[unmet] = self._tree.query((upper + 0.5) * (1 << (8 - _BITS)))
        return self._nearest[cells].astype(np.uint8)


def _bayer(doublings: int) -> Float32[np.ndarray, "n n"]:
    """Thresholds in -0.5..0.5, by the recursion M(2n) = [[4M, 4M + 2], [4M + 3, 4M + 1]]."""
    matrix = np.zeros((1, 1), np.int64)
    for _ in range(doublings):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return ((matrix + 0.5) / matrix.size - 0.5).astype(np.float32)


_BAYER = _bayer(3)
