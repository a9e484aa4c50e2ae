"""A fitted head laid exactly onto its photo, and where everything goes when the expression changes.

The head as fitted misses the landmarks by a millimetre or two. That residual is spread over the skin once, belongs to the person, and
stays when the expression changes; only openings follow a rule of their own, because a mouth must close when it is told to.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mien.aus import AXES, MAX_INTENSITY, AUVector, unit_of
from mien.geometry import facemesh
from mien.geometry.drawing import spread
from mien.geometry.drawing.slit import Frame, Slit, frame, slit
from mien.geometry.head import HeadModel
from mien.types import HeadCode

SLITS = ("lip", "lid_R", "lid_L")
_CURVES = {
    "lip": (facemesh.LIP_UPPER, facemesh.LIP_LOWER),
    **{f"lid_{side}": (facemesh.LID_UPPER[side], facemesh.LID_LOWER[side]) for side in "RL"},
}
_UPPER_SHARE = {"lip": 0.5, "lid_R": 0.85, "lid_L": 0.85}  # of a correction of the opening, taken by the upper margin
_PARTS_LIPS = np.array([unit_of(axis) in (9, 10, 11, 16, 18, 22, 25, 26, 27) for axis in AXES])
_OPENS_MOUTH = np.array([unit_of(axis) in (25, 26, 27) for axis in AXES])
_CLOSES_LIDS = np.array([unit_of(axis) == 43 for axis in AXES])
_FOLLOWS = np.array([0.7 if unit_of(axis) == 64 else 1.0 for axis in AXES])
"""Of what the lids of the head do: a lid that follows a gaze downwards covers no more of the iris than before."""
_BLINKS = np.array([unit_of(axis) in (41, 42, 43, 44, 45, 46, 64) for axis in AXES])
_WRINKLES = np.array([unit_of(axis) == 9 for axis in AXES])
_OTHERS = ~(_BLINKS | _WRINKLES)
_CORNERS = 0.32  # of the height of a mouth that is wide open: how far below the upper lip its corners are at least
_CORNER = 0.2  # of the length of a mouth: so much at either end is round
_HANG = 0.3  # cm: a lower lip that drops by more than this starts to be rounded
_STILL = 0.004  # cm: moves below this are noise of the shapes and are left out, up to three times this in part


@dataclass(frozen=True, eq=False)
class Sitting:
    """A head on its photo, as read. Pixels are those of the crop."""

    head: HeadModel
    code: HeadCode  #: its pose in crop pixels
    neutral: Float[np.ndarray, "v 3"]  #: the person's head without expression, cm
    resting: Float[np.ndarray, "468 3"]  #: its landmarks, cm
    points: Float[np.ndarray, "v 3"]  #: with the expression, cm
    corners: Float[np.ndarray, "v 3"]  #: x, y in pixels with the residual, nearness in pixels
    landmarks: Float[np.ndarray, "468 2"]  #: pixels
    slits: dict[str, Slit]
    parted: dict[str, Float[np.ndarray, " n"]]  #: how far the head opens each slit, cm


@dataclass(frozen=True, eq=False)
class Moved:
    """The same head with another expression."""

    points: Float[np.ndarray, "v 3"]
    corners: Float[np.ndarray, "v 3"]
    landmarks: Float[np.ndarray, "468 2"]
    slits: dict[str, Slit]


def sit(head: HeadModel, code: HeadCode, flat: Float[np.ndarray, "468 2"]) -> Sitting:
    """Lay a fitted head (its pose in crop pixels) onto the landmarks of the photo (crop pixels)."""
    neutral = head_points(head, code.shape, AUVector.neutral())
    points = neutral + torch.tensordot(_weights(head, _shown(code, code.expression.known.values)), head.shapes, dims=1).numpy()
    projected = code.pose.project(points)
    own = at_landmarks(head, projected)[:, :2]
    corners = projected.copy()
    corners[:, :2] += spread.of(head).residual @ (flat - own)
    slits = {name: _slit(flat, name) for name in SLITS}
    unparted = Sitting(head, code, neutral, at_landmarks(head, neutral), points, corners, flat, slits, {})
    return replace(unparted, parted=_parted(unparted, code.expression.known.values))


def move(sitting: Sitting, expression: AUVector) -> Moved:
    """Where the head goes with another expression."""
    head, pose = sitting.head, sitting.code.pose
    shift = _shift(sitting, expression)
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    t = np.clip((length - _STILL) / (2 * _STILL), 0.0, 1.0)
    points = sitting.points + shift * (t * t * (3 - 2 * t))
    change = pose.project(points) - pose.project(sitting.points)
    corners = sitting.corners + change
    marks = sitting.landmarks + at_landmarks(head, change)[:, :2]
    correction, parted = np.zeros_like(marks), _parted(sitting, expression.known.values)
    for name in SLITS:
        correction += _opening(sitting, name, parted[name], expression, marks)
    correction += _rounded(sitting, marks + correction)
    corners[:, :2] += spread.of(head).margins @ correction
    marks = marks + correction
    slits = {name: _slit(marks, name, sitting.slits[name].frame) for name in SLITS}
    return Moved(points, corners, marks, slits | {"lip": _level(slits["lip"], sitting.slits["lip"], pose.scale)})


def _shift(sitting: Sitting, expression: AUVector) -> Float[np.ndarray, "v 3"]:
    """How the vertices move, in cm. A blink moves the lids, not brows or spectacles; a wrinkle leaves the tip of the nose."""
    held, now, then = spread.of(sitting.head), sitting.code.expression.known.values, expression.known.values
    steps = [np.where(changed, then, now) for changed in (False, _OTHERS, _OTHERS | _WRINKLES, True)]  # one part after the other
    weights = _weights(sitting.head, _shown(sitting.code, np.stack(steps)))
    others, wrinkles, blinks = torch.tensordot(weights.diff(dim=0), sitting.head.shapes, dims=1).numpy().astype(np.float64)
    return others + wrinkles * held.wrinkle[:, None] + blinks * held.lids[:, None]


def head_points(head: HeadModel, shape: np.ndarray, expression: AUVector) -> Float[np.ndarray, "v 3"]:
    """Vertices in cm, head space."""
    aus = torch.from_numpy(expression.known.values.copy()).float()
    return head.vertices(torch.from_numpy(shape.copy()).float(), aus).numpy().astype(np.float64)


def _shown(code: HeadCode, aus: Float[np.ndarray, "*b a"]) -> Float[np.ndarray, "*b a"]:
    """The intensities that draw measured ones on this person: resting face and all."""
    return aus * _FOLLOWS + code.neutral.known.values


def _weights(head: HeadModel, aus: Float[np.ndarray, "*b a"]) -> Float[Tensor, "*b s"]:
    return head.shape_weights(torch.from_numpy(aus).float())


@lru_cache(maxsize=4)
def _landmark_shapes(head: HeadModel) -> Float[Tensor, "s 468 3"]:
    return head.landmarks(head.shapes)


def at_landmarks(head: HeadModel, values: Float[np.ndarray, "v c"]) -> Float[np.ndarray, "468 c"]:
    """Vertex values at the landmarks."""
    corners, weights = _landmark_corners(head)
    return np.einsum("lic,li->lc", values[corners], weights)


@lru_cache(maxsize=4)
def _landmark_corners(head: HeadModel) -> tuple[Int[np.ndarray, "468 3"], Float[np.ndarray, "468 3"]]:
    return head.triangles[head.landmark_triangles].numpy(), head.landmark_barycentric.numpy()


def _gaps(landmarks: Float[np.ndarray, "468 c"], name: str) -> Float[np.ndarray, "n c"]:
    upper, lower = (list(curve) for curve in _CURVES[name])
    return landmarks[lower] - landmarks[upper]


def _opening(
    sitting: Sitting, name: str, parted: Float[np.ndarray, " n"], expression: AUVector, marks: Float[np.ndarray, "468 2"]
) -> Float[np.ndarray, "468 2"]:
    """What the margins of a slit must do beyond the head's own movement.

    The head's opening goes from m0 to m1 = `parted` (cm, beyond what it shows with nothing to part the margins), the photo's is a0
    pixels. Opening further, the photo gains what the head gains; closing, it keeps the share m1 / m0, so that it is shut exactly when
    the head is.
    """
    across = sitting.slits[name].frame.across
    m0, m1 = sitting.parted[name], parted
    a0 = _gaps(sitting.landmarks, name) @ across
    naive = _gaps(marks, name) @ across
    share = m1 / np.maximum(m0, 0.02) if name == "lip" else np.full_like(m0, m1.sum() / max(float(m0.sum()), 0.02))  # lids keep their arch
    if name == "lip":
        share = np.minimum(share, _left_open(sitting, expression))
    wanted = a0 * np.clip(share, 0.0, 1.0) + np.maximum(m1 - m0, 0.0) * sitting.code.pose.scale
    extra = (wanted - naive)[:, None] * across
    upper, lower = (list(curve) for curve in _CURVES[name])
    out = np.zeros_like(marks)
    out[upper] -= _UPPER_SHARE[name] * extra
    out[lower] += (1 - _UPPER_SHARE[name]) * extra
    if name == "lip":
        out[lower] -= _held(sitting, expression, marks + out)[:, None] * across
    return out


def _left_open(sitting: Sitting, expression: AUVector) -> float:
    """The share of an open mouth that stays open as AU25, AU26 and AU27 go: without them no lips are parted, whatever else moves them."""
    now, then = (np.where(_OPENS_MOUTH, e.known.values, 0.0) for e in (expression, sitting.code.expression))
    if (now >= then).all():
        return 1.0
    gaps = [float(_parted(sitting, values)["lip"].max()) for values in (now, then)]
    return min(gaps[0] / max(gaps[1], 0.02), 1.0)


def _held(sitting: Sitting, expression: AUVector, marks: Float[np.ndarray, "468 2"]) -> Float[np.ndarray, " n"]:
    """How far the lower lip must come up again, in pixels: unless told to part, lips uncover nothing below the photo's own teeth."""
    lower = list(_CURVES["lip"][1])
    across = sitting.slits["lip"].frame.across
    more = expression.known.values - sitting.code.expression.known.values
    parting = np.clip(np.where(_PARTS_LIPS, more, 0.0).max(), 0.0, 1.0)
    gap = _gaps(marks, "lip") @ across
    sinks = np.minimum((marks[lower] - sitting.landmarks[lower]) @ across, np.maximum(gap, 0.0))
    return (1.0 - parting) * np.maximum(sinks, 0.0) * (_gaps(sitting.landmarks, "lip") @ across > 0.0)


def _parted(sitting: Sitting, aus: Float[np.ndarray, " a"]) -> dict[str, Float[np.ndarray, " n"]]:
    """How far the head opens each slit, in cm: its gaps less those it would leave if everything closed it."""
    head, code = sitting.head, sitting.code
    shown = _shown(code, aus)
    lips, lids = np.where(_PARTS_LIPS, code.neutral.known.values, shown), np.where(_CLOSES_LIDS, MAX_INTENSITY, shown)
    offsets = torch.tensordot(_weights(head, np.stack([shown, lips, lids])), _landmark_shapes(head), dims=1).numpy()
    seen, lips_shut, lids_shut = code.pose.project(sitting.resting + offsets)[..., :2]
    parted: dict[str, np.ndarray] = {}
    for name in SLITS:
        shut, across = lips_shut if name == "lip" else lids_shut, sitting.slits[name].frame.across
        gap, left = _gaps(seen, name) @ across, _gaps(shut, name) @ across
        parted[name] = np.maximum(gap - np.maximum(left, 0.0), 0.0) / code.pose.scale
    return parted


def _rounded(sitting: Sitting, marks: Float[np.ndarray, "468 2"]) -> Float[np.ndarray, "468 2"]:
    """A dropping jaw pulls the lower lip into a V with its corners left behind; lips are a ring of muscle, and open in an ellipse."""
    slit, upper, lower = sitting.slits["lip"], list(_CURVES["lip"][0]), list(_CURVES["lip"][1])
    top, low = slit.frame.to(marks[upper]), slit.frame.to(marks[lower])
    drop = low[:, 1] - slit.frame.to(sitting.landmarks[lower])[:, 1]
    corners = drop[0] + (drop[-1] - drop[0]) * np.linspace(0, 1, len(drop))
    hang = drop - corners
    deepest = float(hang.max())
    amount = np.clip(deepest / sitting.code.pose.scale - _HANG, 0.0, 1.0)
    x = 2 * (low[:, 0] - low[0, 0]) / max(float(low[-1, 0] - low[0, 0]), 1e-6) - 1
    arc = deepest * np.clip(1 - x * x, 0.0, 1.0) ** 0.7
    middle = top[len(top) // 2, 1]
    hung = middle + _CORNERS * (low[len(low) // 2, 1] - middle) - top[[0, -1], 1]  # by how much either corner must come down
    sunk = np.where(x < 0, *np.maximum(hung, 0.0)) * np.abs(x) ** 3
    out = np.zeros_like(marks)
    out[lower] = (amount * np.maximum(np.maximum(arc - hang, 0.0), sunk))[:, None] * slit.frame.across
    out[upper] = (amount * sunk)[:, None] * slit.frame.across
    return out


def _slit(landmarks: Float[np.ndarray, "468 2"], name: str, axes: Frame | None = None) -> Slit:
    upper, lower = (landmarks[list(curve)] for curve in _CURVES[name])
    found = slit(upper, lower, axes or frame(upper))
    return _tapered(found) if name == "lip" else found


def _level(lips: Slit, source: Slit, scale: float) -> Slit:
    """A mouth that drops open: the dark beside its teeth does not rise over its corners, however they are drawn up."""
    opens = float(np.clip((lips.aperture - source.aperture) / (_HANG * scale), 0.0, 1.0))
    reach = _CORNER * lips.length
    inner = np.array([lips.s[0] + reach, lips.s[-1] - reach])
    lowest = np.interp(lips.s, inner, np.minimum(lips.upper[[0, -1]], lips.at(inner)[0]))
    away = np.minimum(lips.s - lips.s[0], lips.s[-1] - lips.s) < reach
    upper = np.where(away, np.minimum(np.maximum(lips.upper, lowest), lips.lower), lips.upper)
    return replace(lips, upper=lips.upper + opens * (upper - lips.upper))


def _tapered(lips: Slit) -> Slit:
    """A mouth narrows from its widest place to its corners, which are round and never blunt."""
    middle, half = (lips.upper + lips.lower) / 2, (lips.lower - lips.upper) / 2
    widest = int(half.argmax())
    half[widest:] = np.minimum.accumulate(half[widest:])
    half[: widest + 1] = np.minimum.accumulate(half[widest::-1])[::-1]
    reach = _CORNER * lips.length
    end = np.minimum(lips.s - lips.s[0], lips.s[-1] - lips.s) / reach
    start = np.where(lips.s < lips.s.mean(), *np.interp([lips.s[0] + reach, lips.s[-1] - reach], lips.s, half))
    half = np.where(end < 1.0, np.minimum(half, start * np.sqrt(1.0 - np.clip(1.0 - end, 0.0, 1.0) ** 2)), half)
    return replace(lips, upper=middle - half, lower=middle + half)
