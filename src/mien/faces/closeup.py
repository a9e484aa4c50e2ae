"""What readers of action units look at: a level square from above the brows to below the chin, which no expression moves much."""

import numpy as np
from jaxtyping import Float

from mien.faces.align import Square, five_points

_NEAR, _DOWN = 0.7, 0.32  # of FFHQ's square, which shows hair and neck too: how large, and how far down in half sides; by eye


def square_of(landmarks: Float[np.ndarray, "468 3"]) -> Square:
    """The square of a face, in the pixels of its landmarks."""
    return Square.of_five(five_points(landmarks.astype(np.float64))).scaled(_NEAR).lowered(_DOWN)


def whole(size: int) -> int:
    """Pixels a side of a picture in FFHQ's framing whose square has `size`."""
    return round(size / _NEAR)
