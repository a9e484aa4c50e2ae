"""Learn how much of each action unit is seen when it is really drawn: the slope of measured on commanded change.

Pixels that are carried along show most of a movement, lids and lips that hide or uncover something show what the landmark network says
of them, and units share the rest among each other. The ratio is much the same from face to face.
"""

import numpy as np
from jaxtyping import Float

from mien.geometry.fitting.measured import MIRRORED

_LEAST, _MOST = 0.25, 1.25  # what is seen less than this is not told from noise; a face cannot show much more than was drawn


def learn(drawn: Float[np.ndarray, "n s"], seen: Float[np.ndarray, "n s"]) -> Float[np.ndarray, " s"]:
    """The response of each axis of `mien.geometry.fitting.measured.SOLVED`, the same on both sides; 1 where nothing was drawn.

    `drawn` are the changes that each picture was given, one unit a picture, and `seen` what was measured of them with response 1;
    both with 1 = intensity 5.
    """
    response = np.ones(drawn.shape[1])
    for axis, other in enumerate(MIRRORED):
        ratios = [seen[rows, side] / drawn[rows, side] for side in {axis, int(other)} if (rows := drawn[:, side] != 0).any()]
        if ratios:
            response[axis] = np.clip(np.median(np.concatenate(ratios)), _LEAST, _MOST)
    return response
