"""The margins of the lips, found to the pixel: landmarks are a millimetre or two off, and a margin is where an edit tears the picture.

Each margin is a path across the columns of its slit, found by dynamic programming (Amini, Weymouth & Jain 1990): it follows the edge
between the lip on its one side and whatever is on the other, and stays near the landmarks. Lips that touch follow their shadow.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry import facemesh
from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Slit, frame, slit

_OUTWARDS, _INWARDS = 0.38, 0.12  # cm: how far the margin of an open mouth may lie from its landmarks: they see mouths too small
_LOOKS = 2  # at an open mouth: the second starts where the first ended
_BEYOND, _CORNER_STEPS = 0.6, 16  # cm beyond the landmarks within which the corner of an open mouth is looked for
_DARKER = 12.0  # by how much of Lab's lightness the dark between lips is darker than both of them
_SHUT_REACH = 0.30  # cm: how far the line between closed lips may lie from its landmarks
_COLUMNS, _STEPS = 33, 23
_BESIDE = 0.13  # cm: what is averaged on either side of an edge
_LIP = (0.36, 0.52)  # cm from a margin: surely lip
_STIFF, _LOYAL = 0.9, 0.25  # price of a bend, and of leaving the landmarks, in units of a clear edge
_OPEN, _AJAR = 0.50, 0.30  # cm: landmarks further apart than the first are an open mouth; else it shows more than the second of no lip
_UNLIKE = 26.0  # distance in Lab from which something is no lip


def refine(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Float[np.ndarray, "468 2"]:
    """Landmarks (crop pixels) with the margins of the lips moved onto their edges; `scale` in pixels per cm."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    out = landmarks.copy()
    upper, lower = list(facemesh.LIP_UPPER), list(facemesh.LIP_LOWER)
    axes = frame(landmarks[upper])
    if _shut(lab, slit(landmarks[upper], landmarks[lower], axes), scale):
        out[upper] = out[lower] = (landmarks[upper] + landmarks[lower]) / 2
        lips = slit(out[upper], out[lower], axes)
        path = _shadow(lab, lips, scale)
        _shift(out, facemesh.LIP_UPPER, lips, path, corners=True)
        out[lower] = out[upper]
        return out
    for _ in range(_LOOKS):
        lips = slit(out[upper], out[lower], axes)
        _shift(out, facemesh.LIP_UPPER, lips, _edge(lab, lips, lips.upper, -1.0, scale))
        _shift(out, facemesh.LIP_LOWER, lips, _edge(lab, lips, lips.lower, +1.0, scale))
    for end in (0, -1):
        out[upper[end]] = _corner(lab, slit(out[upper], out[lower], axes), end, scale)
    return out


def _shut(lab: UInt8[np.ndarray, "h w 3"], lips: Slit, scale: float) -> bool:
    """Whether lips touch: near them, or between, nothing is seen but lips and the line of their shadow."""
    if lips.aperture > _OPEN * scale:
        return False
    reach = 0.3 * scale
    columns = _columns(lab, lips, (lips.upper + lips.lower) / 2, np.linspace(-reach, reach, 31))[:, _COLUMNS // 4 : -_COLUMNS // 4]
    ends = np.concatenate([columns[:5], columns[-5:]]).reshape(10, -1, 3)
    apart = np.minimum(*(np.linalg.norm(columns - np.median(part, axis=0), axis=-1) for part in (ends[:5], ends[5:])))
    return float(np.median((apart > _UNLIKE).sum(axis=0))) / 30 * 2 * reach < _AJAR * scale


def _columns(lab: np.ndarray, slit: Slit, margin: np.ndarray, offsets: Float[np.ndarray, " n"]) -> Float32[np.ndarray, "n c 3"]:
    """Colours over the columns of a slit, at `offsets` pixels (downwards) from a margin."""
    s = np.linspace(slit.s[0], slit.s[-1], _COLUMNS)
    t = np.interp(s, slit.s, margin)
    st = np.stack([np.broadcast_to(s, (len(offsets), _COLUMNS)), t + offsets[:, None]], axis=-1)
    return sample(lab, slit.frame.back(st)).astype(np.float32)


def _edge(lab: UInt8[np.ndarray, "h w 3"], slit: Slit, margin: np.ndarray, lip_side: float, scale: float) -> np.ndarray:
    """Offsets in pixels of a margin, one a column; the lip lies below it (`lip_side` +1) or above (-1)."""
    near, far = (lip_side * x * scale for x in _LIP)
    lip = np.median(_columns(lab, slit, margin, np.linspace(near, far, 7)), axis=0)
    lip = cv2.blur(lip[None], (9, 1), borderType=cv2.BORDER_REPLICATE)[0]
    offsets = np.sort(lip_side * np.linspace(-_INWARDS, _OUTWARDS, _STEPS)) * scale
    step = offsets[1] - offsets[0]
    beside = max(1, round(_BESIDE * scale / step))
    pad = np.arange(-beside, _STEPS + beside)
    grid = _columns(lab, slit, margin, offsets[0] + pad * step)
    other = np.minimum(np.linalg.norm((grid - lip) * [0.6, 1.0, 1.0], axis=-1), _UNLIKE)  # no lip is no lip, be it tooth or dark
    total = np.cumsum(np.concatenate([np.zeros((1, _COLUMNS)), other]), axis=0)
    i = np.arange(_STEPS) + beside
    above, below = (total[i] - total[i - beside]) / beside, (total[i + beside] - total[i]) / beside
    score = (above - below) * lip_side
    return _path(score / max(float(np.percentile(score.max(axis=0), 60)), 6.0), offsets / scale) * scale


def _corner(lab: UInt8[np.ndarray, "h w 3"], lips: Slit, end: int, scale: float) -> Float[np.ndarray, " 2"]:
    """Where the corner of an open mouth is: the dark between the lips goes on beyond the landmarks, which stop short of it."""
    out, t = (-1.0 if end == 0 else 1.0), float(lips.upper[end] + lips.lower[end]) / 2
    s = lips.s[end] + out * np.linspace(0.0, _BEYOND, _CORNER_STEPS) * scale
    offsets = np.linspace(-0.4, 0.4, 33) * scale
    st = np.stack(np.broadcast_arrays(s, t + offsets[:, None]), axis=-1)
    light = cv2.GaussianBlur(sample(lab[..., 0], lips.frame.back(st)).astype(np.float32), (3, 3), 0)
    found, t_found, at = 0, t, len(offsets) // 2
    for column in range(_CORNER_STEPS):
        low, high = (max(at - 2, 0), at + 3) if column else (2, 31)
        at = low + int(light[low:high, column].argmin())
        beside = min(light[max(at - 7, 0) : at + 1, column].max(), light[at : at + 8, column].max())
        if beside - light[at, column] < _DARKER:
            break
        found, t_found = column, t + offsets[at]
    return lips.frame.back(np.array([s[found], t_found if found else t]))


def _shadow(lab: UInt8[np.ndarray, "h w 3"], slit: Slit, scale: float) -> np.ndarray:
    """Offsets in pixels of the dark line between closed lips."""
    offsets = np.linspace(-_SHUT_REACH, _SHUT_REACH, _STEPS)
    grey = _columns(lab, slit, slit.upper, offsets * scale)[..., 0]
    dark = cv2.GaussianBlur(grey.mean(axis=0)[None] - grey, (3, 3), 0)
    return _path(dark / max(float(np.percentile(dark.max(axis=0), 60)), 6.0), offsets) * scale


def _path(score: Float[np.ndarray, "n c"], offsets: Float[np.ndarray, " n"]) -> Float[np.ndarray, " c"]:
    """The smooth path of highest score across the columns, as offsets in cm."""
    bend = _STIFF * ((offsets[:, None] - offsets) / 0.04) ** 2
    value = score - _LOYAL * (offsets[:, None] / 0.22) ** 2
    best, back = value[:, 0], []
    for column in range(1, score.shape[1]):
        options = best[None, :] - bend
        back.append(options.argmax(axis=1))
        best = options.max(axis=1) + value[:, column]
    at = int(best.argmax())
    path = [at]
    for step in reversed(back):
        at = int(step[at])
        path.append(at)
    return cv2.GaussianBlur(offsets[path[::-1]][None], (5, 1), 0, borderType=cv2.BORDER_REPLICATE)[0]


def _shift(landmarks: np.ndarray, curve: tuple[int, ...], slit: Slit, path: np.ndarray, *, corners: bool = False) -> None:
    """Move the landmarks of a margin across the slit; its corners stay, or go along where lips that touch show where they end."""
    ids = list(curve) if corners else list(curve)[1:-1]
    s = slit.frame.to(landmarks[ids])[:, 0]
    offset = np.interp(s, np.linspace(slit.s[0], slit.s[-1], _COLUMNS), path)
    taper = 1.0 if corners else np.clip(np.minimum(s - slit.s[0], slit.s[-1] - s) / (0.15 * slit.length), 0.0, 1.0)
    landmarks[ids] += (offset * taper)[:, None] * slit.frame.across
