"""What lay between open lips and is left in the skin when they close: dark corners, which no margin parts to the pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from mien.geometry.drawing import between
from mien.geometry.drawing.box import Box, frame_of, sample
from mien.geometry.drawing.slit import Slit
from mien.geometry.drawing.warp import fill

REACH = 0.4  #: cm around an opening within which something of it may be left
_SURE = 0.4  # of being teeth or depth
_RIM = 0.05  # cm around them that is taken for them as well
_AROUND = 0.3  # cm of skin from which the gap is filled


@dataclass(frozen=True, eq=False)
class Remains:
    """Where the photo shows what lies between the lips, outside of the margins that were found too."""

    box: Box  #: what `mask` covers of the crop
    mask: Float32[np.ndarray, "h w"]  #: 1 where it does


def look(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], slit: Slit, scale: float) -> Remains:
    """Follow teeth and depth from the opening of a mouth outwards; `scale` in pixels per cm."""
    box = slit.opening(2 + int(REACH * scale)).within(frame_of(rgb))
    found = between.look(rgb, landmarks, slit, scale)
    st = slit.frame.to(box.pixels())
    seen = found.share(box.of(rgb).astype(np.float32), st) > _SURE
    inside = (slit.inside(st) > 0.5).astype(np.uint8)
    near = cv2.dilate(inside, _disc(REACH * scale))
    _, labels = cv2.connectedComponents(((seen & (near > 0)) | (inside > 0)).astype(np.uint8), connectivity=4)
    ours = np.isin(labels, np.unique(labels[inside > 0])) & (labels > 0)
    return Remains(box, cv2.dilate(ours.astype(np.uint8), _disc(max(_RIM * scale, 1.0))).astype(np.float32))


def _disc(radius: float) -> UInt8[np.ndarray, "n n"]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius) + 1,) * 2)


def clear(
    canvas: Float32[np.ndarray, "h w 3"], remains: Remains, source: Float32[np.ndarray, "h w 2"], outside: Bool[np.ndarray, "h w"],
    scale: float,
) -> None:  # fmt: skip
    """Fill what is left of the inside of a mouth with the skin around it.

    `source` is where the pixels of a canvas come from in the crop, `outside` tells which of them may be left over.
    """
    left = sample(remains.mask, source - [remains.box.left, remains.box.top], outside=cv2.BORDER_CONSTANT) > 0.02
    x, y, width, height = cv2.boundingRect((left & outside).astype(np.uint8))
    if not width:
        return
    around = round(_AROUND * scale)
    part = Box(x - around, y - around, width + 2 * around, height + 2 * around).within(frame_of(canvas))
    gone = part.of(left)
    colours = part.of(canvas)
    soft = cv2.GaussianBlur((gone & part.of(outside)).astype(np.float32), (0, 0), max(0.02 * scale, 0.6))
    share = np.maximum(soft, gone & part.of(outside))[..., None]
    colours += share * (fill(colours, ~gone) - colours)
