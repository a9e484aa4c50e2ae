"""What a photo shows between its lips, and where it goes when the lips move: teeth stay on the skull, the rest goes with the jaw."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import median_filter

from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Slit

_COLUMNS, _ROWS = 48, 36  # of the opening in which teeth are looked for
_GO_ON = 2  # of these columns: so far teeth go on into the dark of a corner
_CONTRAST = 25.0  # sRGB values: an opening of less is all teeth, or shows none
_LIT = 90.0  # sRGB value that teeth reach
_DEEP = 0.33  # of the brightness of teeth: the inside of a mouth is darker
_REDDER = 0.06  # of (R - G) / (R + G): what is redder than teeth by more is none
_STRETCH = 0.12  # cm by which teeth whose edge the lower lip hid are lengthened before anything new is uncovered
_NONE = (0.03, 0.12)  # of an opening: teeth of less than the first are none, of more than the second hide what goes up with the lip
_CROWN, _BARE = 0.95, 0.25  # cm of a whole crown, and share of what is seen of it that is always to be had more
_RIM = 0.07  # cm: what borders on a lip that moves away is not teeth
_DIM = 0.08  # cm under the upper lip that lie in its shadow
_ROOM = 0.25  # cm below the teeth in which colours can be read
_THIN = (0.20, 0.40)  # cm: less below the teeth than the first is lip and goes with it, the second is the inside of the mouth
_SLIVER = 0.2  # cm below the teeth: less of it is the edge of a tooth, and is left behind as the lip goes
_BAND = 0.12  # of what is seen below the teeth: it stays whole at either end, and what lies between is stretched
_BESIDE = (1.4, 1.8)  # times its length: so far what is beside teeth stretches, and so far it does not
_HELD = 0.6  # of the way from the middle of a mouth to its corners that pulling at these leaves as it is
_TORN = (1.8, 3.0)  # times what 1 cm can bear per cm and one more: stretched by more than the first it fades, by the second it is gone


@dataclass(frozen=True, eq=False)
class Shown:
    """The inside of an open mouth in the photo."""

    slit: Slit
    edge: Float[np.ndarray, " n"]  #: the upper teeth reach down to this share of the opening at `slit.s`; 1: to the lower lip
    deep: bool  #: below them the mouth is dark; else what is seen there is lip

    @property
    def teeth(self) -> float:
        """The share of the middle of the opening that teeth fill, 0..1."""
        return float(self.edge[len(self.edge) // 3 : -len(self.edge) // 3].mean())

    @property
    def room(self) -> float:
        """Pixels that are seen below the teeth, in the middle."""
        room = (1.0 - self.edge) * (self.slit.lower - self.slit.upper)
        return float(np.median(room[len(room) // 4 : -len(room) // 4]))

    def reach(self, s: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """The t of the biting edge at s."""
        upper, lower = self.slit.at(s)
        return upper + np.interp(s, self.slit.s, self.edge) * (lower - upper)

    def beside(self, s: Float[np.ndarray, "*n"], wider: Slit) -> Float[np.ndarray, "*n"]:
        """Where in the photo the columns at s of another mouth come from: corners that were pulled apart stretch what is beside teeth."""
        (left, right), (far_left, far_right) = self.slit.s[[0, -1]], wider.s[[0, -1]]
        ends = [min(left, far_left), _HELD * left, _HELD * right, max(right, far_right)]
        return np.interp(s, ends, [left, _HELD * left, _HELD * right, right])

    def columns(self, s: Float[np.ndarray, "*n"], soft: float) -> Float[np.ndarray, "*n"]:
        """How far the photo knows the column at s, 0..1."""
        upper, lower = self.slit.at(s)
        return ramp(np.minimum(s - self.slit.s[0], self.slit.s[-1] - s), 2 * soft) * (lower - upper > 0.5)


def find(rgb: UInt8[np.ndarray, "h w 3"], slit: Slit) -> Shown:
    """Look for the upper teeth: in each column, from the first bright row on, until brightness falls for good."""
    s = np.linspace(slit.s[0] + 0.05 * slit.length, slit.s[-1] - 0.05 * slit.length, _COLUMNS)
    across = (np.arange(_ROWS) + 0.5) / _ROWS
    seen = _inside(rgb, slit, s, across)
    grey = cv2.blur(_whiteness(seen), (3, 3))
    middle = grey[:, _COLUMNS // 4 : -_COLUMNS // 4]
    top, low = float(np.percentile(middle[: _ROWS // 2], 90)), float(np.percentile(middle, 3))
    if top - low < _CONTRAST:
        return Shown(slit, np.full(len(slit.s), 1.0 if top > _LIT else 0.0), top <= _LIT)
    bright = grey > low + 0.5 * (top - low)
    first = bright.argmax(axis=0)
    below = (np.arange(_ROWS)[:, None] > first) & (grey < low + 0.42 * (top - low))
    last = np.where(below.any(axis=0), below.argmax(axis=0), _ROWS)
    found = bright.any(axis=0) & (first < 0.45 * _ROWS)
    if found.mean() < 0.3:
        return Shown(slit, np.zeros(len(slit.s)), True)
    last = np.where([bright[n:, i].mean() > 0.4 if n < _ROWS else True for i, n in enumerate(last)], _ROWS, last)  # a gap between teeth
    share = np.interp(s, s[found], median_filter(last[found] / _ROWS, 5, mode="nearest"))
    column, (first, end) = np.arange(_COLUMNS), np.flatnonzero(found)[[0, -1]]
    share *= np.clip(_GO_ON + 1 - np.maximum(first - column, column - end), 0.0, 1.0)
    share = cv2.GaussianBlur(share[None], (0, 0), 1.2, borderType=cv2.BORDER_REPLICATE)[0]
    under = seen.mean(axis=-1)[:, _COLUMNS // 4 : -_COLUMNS // 4][across[:, None] > share[_COLUMNS // 4 : -_COLUMNS // 4]]
    deep = len(under) > 0 and float(np.percentile(under, 15)) < _DEEP * top
    return Shown(slit, np.interp(slit.s, s, np.where(share > 0.93, 1.0, share)), deep)


def _whiteness(seen: Float32[np.ndarray, "m n 3"]) -> Float32[np.ndarray, "m n"]:
    """Brightness, less what is redder than the brightest places of the upper half: lips and tongues are, teeth are not."""
    grey = seen.mean(axis=-1)
    red = (seen[..., 0] - seen[..., 1]) / (seen[..., 0] + seen[..., 1] + 1.0)
    upper = grey[: len(grey) // 2]
    of_teeth = float(np.median(red[: len(grey) // 2][upper >= np.percentile(upper, 85)]))
    return grey * (0.4 + 0.6 * np.exp(-((np.clip(red - of_teeth, 0.0, None) / _REDDER) ** 2)))


def enamel(rgb: UInt8[np.ndarray, "h w 3"], shown: Shown) -> Float[np.ndarray, " 3"] | None:
    """The colour of the middle of the upper teeth, if they are seen."""
    slit = shown.slit
    s = np.linspace(slit.s[0] + 0.3 * slit.length, slit.s[-1] - 0.3 * slit.length, _COLUMNS)
    if shown.teeth < 0.1:
        return None
    seen = _inside(rgb, slit, s, np.linspace(0.2, 0.8, 8) * shown.teeth).reshape(-1, 3)
    grey = seen.mean(axis=-1)
    return seen[grey >= np.median(grey)].mean(axis=0).astype(float)


def colours(rgb: UInt8[np.ndarray, "h w 3"], shown: Shown, scale: float) -> tuple[np.ndarray, np.ndarray] | None:
    """The dark and the lightest of what lies below the teeth in the photo, if it shows enough of it."""
    slit = shown.slit
    if shown.room < _ROOM * scale or not shown.deep:
        return None
    s = np.linspace(slit.s[0] + 0.25 * slit.length, slit.s[-1] - 0.25 * slit.length, _COLUMNS)
    upper, lower = slit.at(s)
    room = lower - shown.reach(s)
    across = (np.arange(_ROWS) + 0.5) / _ROWS
    seen = _inside(rgb, slit, s, across)
    free = upper + across[:, None] * (lower - upper) > shown.reach(s) + 0.15 * room
    pixels = seen[free & (across[:, None] < 0.9)]
    grey = pixels.mean(axis=-1)
    dark, light = np.percentile(grey, [12, 75])
    return pixels[grey <= dark].mean(axis=0), pixels[grey >= light].mean(axis=0)


def _inside(rgb: UInt8[np.ndarray, "h w 3"], slit: Slit, s: Float[np.ndarray, " n"], across: Float[np.ndarray, " m"]) -> np.ndarray:
    """Colours in the columns at s of an opening, at shares of its height."""
    upper, lower = slit.at(s)
    t = upper + across[:, None] * (lower - upper)
    return sample(rgb, slit.frame.back(np.stack([np.broadcast_to(s, t.shape), t], axis=-1))).astype(np.float32)


def carried(
    rgb: UInt8[np.ndarray, "h w 3"], shown: Shown, slit: Slit, st: Float32[np.ndarray, "a b 2"], scale: float
) -> tuple[Float32[np.ndarray, "a b 3"], Float32[np.ndarray, "a b"]]:
    """The photo's own inner mouth at the pixels `st` of a moved slit, and how far it is known there, 0..1.

    What hangs from the skull stays where it is; a lip that rises off it shows more of the same teeth, to the end of their crowns. What
    rests on the jaw goes with the lower lip, behind the upper teeth.
    """
    soft = max(1.0, 0.03 * scale)
    t, (u1, l1), s = st[..., 1], slit.at(st[..., 0]), shown.beside(st[..., 0], slit)
    u0, l0 = shown.slit.at(s)
    share = np.interp(s, shown.slit.s, shown.edge)
    rim = max(_RIM * scale, 1.0) * np.clip(np.abs(l1 - l0) / (0.1 * scale), 0.0, 1.0)
    edge = np.maximum(np.minimum(u0 + share * (l0 - u0), l0 - rim), u0)
    whole = share > 0.97
    longer = np.where(whole, np.clip(l1 - l0, 0.0, _STRETCH * scale), 0.0)
    height = np.maximum(edge - u0, 1e-3)
    bare = 1.0 - np.clip((share - _NONE[0]) / (_NONE[1] - _NONE[0]), 0.0, 1.0)
    rise = np.clip(u0 - u1, 0.0, None)
    hung = bare * rise  # what is seen beside the teeth goes up with the lip
    bared = np.where(share > 0.05, np.minimum(rise, np.clip(_CROWN * scale - height, _BARE * height, height)), 0.0)
    bright = height - np.minimum(np.minimum(0.5 * rise, _DIM * scale), 0.3 * height)  # without the shadow of the lip at its top
    crown = edge - (edge + longer - t) * bright / (height + bared + longer)
    jaw, jaw_known = _below(t + hung, edge, l0, l1 + hung, scale, deep=shown.deep)
    teeth = ramp(edge + longer - hung - t, soft)
    own_t = np.where(t < edge + longer - hung, crown, jaw)
    own = sample(rgb, shown.slit.frame.back(np.stack([s, np.clip(own_t, u0, l0)], axis=-1)), cv2.INTER_CUBIC).astype(np.float32)
    known = np.where(whole, teeth, teeth + (1 - teeth) * jaw_known)
    if shown.teeth > 0.5:  # what is seen beside a row of teeth is the rest of it in the shade, which does not stretch
        longer_by = (l1 + hung - edge) / np.maximum(l0 - edge, 1e-3)
        known *= 1.0 - np.clip((0.5 - share) / 0.2, 0.0, 1.0) * np.clip((longer_by - _BESIDE[0]) / (_BESIDE[1] - _BESIDE[0]), 0.0, 1.0)
    known *= 1.0 - ramp(u0 - bared - hung - t, 3 * soft) * (rise > hung)
    return own, (known * shown.columns(s, soft)).astype(np.float32)


def _below(t: np.ndarray, edge: np.ndarray, l0: np.ndarray, l1: np.ndarray, scale: float, *, deep: bool) -> tuple[np.ndarray, np.ndarray]:
    """From where in the photo comes what lies below the teeth, and how far it is still to be seen.

    A dropping jaw stretches the middle of it, and leaves it as it is at the teeth and at the lower lip.
    """
    hangs, now, down, rest = np.maximum(l0 - edge, 1e-3), np.maximum(l1 - edge, 1e-3), t - edge, l1 - t
    thick = deep * np.clip((hangs / scale - _THIN[0]) / (_THIN[1] - _THIN[0]), 0.0, 1.0)
    above, below = _BAND * hangs * thick + 1e-3, hangs * (0.95 - (0.95 - _BAND) * thick)
    pull = (now - above - below) / np.maximum(hangs - above - below, 1e-3)
    middle = above + (down - above) / np.maximum(pull, 1e-3)
    stretched = np.where(down < above, down, np.where(rest < below, hangs - rest, middle))
    source = edge + np.where(now > hangs, stretched, down - (l1 - l0))
    torn = np.clip((pull / (1 + hangs / scale) - _TORN[0]) / (_TORN[1] - _TORN[0]), 0.0, 1.0)
    inner = np.clip(np.minimum(down / above, rest / below), 0.0, 1.0)  # nothing at the ends of it, all of it between the bands
    left = np.clip((_SLIVER * scale - hangs) / (0.5 * _SLIVER * scale), 0.0, 1.0) * np.clip((now - hangs) / (_SLIVER * scale), 0.0, 1.0)
    return source, 1.0 - np.maximum(torn * inner * inner * (3 - 2 * inner) * (now > hangs), left)


def ramp(value: np.ndarray, soft: float) -> np.ndarray:
    """A step from 0 to 1 around 0, `soft` wide."""
    return np.clip(value / soft + 0.5, 0.0, 1.0)
