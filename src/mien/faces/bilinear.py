"""Pixels picked from a photo between its own, without smoothing, as networks were given them that were trained so."""

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy import ndimage

Rgb = UInt8[np.ndarray, "h w 3"]


def pick(rgb: Rgb, to_photo: Float[np.ndarray, "3 3"], size: tuple[int, int]) -> Float32[np.ndarray, "h2 w2 3"]:
    """The crop of (width, height) whose pixels lie where `to_photo` says: bilinear, black beyond the photo, 0..255.

    Equal to scikit-image's ``warp(..., order=1)``; OpenCV's would round places to 1/32 of a pixel.
    """
    width, height = size
    y, x = np.mgrid[:height, :width]
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ to_photo[:2].T
    where = [places[..., 1], places[..., 0]]
    return np.stack([_channel(rgb[..., c], where) for c in range(3)], axis=-1)


def _channel(values: UInt8[np.ndarray, "h w"], where: list[Float[np.ndarray, "h2 w2"]]) -> Float32[np.ndarray, "h2 w2"]:
    return ndimage.map_coordinates(values, where, output=np.float32, order=1, mode="grid-constant", cval=0.0)


def squashed(rgb: Rgb, size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The whole picture as `size` x `size` pixels, its aspect lost: what DiffusionRig makes of every picture first.

    scikit-image's ``resize`` with anti-aliasing: a Gaussian of (shrinking - 1) / 2 pixels, linear interpolation, fractions cut off.
    """
    shrinking = np.array([rgb.shape[0] / size, rgb.shape[1] / size])
    sigma = (*np.maximum(0.0, (shrinking - 1) / 2), 0.0)
    smooth = ndimage.gaussian_filter(rgb * (1 / 255.0), sigma, mode="mirror")
    small = np.asarray(ndimage.zoom(smooth, (*(1 / shrinking), 1.0), order=1, mode="mirror", grid_mode=True))
    return (np.clip(small, 0.0, 1.0) * 255).astype(np.uint8)
