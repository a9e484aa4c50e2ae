"""Skin that is pushed together shows every pixel it had: where a map crowds its source, a pixel is the mean of what falls into it."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mien.geometry.drawing.box import sample

_CROWDED = 1.3  # source pixels from one pixel to the next, from where single samples miss some
_PARTS = (np.arange(3) - 1) / 3  # of a pixel, to either side


def carried(rgb: UInt8[np.ndarray, "h w 3"], places: Float32[np.ndarray, "b a 2"]) -> UInt8[np.ndarray, "b a 3"]:
    """The picture at places (x, y), sharp where the map is calm and even where it crowds."""
    out = sample(rgb, places, cv2.INTER_LANCZOS4)
    crowded = _crowded(places)
    if crowded.any():
        out[crowded] = _mean(rgb, places, crowded)
    return out


def _crowded(places: Float32[np.ndarray, "b a 2"]) -> Bool[np.ndarray, "b a"]:
    """Where the next pixel, across or down, comes from far away."""
    far = np.zeros(places.shape[:2], bool)
    far[:, 1:] = np.abs(np.diff(places[..., 0], axis=1)) > _CROWDED
    far[1:] |= np.abs(np.diff(places[..., 1], axis=0)) > _CROWDED
    return far


def _mean(
    rgb: UInt8[np.ndarray, "h w 3"], places: Float32[np.ndarray, "b a 2"], where: Bool[np.ndarray, "b a"]
) -> UInt8[np.ndarray, "n 3"]:
    """The mean over nine parts of each of some pixels."""
    rows, columns = np.nonzero(where)
    up, left = np.maximum(rows - 1, 0), np.maximum(columns - 1, 0)
    middle = places[rows, columns]
    down, across = places[np.maximum(rows, 1), columns] - places[up, columns], places[rows, np.maximum(columns, 1)] - places[rows, left]
    parts = [sample(rgb, (middle + i * down + j * across)[:, None])[:, 0].astype(np.float32) for i in _PARTS for j in _PARTS]
    return (np.mean(parts, axis=0) + 0.5).astype(np.uint8)
