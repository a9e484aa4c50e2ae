"""FFHQ's resampling, step by step as it was published: shrink, crop, pad, four times the size, down again.

Karras, Laine & Aila 2019, recreate_aligned_images; used by StyleGAN, pSp, e4e, FG-Net and DiffusionRig. With the same Pillow the
pixels are the same. Beyond the photo there is its mirror image, blurred and faded to its median colour.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image
from scipy import ndimage

from mien.faces.align import Square

_OVERSAMPLING = 4  # how much larger the crop is before the last step


@dataclass(frozen=True, eq=False)
class Canvas:
    """What the square is cut from: a part of the photo, perhaps smaller, perhaps with a frame."""

    image: Image.Image
    corners: Float[np.ndarray, "4 2"]  #: top left, bottom left, bottom right, top right; in its pixels
    shrink: int  #: by which the photo was divided; it was not for 0 and 1
    border: int  #: pixels kept around the square
    crop: tuple[int, int, int, int]  #: left, top, right, bottom of the part in the (shrunk) photo
    pad: tuple[int, int, int, int]  #: pixels added left, top, right, bottom


def resample(
    rgb: UInt8[np.ndarray, "h w 3"], square: Square, size: int, *, transform: int | None = None, pad: bool = True
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """A square of a photo as `size` x `size` pixels.

    `transform` is the size at which pixels are picked before they are averaged down, 4 `size` as FFHQ has it; pSp and e4e take `size`.
    Without `pad` the photo ends in black.
    """
    transform = transform or _OVERSAMPLING * size
    canvas = prepared(rgb, square, size, pad=pad)
    quad = tuple((canvas.corners + 0.5).ravel())
    image = canvas.image.transform((transform, transform), Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
    return np.asarray(image if size >= transform else image.resize((size, size), Image.Resampling.LANCZOS))


def corners_of(square: Square) -> Float[np.ndarray, "4 2"]:
    """Top left, bottom left, bottom right, top right of a square in photo pixels."""
    centre, right = np.array([square.x, square.y]), square.half * np.array([np.cos(square.roll), np.sin(square.roll)])
    down = np.array([-right[1], right[0]])
    return np.stack([centre - right - down, centre - right + down, centre + right + down, centre + right - down])


def prepared(rgb: UInt8[np.ndarray, "h w 3"], square: Square, size: int, *, pad: bool = True) -> Canvas:
    """All steps before the square is cut."""
    image, corners, side = Image.fromarray(rgb), corners_of(square), 2 * square.half
    shrink = int(np.floor(side / size * 0.5))
    if shrink > 1:
        smaller = (int(np.rint(image.width / shrink)), int(np.rint(image.height / shrink)))
        image, corners, side = image.resize(smaller, Image.Resampling.LANCZOS), corners / shrink, side / shrink
    border = max(int(np.rint(side * 0.1)), 3)
    left, top, right, bottom = _reach(corners)
    crop = (max(left - border, 0), max(top - border, 0), min(right + border, image.width), min(bottom + border, image.height))
    if crop[2] - crop[0] < image.width or crop[3] - crop[1] < image.height:
        image, corners = image.crop(crop), corners - crop[:2]
    left, top, right, bottom = _reach(corners)
    lacking = (-left + border, -top + border, right - image.width + border, bottom - image.height + border)
    frame = tuple(max(pixels, 0) for pixels in lacking)
    if not pad or max(frame) <= border - 4:
        return Canvas(image, corners, shrink, border, crop, (0, 0, 0, 0))
    least = int(np.rint(side * 0.3))
    wide = (max(frame[0], least), max(frame[1], least), max(frame[2], least), max(frame[3], least))
    return Canvas(_framed(image, wide, side), corners + wide[:2], shrink, border, crop, wide)


def _reach(corners: Float[np.ndarray, "4 2"]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the whole pixels around the corners."""
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _framed(image: Image.Image, pad: tuple[int, int, int, int], side: float) -> Image.Image:
    """The picture with its mirror image around it, which blurs and fades to the median colour towards the edge."""
    left, top, right, bottom = pad
    pixels = np.pad(np.asarray(image, dtype=np.float32), ((top, bottom), (left, right), (0, 0)), "reflect")
    far = _farness(pixels.shape[0], pixels.shape[1], pad)
    blurred = ndimage.gaussian_filter(pixels, (side * 0.02, side * 0.02, 0))
    pixels += (blurred - pixels) * np.clip(far * 3.0 + 1.0, 0.0, 1.0)
    pixels += (np.median(pixels, axis=(0, 1)) - pixels) * np.clip(far, 0.0, 1.0)
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def _farness(height: int, width: int, pad: tuple[int, int, int, int]) -> Float32[np.ndarray, "h w 1"]:
    """1 at the outer edge, 0 where the picture begins, negative inside it."""
    y, x, _ = np.ogrid[:height, :width, :1]
    left, top, right, bottom = np.array(pad, dtype=np.float32)
    across = np.minimum(x.astype(np.float32) / left, (width - 1 - x).astype(np.float32) / right)
    down = np.minimum(y.astype(np.float32) / top, (height - 1 - y).astype(np.float32) / bottom)
    return np.maximum(1.0 - across, 1.0 - down).astype(np.float32)
