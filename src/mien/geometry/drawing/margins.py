"""The margins of the lips, found to the pixel: landmarks are a millimetre or two off, and a margin is where an edit tears the picture.

Each margin is a path across the columns of its slit, found by dynamic programming (Amini, Weymouth & Jain 1990): it follows the edge
between the lip on its one side and whatever is on the other, and stays near the landmarks. Lips that touch follow their shadow.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry import facemesh
from mien.geometry.drawing import between
from mien.geometry.drawing.between import Between
from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Slit, frame, slit

_OUTWARDS, _INWARDS = 1.0, 0.95  # cm: how far the margin of an open mouth may lie from its landmarks
_STEP = 0.025  # cm between the rows that are looked at
_LOOKS = 2  # at an open mouth: the second starts where the first ended
_WITHIN, _BEYOND = 0.25, 0.6  # cm on this and on that side of the landmarks of a corner: where it is looked for
_END = 0.06  # of the length of a mouth, at either end, where its margins go over into the corner
_SHUT_REACH = 0.30  # cm: how far the line between closed lips may lie from its landmarks
_COLUMNS, _STEPS = 33, 23
_BESIDE, _WHOLE = 0.13, 0.25  # cm inside a margin where all is teeth or dark, and outside it where all is lip
_SHADE = 0.10  # cm of shadow between where teeth end and where the lip begins
_INNER, _OUTER, _NEXT = 0.10, 0.40, 0.10  # cm: how far from there the edge of the lip may lie, and what is averaged beside it
_LIP = (0.25, 0.40)  # cm from there: surely lip
_SKIN = 1.2  # cm beyond a lip whose skin goes along with it at least, the less the further away
_AWAY, _AWAY_SHUT = 0.9, 0.22  # cm from the landmarks
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
        found = between.look(rgb, out, lips, scale)
        _shift(out, facemesh.LIP_UPPER, lips, _end(rgb, found, lips.upper, -1.0, scale))
        _shift(out, facemesh.LIP_LOWER, lips, _end(rgb, found, lips.lower, +1.0, scale))
    lips = slit(out[upper], out[lower], axes)
    _shift(out, facemesh.LIP_UPPER, lips, _edge(lab, lips, lips.upper, -1.0, scale))
    _shift(out, facemesh.LIP_LOWER, lips, _edge(lab, lips, lips.lower, +1.0, scale))
    found = between.look(rgb, out, slit(out[upper], out[lower], axes), scale)
    for end in (0, -1):
        out[upper[end]] = _corner(rgb, found, end, scale)
    for margin, outline, side in (
        (facemesh.LIP_UPPER, facemesh.LIP_UPPER_OUTLINE, -1.0),
        (facemesh.LIP_LOWER, facemesh.LIP_LOWER_OUTLINE, +1.0),
    ):
        out += _carried(axes.to(landmarks), axes.to(out), margin, outline, side=side, skin=_SKIN * scale)[:, None] * axes.across
    return out


def _carried(
    before: Float[np.ndarray, "468 2"], after: Float[np.ndarray, "468 2"], margin: tuple[int, ...], outline: tuple[int, ...], *,
    side: float, skin: float,
) -> Float[np.ndarray, " 468"]:  # fmt: skip
    """How far landmarks (s, t) of a lip move with its margin, and those of the skin beyond it, less and less, so that nothing folds."""
    rim, edge = before[list(margin)], before[list(outline)]
    moved = np.interp(before[:, 0], rim[:, 0], (after - before)[list(margin), 1], left=0.0, right=0.0)
    beyond = side * (before[:, 1] - np.interp(before[:, 0], edge[:, 0], edge[:, 1]))
    fade = np.clip(1.0 - np.maximum(beyond, 0.0) / np.maximum(skin, 4 * np.abs(moved)), 0.0, 1.0)
    theirs = side * (before[:, 1] - np.interp(before[:, 0], rim[:, 0], rim[:, 1])) > 0.0
    theirs[[*facemesh.LIP_UPPER, *facemesh.LIP_LOWER]] = False
    return moved * fade * theirs


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
    return sample(lab, slit.frame.back(_places(slit, margin, offsets))).astype(np.float32)


def _places(slit: Slit, margin: np.ndarray, offsets: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n c 2"]:
    """Those places, (s, t)."""
    s = np.linspace(slit.s[0], slit.s[-1], _COLUMNS)
    return np.stack(np.broadcast_arrays(s, np.interp(s, slit.s, margin) + offsets[:, None]), axis=-1)


def _end(
    rgb: UInt8[np.ndarray, "h w 3"], found: Between, margin: Float[np.ndarray, " n"], lip_side: float, scale: float
) -> Float[np.ndarray, " c"]:
    """Offsets in pixels, one a column, to where teeth and depth end; the lip lies below (`lip_side` +1) or above (-1)."""
    slit, reach = found.slit, _OUTWARDS if lip_side > 0 else _OUTWARDS / 2
    offsets = lip_side * np.arange(-_INWARDS, reach, _STEP) * scale
    inner, outer = round(_BESIDE / _STEP), round(_WHOLE / _STEP)
    rows = lip_side * (_STEP * np.arange(-inner, len(offsets) + outer) - _INWARDS) * scale
    share = found.share(_columns(rgb, slit, margin, rows), _places(slit, margin, rows))
    total = np.cumsum(np.concatenate([np.zeros((1, _COLUMNS)), share]), axis=0)
    at = np.arange(len(offsets)) + inner
    score = (total[at] - total[at - inner]) / inner - (total[at + outer] - total[at]) / outer
    upper, lower = slit.at(np.linspace(slit.s[0], slit.s[-1], _COLUMNS))
    score[-lip_side * offsets[:, None] > 0.5 * (lower - upper)] -= 1.0  # beyond the middle it is the other lip's
    return _path(score, offsets / scale, _AWAY, 0.14) * scale


def _edge(lab: UInt8[np.ndarray, "h w 3"], slit: Slit, margin: np.ndarray, lip_side: float, scale: float) -> Float[np.ndarray, " c"]:
    """Offsets in pixels, one a column, to where a lip begins: between teeth and lip there are shadows that are neither."""
    near, far = (lip_side * x * scale for x in _LIP)
    lip = np.median(_columns(lab, slit, margin, np.linspace(near, far, 7)), axis=0)
    lip = cv2.blur(lip[None], (9, 1), borderType=cv2.BORDER_REPLICATE)[0]
    offsets = lip_side * np.arange(-_INNER, _OUTER, _STEP) * scale
    beside = round(_NEXT / _STEP)
    rows = lip_side * (_STEP * np.arange(-beside, len(offsets) + beside) - _INNER) * scale
    unlike = np.linalg.norm((_columns(lab, slit, margin, rows) - lip) * [0.6, 1.0, 1.0], axis=-1)
    total = np.cumsum(np.concatenate([np.zeros((1, _COLUMNS)), np.minimum(unlike, _UNLIKE)]), axis=0)  # no lip is no lip
    at = np.arange(len(offsets)) + beside
    score = (2 * total[at] - total[at - beside] - total[at + beside]) / beside
    clear = score / max(float(np.percentile(score.max(axis=0), 60)), 6.0)
    shade = lip_side * _SHADE
    return (shade + _path(clear, offsets / scale - shade, _AWAY_SHUT, 0.04)) * scale


def _corner(rgb: UInt8[np.ndarray, "h w 3"], found: Between, end: int, scale: float) -> Float[np.ndarray, " 2"]:
    """Where the corner of an open mouth is: the dark between the lips goes on beyond the landmarks, which stop short of it.

    It is followed outwards, column by column, as long as it gets no wider: the beard beside a mouth is dark as well.
    """
    lips, out = found.slit, -1.0 if end == 0 else 1.0
    s = lips.s[end] + out * np.arange(-_WITHIN, _BEYOND, _STEP) * scale
    t = float(lips.upper[end]) + np.arange(-_BEYOND, _BEYOND, _STEP) * scale
    st = np.stack(np.broadcast_arrays(s, t[:, None]), axis=-1)
    dark = found.dark(sample(rgb, lips.frame.back(st)).astype(np.float32), st) > 0.5
    upper, lower = lips.at(s[:1])
    rows = (t > upper - _BESIDE * scale) & (t < lower + _BESIDE * scale) & dark[:, 0]
    corner = np.array([lips.s[end], lips.upper[end]])
    for column in range(1, len(s)):
        wider = cv2.dilate(rows.astype(np.uint8)[:, None], np.ones((3, 1), np.uint8))[:, 0].astype(bool)
        rows, before = wider & dark[:, column], int(rows.sum())
        if not rows.any() or (column * _STEP > _WITHIN and rows.sum() > before + 1):
            break
        corner = np.array([s[column], float(t[rows].mean())])
    return lips.frame.back(corner)


def _shadow(lab: UInt8[np.ndarray, "h w 3"], slit: Slit, scale: float) -> np.ndarray:
    """Offsets in pixels of the dark line between closed lips."""
    offsets = np.linspace(-_SHUT_REACH, _SHUT_REACH, _STEPS)
    grey = _columns(lab, slit, slit.upper, offsets * scale)[..., 0]
    dark = cv2.GaussianBlur(grey.mean(axis=0)[None] - grey, (3, 3), 0)
    return _path(dark / max(float(np.percentile(dark.max(axis=0), 60)), 6.0), offsets, _AWAY_SHUT, 0.04) * scale


def _path(score: Float[np.ndarray, "n c"], offsets: Float[np.ndarray, " n"], away: float, bent: float) -> Float[np.ndarray, " c"]:
    """The smooth path of highest score across the columns, as offsets in cm.

    `away` from 0, or `bent` by that much from one column to the next, it is hardly worth a clear edge (cm).
    """
    bend = _STIFF * ((offsets[:, None] - offsets) / bent) ** 2
    value = score - _LOYAL * (offsets[:, None] / away) ** 2
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
    taper = 1.0 if corners else np.clip(np.minimum(s - slit.s[0], slit.s[-1] - s) / (_END * slit.length), 0.0, 1.0)
    landmarks[ids] += (offset * taper)[:, None] * slit.frame.across
