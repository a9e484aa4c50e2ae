"""The margins of the lids, found in the picture: landmarks see eyes too small.

The form of an open eye is known, so a margin keeps the form of its landmarks and only its arch is sought: how much higher it is, and how
far to one side its top lies. The arch is taken whose line, over all columns at once, best parts skin from what is no skin: lashes,
white and iris.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry import facemesh
from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Slit, frame, slit

_COLUMNS = 25
_STEP = 0.025  # cm between the rows that are looked at
_UPWARDS, _DOWNWARDS, _INWARDS = 0.45, 0.45, 0.10  # cm: how far the upper, the lower margin may lie outside, and either inside
_LEAN = 0.15  # cm: how much further one half of a margin may be off than the other
_LASHES = 0.08  # cm above the upper margin that are dark with lashes
_BESIDE = 0.16  # cm: what is averaged on either side of an edge
_SKIN = (0.40, 0.80)  # cm below the lower landmarks: surely skin
_LOYAL_UPPER, _LOYAL_LOWER = 0.25, 0.12  # price of an arch 0.3 cm off the landmarks, in clear edges; folds and brows deceive above the eye
_OPEN = 0.10  # cm: an eye that is open less has no margins to part
_CLEAR = 22.0  # distance in Lab across a clear edge
_WEIGHTS = np.array([0.7, 1.0, 1.0])  # of L, a, b in what is unlike skin
_HUE = 10.0  # distance in a and b of what is surely no skin, half of it of what may be


def refine(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Float[np.ndarray, "468 2"]:
    """Landmarks (crop pixels) with the margins of the lids moved onto their edges; `scale` in pixels per cm."""
    out = landmarks.copy()
    for side in "LR":
        upper, lower = list(facemesh.LID_UPPER[side]), list(facemesh.LID_LOWER[side])
        eye = slit(out[upper], out[lower], frame(out[upper]))
        if eye.aperture < _OPEN * scale:
            continue
        for ids, margin, outwards, loyal in ((upper, eye.upper, -1.0, _LOYAL_UPPER), (lower, eye.lower, +1.0, _LOYAL_LOWER)):
            offsets, score = _edges(rgb, eye, margin, outwards, scale)
            x = 2 * (eye.frame.to(landmarks[ids])[:, 0] - eye.s[0]) / eye.length - 1
            out[ids] += (scale * _arch(x, *_best(offsets, score, loyal)))[:, None] * eye.frame.across
    return out


def _arch(x: Float[np.ndarray, " c"], height: float | np.ndarray, lean: float | np.ndarray) -> np.ndarray:
    """How far a margin lies below its landmarks, at x from -1 in one corner to 1 in the other."""
    return (height + lean * x) * np.clip(1.0 - x * x, 0.0, 1.0)


def _best(offsets: Float[np.ndarray, " n"], score: Float[np.ndarray, "n c"], loyal: float) -> tuple[float, float]:
    """Height and lean of the arch along which the score is highest, in cm; `loyal` is the price of leaving the landmarks."""
    x = np.linspace(-1, 1, _COLUMNS)
    height, lean = (v.ravel() for v in np.meshgrid(offsets, np.linspace(-_LEAN, _LEAN, 7)))
    row = np.clip((_arch(x, height[:, None], lean[:, None]) - offsets[0]) / _STEP, 0, len(offsets) - 1)
    low = np.minimum(row.astype(int), len(offsets) - 2)
    along = score[low, np.arange(_COLUMNS)] * (1 - row + low) + score[low + 1, np.arange(_COLUMNS)] * (row - low)
    value = np.average(along, axis=1, weights=np.sqrt(1.0 - x * x)) - loyal * ((height / 0.3) ** 2 + (lean / 0.15) ** 2)
    best = int(value.argmax())
    return float(height[best]), float(lean[best])


def _edges(
    rgb: UInt8[np.ndarray, "h w 3"], eye: Slit, margin: Float[np.ndarray, " n"], outwards: float, scale: float
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m c"]]:
    """How clearly skin ends at each offset (cm, downwards) from a margin, over the columns; the skin lies `outwards` (-1 is up)."""
    low, high = (-_UPWARDS, _INWARDS) if outwards < 0 else (-_INWARDS, _DOWNWARDS)
    offsets = np.arange(low, high + _STEP / 2, _STEP)
    pad = round((_BESIDE + _LASHES) / _STEP)
    rows = low + _STEP * np.arange(-pad, len(offsets) + pad)
    lab = _columns(rgb, eye, margin, rows * scale)
    skin = np.median(_columns(rgb, eye, eye.lower, np.linspace(*_SKIN, 7) * scale), axis=(0, 1))
    unlike = lab - skin
    at = np.arange(len(offsets)) + pad
    if outwards < 0:
        return offsets, _above(lab[..., 0], unlike, at)
    return offsets, _clear(_rise(np.linalg.norm(unlike * _WEIGHTS, axis=-1), at, down=-1))


def _above(lightness: Float[np.ndarray, "r c"], unlike: Float[np.ndarray, "r c 3"], at: np.ndarray) -> Float[np.ndarray, "m c"]:
    """How much each of the rows `at` looks like an upper margin: skin ends in dark lashes, and below them begins the white or the iris."""
    lashes, beside = round(_LASHES / _STEP), round(_BESIDE / _STEP)
    hue = np.linalg.norm(unlike[..., 1:], axis=-1) / _HUE - 0.5  # tells white and iris from skin, be it in the light or in a shadow
    skin_over = np.clip(1 - _mean(hue, at - lashes - beside, at - lashes), 0, 1)
    eye_under = np.clip(_mean(hue, at, at + beside), 0, 1)
    band = _mean(lightness, at - lashes, at)
    edge = _rise(np.linalg.norm(unlike * _WEIGHTS, axis=-1), at - lashes, down=1)
    darker, brighter = _mean(lightness, at - lashes - beside, at - lashes) - band, _mean(lightness, at, at + beside) - band
    return _clear(edge) + _clear(darker) * skin_over + np.maximum(_clear(brighter), 0.0) * eye_under


def _rise(values: Float[np.ndarray, "r c"], at: np.ndarray, *, down: int) -> Float[np.ndarray, "m c"]:
    """How much higher values are below the rows `at` than above them (`down` 1), or above than below (-1)."""
    beside = round(_BESIDE / _STEP)
    return down * (_mean(values, at, at + beside) - _mean(values, at - beside, at))


def _clear(difference: Float[np.ndarray, "m c"]) -> Float[np.ndarray, "m c"]:
    return np.clip(difference / _CLEAR, -1.0, 1.0)


def _mean(grid: Float[np.ndarray, "r c"], start: np.ndarray, stop: np.ndarray) -> Float[np.ndarray, "m c"]:
    """Means over rows start..stop of every column."""
    total = np.cumsum(np.concatenate([np.zeros((1, grid.shape[1])), grid]), axis=0)
    return (total[stop] - total[start]) / (stop - start)[:, None]


def _columns(rgb: np.ndarray, eye: Slit, margin: np.ndarray, offsets: Float[np.ndarray, " n"]) -> Float32[np.ndarray, "n c 3"]:
    """Colours (Lab, L 0..100) over the columns of an eye, at `offsets` pixels downwards from a margin."""
    s = np.linspace(eye.s[0], eye.s[-1], _COLUMNS)
    t = np.interp(s, eye.s, margin)
    st = np.stack([np.broadcast_to(s, (len(offsets), _COLUMNS)), t + offsets[:, None]], axis=-1)
    return _lab(rgb, eye.frame.back(st))


def _lab(rgb: UInt8[np.ndarray, "h w 3"], places: Float[np.ndarray, "n c 2"]) -> Float32[np.ndarray, "n c 3"]:
    return cv2.cvtColor(sample(rgb, places).astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
