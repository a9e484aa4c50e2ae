"""How far the upper lids went between two pictures of a person.

Lids fold: their skin comes out of the fold and goes back into it, so that flow cannot follow them, and landmark networks shrink from
shut eyes. Yet the movement has one unknown for each eye, the share of its opening that the lid has newly covered: 1 when it is shut,
below 0 when it was raised. For each share the second picture is foretold from the first, below the margin the eye as it was and above it
the skin that the margin drew out of the fold, and the share that foretells best is taken.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.geometry import facemesh
from mien.geometry.drawing import rims
from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Slit, frame, slit

_SHARES = np.linspace(-0.6, 1.1, 69)
_COLUMNS, _STEP = 24, 0.5  # over an eye; pixels between rows
_EYES = 9.0  # cm from outer corner to outer corner
_FOLD = 0.07  # of that distance: how much skin above the margin moves with it, less and less
_ABOVE, _BELOW = 0.09, 0.02  # of it: what is looked at beyond the skin that moves, and below the opening
_LASHES = 0.02  # of it: below the margin, where an eye that opens wider is already seen
_WEIGHTS = np.array([0.7, 1.0, 1.0], np.float32)  # of L, a, b
_MOST = 40.0  # Lab: a pixel that differs more differs by something else
_TOGETHER = 2.0  # Lab: price of one eye shut while the other is open
_RAISED = 1.0  # Lab: price of an eye that opened by its own height again; lids shut far oftener
_SURE, _DOUBT = 24.0, 32.0  # Lab: up to this the best share counts all, from that on nothing

#: The landmarks that `follow` moves: upper margins without the corners of the eye.
MOVED = tuple(i for side in "RL" for i in facemesh.LID_UPPER[side][1:-1])
#: The landmarks right above them, on skin that comes and goes: nothing follows these.
FOLDING = (247, 30, 29, 27, 28, 56, 190, 467, 260, 259, 257, 258, 286, 414)


def follow(
    before: UInt8[np.ndarray, "h w 3"], after: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "468 2"]
) -> tuple[Float[np.ndarray, "moved 2"], Float[np.ndarray, " moved"]]:
    """Where the landmarks `MOVED` of `before` are in `after`, and how sure that is (0..1).

    The pictures lie on each other but for the expression; `points` are the landmarks of the first one.
    """
    distance = float(np.linalg.norm(points[263] - points[33]))
    exact = rims.refine(before, points, distance / _EYES)
    eyes = {side: _eye(exact, side) for side in "RL"}
    right, left = (_costs(before, after, eye, distance) for eye in eyes.values())
    raised = _RAISED * np.maximum(-_SHARES, 0.0)
    price = (right + raised)[:, None] + left + raised + _TOGETHER * np.abs(_SHARES[:, None] - _SHARES)
    best = np.unravel_index(price.argmin(), price.shape)
    places, sure = [], []
    for (side, eye), costs, i in zip(eyes.items(), (right, left), best, strict=True):
        ids = list(facemesh.LID_UPPER[side][1:-1])
        opening = np.interp(eye.frame.to(points[ids])[:, 0], eye.s, eye.lower - eye.upper)
        places.append(points[ids] + (_SHARES[i] * opening)[:, None] * eye.frame.across)
        sure.append(np.full(len(ids), np.clip((_DOUBT - costs[i]) / (_DOUBT - _SURE), 0.0, 1.0)))
    return np.concatenate(places), np.concatenate(sure)


def _eye(points: Float[np.ndarray, "468 2"], side: str) -> Slit:
    upper, lower = points[list(facemesh.LID_UPPER[side])], points[list(facemesh.LID_LOWER[side])]
    return slit(upper, lower, frame(upper))


def _costs(before: np.ndarray, after: np.ndarray, eye: Slit, distance: float) -> Float[np.ndarray, " shares"]:
    """Mean distance in Lab between the eye in `after` and what each share of `_SHARES` foretells of it."""
    s = np.linspace(eye.s[0], eye.s[-1], _COLUMNS + 2)[1:-1]
    top = np.interp(s, eye.s, eye.upper)
    gap = np.maximum(np.interp(s, eye.s, eye.lower) - top, _LASHES * distance)
    rows = np.arange(-_ABOVE * distance, gap.max() + _BELOW * distance, _STEP)
    places = eye.frame.back(np.stack([np.broadcast_to(s, (len(rows), _COLUMNS)), top + rows[:, None]], axis=-1))
    was, now = (_lab(picture, places) for picture in (before, after))
    row = (_source(rows[None, :, None], _SHARES[:, None, None] * gap, distance) - rows[0]) / _STEP
    low = np.clip(row.astype(int), 0, len(rows) - 2)
    part, column = np.clip(row - low, 0.0, 1.0)[..., None].astype(np.float32), np.arange(_COLUMNS)
    foretold = was[low, column] * (1 - part) + was[low + 1, column] * part
    unlike = np.minimum((np.abs(foretold - now) * _WEIGHTS).sum(axis=-1), _MOST)
    across = np.linspace(-1.0, 1.0, _COLUMNS + 2)[1:-1]
    weight = np.sqrt(1.0 - across**2) * (rows[:, None] < gap + _BELOW * distance)
    return (unlike * weight).sum(axis=(1, 2)) / weight.sum()


def _source(t: np.ndarray, height: np.ndarray, distance: float) -> np.ndarray:
    """The row of the first picture that is seen at row `t` of the second, when the margin went down by `height` from row 0."""
    fold = _FOLD * distance
    skin = np.maximum((t - height) / (1.0 + np.maximum(height, -0.9 * fold) / fold), np.minimum(t, -fold))
    eye = np.where(height < 0, np.maximum(t, _LASHES * distance), t)
    return np.where(t < height, skin, eye)


def _lab(picture: UInt8[np.ndarray, "h w 3"], places: Float[np.ndarray, "r c 2"]) -> np.ndarray:
    return cv2.cvtColor(sample(picture, places).astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
