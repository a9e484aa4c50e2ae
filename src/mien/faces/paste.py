"""Put drawn faces back into their photo."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.types import Crop, Drawn, Photo


def paste(photo: Photo, crops: Sequence[Crop], drawn: Sequence[Drawn]) -> UInt8[np.ndarray, "h w 3"]:
    """The photo with every face drawn over it, in order; where all mattes are 0 it is the photo, bit for bit.

    A crop at the photo's own pixels is laid down without resampling; an aligned one is turned and scaled back.
    """
    rgb = photo.rgb.copy()
    for crop, face in zip(crops, drawn, strict=True):
        offset = _offset(crop.to_photo)
        if offset is not None:
            _lay(rgb, face.rgb, face.matte, *offset)
        else:
            _lay(rgb, *_carried(face, crop.to_photo, photo.size))
    return rgb


def _offset(to_photo: Float[np.ndarray, "3 3"]) -> tuple[int, int] | None:
    """Left and top of a crop that keeps the photo's own pixels; None for any other."""
    whole = np.round(to_photo)
    own = np.array_equal(whole, to_photo) and np.array_equal(whole[:, :2], np.eye(3)[:, :2])
    return (int(whole[0, 2]), int(whole[1, 2])) if own else None


def _lay(rgb: UInt8[np.ndarray, "h w 3"], top: np.ndarray, matte: Float32[np.ndarray, "b a"], left: int, above: int) -> None:
    """Blend a picture into `rgb` with its upper left pixel at (left, above); what reaches beyond is cut off."""
    x, y, width, height = cv2.boundingRect((matte > 0.0).view(np.uint8))
    x0, y0 = max(left + x, 0), max(above + y, 0)
    x1, y1 = min(left + x + width, rgb.shape[1]), min(above + y + height, rgb.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = np.s_[y0 - above : y1 - above, x0 - left : x1 - left]
    below, colours, weight = rgb[y0:y1, x0:x1], top[part], matte[part]
    solid = weight >= 1.0
    mixed = (weight > 0.0) & ~solid
    share = weight[mixed, None]
    below[mixed] = np.round(share * colours[mixed] + (1.0 - share) * below[mixed]).astype(np.uint8)
    cv2.copyTo(colours, solid.view(np.uint8), below)


def _carried(
    face: Drawn, to_photo: Float[np.ndarray, "3 3"], size: tuple[int, int]
) -> tuple[UInt8[np.ndarray, "b a 3"], Float32[np.ndarray, "b a"], int, int]:
    """An aligned crop in the photo's pixels: colours, matte, left and top."""
    height, width = face.matte.shape
    outline = np.array([[-0.5, -0.5, 1], [width - 0.5, -0.5, 1], [-0.5, height - 0.5, 1], [width - 0.5, height - 0.5, 1]])
    edges = (outline @ to_photo.T)[:, :2]
    low = np.clip(np.floor(edges.min(axis=0)), 0, np.array(size) - 1).astype(int)
    high = np.clip(np.ceil(edges.max(axis=0)) + 1, low + 1, size).astype(int)
    matrix = to_photo.copy()
    matrix[:2, 2] -= low
    rgb, matte = face.rgb, face.matte
    finer = 1.0 / float(np.hypot(matrix[0, 0], matrix[1, 0]))  # crop pixels to a photo pixel
    if finer > 1.5:  # average first, so that nothing aliases
        sigma = 0.4 * finer
        rgb, matte = cv2.GaussianBlur(rgb, (0, 0), sigma), cv2.GaussianBlur(matte, (0, 0), sigma)
    extent = (int(high[0] - low[0]), int(high[1] - low[1]))
    colours = cv2.warpAffine(rgb, matrix[:2], extent, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpAffine(matte, matrix[:2], extent, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return colours, np.clip(weight, 0.0, 1.0), int(low[0]), int(low[1])
