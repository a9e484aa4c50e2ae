"""A generator's picture of a face, laid over the face in the photo.

What a small network draws again is near the photo, not on it: a mouth some pixels off would open in the chin. Both pictures have
landmarks; where they are apart, the generator's pictures, before and after an edit alike, are drawn over to the photo's.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from mien.faces.align import Square, carry
from mien.faces.carrying import GRID, Picture, carried, resized
from mien.faces.landmarks import MARGIN, landmarker

_NEAR = 0.06  # of the square's side: how far a landmark draws along what is around it
_ALONE = 0.05  # of what landmarks weigh together where they are densest: how much it weighs to stay
_FACE = 0.5  # presence of a face from which its landmarks are believed

Meeting = Float32[np.ndarray, "m m 2"]  # where each place of the photo's square is in the generator's, as a step in shares of the side


def meet(before: Picture, landmarks: Float[np.ndarray, "468 3"], square: Square) -> Meeting:
    """How the generator's picture of a face (0..255) is to be laid over the photo; `landmarks` and `square` are in the photo's pixels.

    0 where there is no face in the picture, and away from it.
    """
    there = carry(np.linalg.inv(square.to_photo(GRID)), landmarks)
    rgb = np.clip(np.rint(resized(before, GRID)), 0, 255).astype(np.uint8)
    found = landmarker().place(rgb, Square.around(there, MARGIN))
    if found.score < _FACE:
        return np.zeros((GRID, GRID, 2), np.float32)
    step = (found.landmarks - there)[:, :2] / GRID
    line = np.arange(GRID)
    across, down = (np.exp(-((line - there[:, i, None]) ** 2) / (2 * (_NEAR * GRID) ** 2)) for i in (0, 1))
    weight = down.T @ across
    total = weight + _ALONE * weight.max()
    return np.dstack([down.T @ (across * step[:, i, None]) / total for i in (0, 1)]).astype(np.float32)


def laid_over(picture: Picture, meeting: Meeting) -> Float32[np.ndarray, "f f 3"]:
    """The generator's picture, over the photo; at least `GRID` pixels fine."""
    size = max(GRID, len(picture))
    return carried(resized(picture, size), cv2.resize(meeting, (size, size), interpolation=cv2.INTER_LINEAR) * np.float32(size))
