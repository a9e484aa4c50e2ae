"""Squares around faces, and the crops that are cut there.

A `Square` says where to look in a photo; every network of mien sees its face through one. All coordinates are photo pixels with
pixel centres at integers, x right, y down.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.types import Crop, CropSpec, Face, Photo

#: Landmarks of the corners of the eyes, the tip of the nose and the corners of the mouth; subject's right first.
RIGHT_EYE, LEFT_EYE, NOSE, MOUTH = (33, 133), (362, 263), 1, (61, 291)
OUTER_EYES = (33, 263)  #: their distance is the unit of landmark errors


@dataclass(frozen=True)
class Square:
    """A square in a photo, turned by `roll`: from its centre its right side lies `half` pixels away along (cos, sin) of `roll`."""

    x: float
    y: float
    half: float  #: pixels, > 0
    roll: float = 0.0  #: radians, clockwise as the viewer sees it

    @staticmethod
    def of_box(box: tuple[float, float, float, float]) -> "Square":
        """The upright square with the centre and the longer side of a box (x, y, width, height)."""
        x, y, width, height = box
        return Square(x + width / 2, y + height / 2, max(width, height) / 2)

    @staticmethod
    def of_image(rgb: UInt8[np.ndarray, "h w 3"]) -> "Square":
        """The square around a whole picture."""
        return Square.of_box((-0.5, -0.5, float(rgb.shape[1]), float(rgb.shape[0])))

    @staticmethod
    def of_five(points: Float[np.ndarray, "5 2"]) -> "Square":
        """The framing of FFHQ (Karras et al. 2019, recreate_aligned_images): eyes level, centred a little below them.

        `points`: subject's right eye, left eye, nose, right and left corner of the mouth.
        """
        eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
        across, down = points[1] - points[0], mouth - eyes
        right = across + np.array([down[1], -down[0]])  # both say where right is; their sum is steadier under head turns
        x, y = eyes + 0.1 * down
        half = max(2.0 * math.hypot(*across), 1.8 * math.hypot(*down))
        return Square(float(x), float(y), half, math.atan2(right[1], right[0]))

    @staticmethod
    def around(landmarks: Float[np.ndarray, "468 3"], margin: float = 1.25) -> "Square":
        """Eyes level, around all landmarks, `margin` times as wide as they reach in the longer direction."""
        across = landmarks[OUTER_EYES[1], :2] - landmarks[OUTER_EYES[0], :2]
        roll = math.atan2(across[1], across[0])
        axes = _axes(roll)
        level = landmarks[:, :2] @ axes
        low, high = level.min(axis=0), level.max(axis=0)
        x, y = axes @ ((low + high) / 2)
        return Square(float(x), float(y), float((high - low).max()) / 2 * margin, roll)

    def scaled(self, factor: float) -> "Square":
        """The same place, larger or smaller."""
        return replace(self, half=self.half * factor)

    def lowered(self, by: float) -> "Square":
        """The square further down the face, by a share of half its side."""
        down = by * self.half
        return replace(self, x=self.x - down * math.sin(self.roll), y=self.y + down * math.cos(self.roll))

    def to_photo(self, size: int) -> Float[np.ndarray, "3 3"]:
        """Homogeneous map of the pixels of a `size` x `size` crop to photo pixels; the crop's outer edge is the square."""
        scale = 2 * self.half / size
        matrix = np.eye(3)
        matrix[:2, :2] = _axes(self.roll) * scale
        matrix[:2, 2] = np.array([self.x, self.y]) - matrix[:2, :2] @ np.full(2, (size - 1) / 2)
        return matrix


def _axes(roll: float) -> Float[np.ndarray, "2 2"]:
    return np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])


def five_points(landmarks: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "5 2"]:
    """Eye centres, tip of the nose and corners of the mouth, subject's right first, as `Square.of_five` takes them."""
    flat = landmarks[:, :2]
    return np.stack([flat[list(RIGHT_EYE)].mean(0), flat[list(LEFT_EYE)].mean(0), flat[NOSE], flat[MOUTH[0]], flat[MOUTH[1]]])


def carry(matrix: Float[np.ndarray, "3 3"], points: Float[np.ndarray, "*n k"]) -> Float[np.ndarray, "*n k"]:
    """Move (x, y) or (x, y, z) points by a homogeneous similarity; depth only changes its scale."""
    moved = points.astype(np.float64)
    moved[..., :2] = points[..., :2] @ matrix[:2, :2].T + matrix[:2, 2]
    moved[..., 2:] *= math.hypot(matrix[0, 0], matrix[1, 0])
    return moved


def sample(rgb: UInt8[np.ndarray, "h w 3"], square: Square, size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The picture inside a square, as `size` x `size` pixels; beyond the photo its edge pixels go on.

    A square of more than twice `size` pixels is averaged down first, so that nothing aliases.
    """
    matrix = square.to_photo(size)
    shrink = int(square.half / size)  # whole pixels of the photo to a pixel of the crop, halved: warping smooths the rest
    if shrink > 1:
        rgb, to_region = _shrunk(rgb, square, shrink)
        matrix = to_region @ matrix
    return cv2.warpAffine(rgb, matrix[:2], (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)


def _shrunk(rgb: UInt8[np.ndarray, "h w 3"], square: Square, shrink: int) -> tuple[UInt8[np.ndarray, "a b 3"], Float[np.ndarray, "3 3"]]:
    """The part of a photo under a square, `shrink` times smaller, and the map of photo pixels to it."""
    reach = square.half * math.sqrt(2) + shrink
    height, width = rgb.shape[:2]
    left, top = max(0, int(square.x - reach)), max(0, int(square.y - reach))
    right, bottom = min(width, int(square.x + reach) + 1), min(height, int(square.y + reach) + 1)
    left, top = min(left, width - 1), min(top, height - 1)
    part = rgb[top : max(bottom, top + 1), left : max(right, left + 1)]
    small = cv2.resize(part, (max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink)), interpolation=cv2.INTER_AREA)
    sx, sy = small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]
    to_region = np.array([[sx, 0, (0.5 - left) * sx - 0.5], [0, sy, (0.5 - top) * sy - 0.5], [0, 0, 1.0]])
    return small, to_region


def cut(photo: Photo, face: Face, spec: CropSpec) -> Crop:
    """Cut a face out of its photo.

    `spec.size` None: the photo's own pixels in an upright box around the landmarks and `spec.margin` of their extent on every side,
    as far as the photo reaches. Otherwise the aligned square of `Square.of_five`, resampled to `spec.size` pixels.
    """
    if spec.size is not None:
        square = Square.of_five(five_points(face.landmarks))
        return Crop(sample(photo.rgb, square, spec.size), square.to_photo(spec.size), face)
    low, high = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)
    reach = (high - low) * spec.margin
    limit = np.array(photo.size)
    left, top = np.clip(np.floor(low - reach).astype(int), 0, limit - 1)
    right, bottom = np.clip(np.ceil(high + reach).astype(int) + 1, (left + 1, top + 1), limit)
    to_photo = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    return Crop(np.ascontiguousarray(photo.rgb[top:bottom, left:right]), to_photo, face)
