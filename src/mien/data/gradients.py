"""Oriented gradients: which way a picture brightens, by place (Dalal & Triggs, Histograms of Oriented Gradients, 2005).

No network, and no light of the day: contrast is taken relative to that around it.
"""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

SIZE = 64  #: pixels of the pictures that are described
_BINS, _CELLS = 8, 11  # directions; places a side
_GRAIN, _REACH, _AROUND = 0.8, 3.0, 1.0  # standard deviations: pixels that are smoothed, pixels of a place, places around one
_FAINT = 1e-3  # grey levels a pixel


def oriented(rgb: UInt8[np.ndarray, "64 64 3"]) -> Float32[np.ndarray, " 968"]:
    """What a picture looks like: the square root of the share that each direction has of the gradients around each place."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), _GRAIN)
    right, down = cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1)
    strength, angle = np.hypot(right, down), np.arctan2(down, right) * (_BINS / (2 * np.pi)) % _BINS
    apart = np.abs(angle - np.arange(_BINS)[:, None, None])
    share = np.clip(1 - np.minimum(apart, _BINS - apart), 0, None)  # between the two nearest directions
    places = [cv2.resize(cv2.GaussianBlur(part, (0, 0), _REACH), (_CELLS, _CELLS)) for part in (share * strength).astype(np.float32)]
    total = cv2.GaussianBlur(np.sum(places, axis=0), (0, 0), _AROUND) + _FAINT
    return np.sqrt(np.stack(places) / total).ravel().astype(np.float32)
