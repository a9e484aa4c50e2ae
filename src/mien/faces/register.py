"""Where the landmarks of one picture of a person are in another one, followed by the pixels themselves.

Landmark networks know what faces look like and report only a part of a small movement; pixels do not. Between an edited picture and its
original, or neighbouring frames, dense optical flow (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016) follows skin
to a fraction of a pixel. Upper lids fold and are followed by their own rule (`mien.faces.lids`). Where the pixels do not agree afterwards
(another light, a hand), and at the margins of lower lids and lips, which hide and uncover what is behind them, the landmarks of the second
picture stand as they are.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.faces import lids
from mien.faces.align import Square, sample
from mien.types import Crop

_SIZE = 256  # pixels of the square that is followed
_REACH = 1.3  # of the landmarks' extent
_STEADY = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 127, 356)  # corners of the eyes, the nose's ridge, temples
_MARGINS = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,  # inner lips
    155, 154, 153, 145, 144, 163, 7, 382, 381, 380, 374, 373, 390, 249,  # lower lids, without the corners of the eye
    *lids.FOLDING,
)  # fmt: skip
_PATCH = 13  # pixels, in which the pictures must agree
_GRAIN = 12.0  # grey levels squared: variance of a patch below which there is nothing to agree on
_DOUBT, _SURE = 0.5, 0.85  # correlation of patches up to which the flow counts nothing, and from which it counts all


@dataclass(frozen=True, eq=False)
class Followed:
    """The landmarks of a second picture, in the pixels of its photo."""

    landmarks: Float[np.ndarray, "468 3"]
    trust: Float[np.ndarray, " 468"]  #: 1: followed by the pixels, 0: the second picture's own landmark


def follow(crop: Crop, reference: Crop) -> Followed:
    """The landmarks of `reference` as the pixels carried them to `crop`; crops without pixels keep their own."""
    seen = crop.face.landmarks.astype(np.float64)
    if min(*crop.rgb.shape[:2], *reference.rgb.shape[:2]) < 2:
        return Followed(seen, np.zeros(len(seen)))
    before, after = _points(reference), _points(crop)
    square = Square.around(np.column_stack([before, reference.face.landmarks[:, 2]]), _REACH)
    there = _carried(square, before, after)
    pictures = sample(reference.rgb, square, _SIZE), sample(crop.rgb, there, _SIZE)
    one, two = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(0)
    field = flow.calc(one, two, np.zeros((_SIZE, _SIZE, 2), np.float32))
    inside = cv2.transform(before[None], np.linalg.inv(square.to_photo(_SIZE))[:2])[0]
    agree = _agreement(one, two, field)
    moved = inside + _at(field, inside)
    moved[list(lids.MOVED)], sure = lids.follow(*pictures, inside)
    followed = cv2.transform(moved[None], (crop.to_photo @ there.to_photo(_SIZE))[:2])[0]
    trust = np.clip((_at(agree, inside) - _DOUBT) / (_SURE - _DOUBT), 0.0, 1.0)
    trust[list(_MARGINS)] = 0.0
    trust[list(lids.MOVED)] = sure
    mixed = seen.copy()
    mixed[:, :2] += trust[:, None] * (followed - seen[:, :2])
    return Followed(mixed, trust)


def _points(crop: Crop) -> Float[np.ndarray, "468 2"]:
    """The landmarks in pixels of the crop."""
    return cv2.transform(crop.face.landmarks[None, :, :2].astype(np.float64), np.linalg.inv(crop.to_photo)[:2])[0]


def _carried(square: Square, before: Float[np.ndarray, "468 2"], after: Float[np.ndarray, "468 2"]) -> Square:
    """The square moved as the steady landmarks have: the least-squares similarity, in complex numbers."""
    p, q = (points[list(_STEADY)] @ np.array([1.0, 1.0j]) for points in (before, after))
    turn = np.vdot(p - p.mean(), q - q.mean()) / np.vdot(p - p.mean(), p - p.mean())
    centre = q.mean() + turn * (complex(square.x, square.y) - p.mean())
    return replace(
        square, x=float(centre.real), y=float(centre.imag), half=square.half * abs(turn), roll=square.roll + float(np.angle(turn))
    )


def _agreement(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"], field: np.ndarray) -> np.ndarray:
    """Correlation of the patch around each pixel with the patch it has gone to, -1..1; 1 where both are plain."""
    grid = np.stack(np.meshgrid(*map(np.arange, before.shape[::-1])), axis=-1).astype(np.float32)
    where = grid + field
    one, two = before.astype(np.float32), cv2.remap(after, where[..., 0], where[..., 1], cv2.INTER_LINEAR).astype(np.float32)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(values, -1, (_PATCH, _PATCH))

    shared = mean(one * two) - mean(one) * mean(two)
    spread = (mean(one * one) - mean(one) ** 2).clip(0) * (mean(two * two) - mean(two) ** 2).clip(0)
    return (shared + _GRAIN) / (np.sqrt(spread) + _GRAIN)


def _at(values: np.ndarray, points: Float[np.ndarray, "n 2"]) -> np.ndarray:
    """Values of a picture at points."""
    x, y = points.astype(np.float32).T
    return cv2.remap(values, x[:, None].copy(), y[:, None].copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
