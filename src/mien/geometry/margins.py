"""Lip and lid margins, found to the pixel: landmarks are a millimetre or two off, and a margin is where an edit tears the picture.

Each margin is a path across the columns of its slit, found by dynamic programming (Amini, Weymouth & Jain 1990): it follows the edge
between the skin or lip on its one side and whatever is on the other, and stays near the landmarks. Lips that touch follow their shadow.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.geometry import facemesh
from mien.geometry.slit import Slit, frame, slit

_REACH = 0.22  # cm: how far a margin may lie from its landmarks
_COLUMNS, _STEPS = 33, 23
_BESIDE = 0.13  # cm: what is averaged on either side of an edge
_SKIN = (0.18, 0.40)  # cm from the margin: surely lip, surely lid
_STIFF, _LOYAL = 0.9, 0.7  # price of a bend, and of leaving the landmarks, in units of a clear edge
_LASHES = 0.05  # cm from the skin of the upper lid into its lashes
_OPEN, _AJAR = 0.35, 0.14  # cm: landmarks further apart than the first are an open mouth; else it shows more than the second of no lip
_UNLIKE = 26.0  # distance in Lab from which something is no lip


def refine(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Float[np.ndarray, "468 2"]:
    """Landmarks (crop pixels) with the margins of the lips and the upper lids moved onto their edges; `scale` in pixels per cm."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    out = landmarks.copy()
    for side in "RL":
        margin = landmarks[list(facemesh.LID_UPPER[side])]
        lids = slit(margin, landmarks[list(facemesh.LID_LOWER[side])], frame(margin))
        if lids.aperture > 0.2 * scale:
            _shift(out, facemesh.LID_UPPER[side], lids, _edge(lab, lids, lids.upper, -1.0, scale) + _LASHES * scale)
    upper, lower = list(facemesh.LIP_UPPER), list(facemesh.LIP_LOWER)
    axes = frame(landmarks[upper])
    if _shut(lab, slit(landmarks[upper], landmarks[lower], axes), scale):
        out[upper] = out[lower] = (landmarks[upper] + landmarks[lower]) / 2
        lips = slit(out[upper], out[lower], axes)
        path = _shadow(lab, lips, scale)
        _shift(out, facemesh.LIP_UPPER, lips, path)
        out[lower] = out[upper]
        return out
    lips = slit(landmarks[upper], landmarks[lower], axes)
    _shift(out, facemesh.LIP_UPPER, lips, _edge(lab, lips, lips.upper, -1.0, scale))
    _shift(out, facemesh.LIP_LOWER, lips, _edge(lab, lips, lips.lower, +1.0, scale))
    return out


def _shut(lab: UInt8[np.ndarray, "h w 3"], lips: Slit, scale: float) -> bool:
    """Whether lips touch: near them, or between, nothing is seen but lips and the line of their shadow."""
    if lips.aperture > _OPEN * scale:
        return False
    reach = 0.3 * scale
    columns = _columns(lab, lips, (lips.upper + lips.lower) / 2, -reach, reach, 31)[:, _COLUMNS // 4 : -_COLUMNS // 4]
    ends = np.concatenate([columns[:5], columns[-5:]]).reshape(10, -1, 3)
    apart = np.minimum(*(np.linalg.norm(columns - np.median(part, axis=0), axis=-1) for part in (ends[:5], ends[5:])))
    return float(np.median((apart > _UNLIKE).sum(axis=0))) / 30 * 2 * reach < _AJAR * scale


def _columns(lab: np.ndarray, slit: Slit, margin: np.ndarray, low: float, high: float, count: int) -> np.ndarray:
    """Colours over the columns of a slit, from `low` to `high` pixels off a margin (downwards): count, columns, 3."""
    s = np.linspace(slit.s[0], slit.s[-1], _COLUMNS)
    t = np.interp(s, slit.s, margin)
    off = np.linspace(low, high, count)
    st = np.stack([np.broadcast_to(s, (count, _COLUMNS)), t + off[:, None]], axis=-1)
    at = slit.frame.back(st).astype(np.float32)
    return cv2.remap(lab, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _edge(lab: UInt8[np.ndarray, "h w 3"], slit: Slit, margin: np.ndarray, skin_side: float, scale: float) -> np.ndarray:
    """Offsets in pixels of a margin, one a column; skin lies below it (`skin_side` +1) or above (-1)."""
    near, far = (skin_side * x * scale for x in _SKIN)
    skin = np.median(_columns(lab, slit, margin, near, far, 7), axis=0)
    skin = cv2.blur(skin[None], (7, 1), borderType=cv2.BORDER_REPLICATE)[0]
    beside = max(1, round(_BESIDE / _REACH * (_STEPS - 1) / 2))
    pad = beside * 2 * _REACH * scale / (_STEPS - 1)
    grid = _columns(lab, slit, margin, -_REACH * scale - pad, _REACH * scale + pad, _STEPS + 2 * beside)
    other = np.linalg.norm((grid - skin) * [0.6, 1.0, 1.0], axis=-1)
    total = np.cumsum(np.concatenate([np.zeros((1, _COLUMNS)), other]), axis=0)
    i = np.arange(_STEPS) + beside
    above, below = (total[i] - total[i - beside]) / beside, (total[i + beside] - total[i]) / beside
    score = (above - below) * skin_side
    return _path(score / max(float(np.percentile(score.max(axis=0), 60)), 6.0)) * _REACH * scale


def _shadow(lab: UInt8[np.ndarray, "h w 3"], slit: Slit, scale: float) -> np.ndarray:
    """Offsets in pixels of the dark line between closed lips."""
    grey = _columns(lab, slit, slit.upper, -_REACH * scale, _REACH * scale, _STEPS)[..., 0]
    dark = cv2.GaussianBlur(grey.mean(axis=0)[None] - grey, (3, 3), 0)
    return _path(dark / max(float(np.percentile(dark.max(axis=0), 60)), 6.0)) * _REACH * scale


def _path(score: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " c"]:
    """The smooth path of highest score across the columns, as offsets -1..1."""
    count = len(score)
    offset = np.linspace(-1, 1, count)
    bend = _STIFF * ((offset[:, None] - offset) * 6.0) ** 2
    value = score - _LOYAL * offset[:, None] ** 2
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
    return cv2.GaussianBlur(offset[path[::-1]][None], (5, 1), 0, borderType=cv2.BORDER_REPLICATE)[0]


def _shift(landmarks: np.ndarray, curve: tuple[int, ...], slit: Slit, path: np.ndarray) -> None:
    """Move the landmarks of a margin across the slit; its corners stay."""
    ids = list(curve)[1:-1]
    s = slit.frame.to(landmarks[ids])[:, 0]
    offset = np.interp(s, np.linspace(slit.s[0], slit.s[-1], _COLUMNS), path)
    taper = np.clip(np.minimum(s - slit.s[0], slit.s[-1] - s) / (0.15 * slit.length), 0.0, 1.0)
    landmarks[ids] += (offset * taper)[:, None] * slit.frame.across
