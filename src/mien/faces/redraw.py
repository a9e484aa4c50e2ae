"""A generator's change of a face, done to the photo's own pixels.

A generator shows the face as it reconstructs it and as it would have it now, often much coarser than the photo and never quite like it.
What differs between its two pictures is taken apart: how the face moves (dense optical flow; Kroeger et al., "Fast Optical Flow using
Dense Inverse Search", 2016) and what is new (light, teeth, the inside of a mouth). The photo's pixels are carried along the motion and keep
their detail; what is new is added, and where nothing could have moved to, the generator's own picture is shown, in the photo's tones.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from mien.faces.align import Square
from mien.faces.carrying import GRID, Picture, around, carried, resized
from mien.faces.meeting import Meeting, laid_over

_SMOOTH = 2.0  # pixels of the grid, over which motion is even
_MEET = 0.7  # of those, by which a way there and back may miss
_SEEN = 3.0  # grey levels of a difference that is no noise
_NEW = 14.0  # grey levels left after the motion from which on a patch is new
_TONES = 10.0  # pixels of the grid: how far around a new patch the tones are taken from


@dataclass(frozen=True, eq=False)
class Change:
    """What a generator changes in an aligned square."""

    motion: Float32[np.ndarray, "g g 2"]  #: where each pixel comes from, as a step in shares of the square's side
    added: Float32[np.ndarray, "d d 3"]  #: grey levels beyond what moved there
    fresh: Float32[np.ndarray, "d d 3"]  #: the generator's picture in the photo's tones
    known: Float32[np.ndarray, "g g"]  #: 1: what is seen has moved there, 0: it is new
    reached: tuple[float, float, float, float]  #: left, top, right, bottom of where there is anything of it, as shares of the side


def change(
    before: Picture, after: Picture, shown: Float32[np.ndarray, "g g 3"], reach: Float32[np.ndarray, "r r"], meeting: Meeting
) -> Change:
    """What leads from one picture (0..255) to the other, laid over the photo, where `reach` (0..1) allows it; `shown` is the photo."""
    coarse, fine = max(1.0, GRID / len(before)), max(GRID, len(before))
    before, after = (laid_over(picture, meeting) for picture in (before, after))
    one, two, real = (resized(picture, GRID) for picture in (before, after, shown))
    allowed = np.clip(resized(reach, GRID), 0, 1)
    flow = _flow(one, two) * allowed[..., None]
    moved = carried(one, flow)
    left = cv2.GaussianBlur(np.abs((two - moved) * allowed[..., None]).max(axis=2), (0, 0), 0.75 * coarse)
    known = np.exp(-((left / _NEW) ** 2))
    tones = around(carried(real, flow) - moved, known + np.float32(1e-3), _TONES)
    step = resized(flow, fine) * np.float32(fine / GRID)
    added = (after - carried(before, step)) * np.clip(resized(reach, fine), 0, 1)[..., None]
    light = cv2.cvtColor(added, cv2.COLOR_RGB2GRAY)[..., None]  # skin that moves changes its light, not its colour
    added = light + (added - light) * (1 - np.clip(resized(known, fine), 0, 1))[..., None]
    return Change(flow / np.float32(GRID), added, after + resized(tones, fine), known, reached(reach))


def reached(reach: Float32[np.ndarray, "r r"]) -> tuple[float, float, float, float]:
    """The box around all that is reached, with what interpolation adds."""
    size = len(reach)
    x, y, width, height = cv2.boundingRect((reach > 0).astype(np.uint8))
    if not width:
        return (0.0, 0.0, 0.0, 0.0)
    return max(x - 2, 0) / size, max(y - 2, 0) / size, min(x + width + 2, size) / size, min(y + height + 2, size) / size


def _flow(one: Picture, two: Picture) -> Float32[np.ndarray, "g g 2"]:
    """Where each pixel of the second picture is in the first, as a step; even, and nothing where both are alike.

    Where the way there and the way back do not meet, something was covered or uncovered: the motion around goes on there.
    """
    grey = [cv2.cvtColor(np.clip(p, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for p in (one, two)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(1)
    still = np.zeros((GRID, GRID, 2), np.float32)
    back, there = search.calc(grey[1], grey[0], still.copy()), search.calc(grey[0], grey[1], still)
    missed = np.linalg.norm(back + carried(there, back), axis=2)
    differs = np.abs(two - one).max(axis=2)
    weight = (1.02 - np.exp(-((differs / _SEEN) ** 2))) * (np.exp(-((missed / _MEET) ** 2)) + 1e-3)
    return around(back, weight.astype(np.float32), _SMOOTH)


def redraw(rgb: UInt8[np.ndarray, "h w 3"], square: Square, made: Change) -> UInt8[np.ndarray, "h w 3"]:
    """A photo with the change done to the face in a square of it."""
    out = rgb.copy()
    left, top, right, bottom = _box(square, made.reached, (rgb.shape[1], rgb.shape[0]))
    if right <= left or bottom <= top:
        return out
    to_box = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])

    def laid(values: np.ndarray, beyond: float = 0.0) -> np.ndarray:
        matrix = (to_box @ square.to_photo(values.shape[0]))[:2]
        return cv2.warpAffine(values, matrix, (right - left, bottom - top), flags=cv2.INTER_CUBIC, borderValue=[beyond] * 4)

    step = laid(made.motion) @ square.to_photo(1)[:2, :2].T.astype(np.float32)
    moved = carried(rgb[top:bottom, left:right].astype(np.float32), step)
    known = np.clip(laid(made.known, 1.0), 0, 1)[..., None]
    drawn = known * (moved + laid(made.added)) + (1 - known) * laid(made.fresh)
    out[top:bottom, left:right] = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
    return out


def _box(square: Square, reached: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the whole pixels of a photo that a part of its square covers."""
    x0, y0, x1, y1 = reached
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]]) - [0.5, 0.5, 0.0]
    covered = (corners @ square.to_photo(1).T)[:, :2]
    low, high = np.floor(covered.min(axis=0)).astype(int) - 2, np.ceil(covered.max(axis=0)).astype(int) + 3
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, size)
    return int(left), int(top), int(right), int(bottom)
