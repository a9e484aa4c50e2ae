"""What lies between lips, told from lips and skin by colour alone: teeth are less red than the skin of the same face, depths are darker.

Redness is the logarithm of red over green, which no shading changes; brightness is measured against the cheeks, side by side, since a
face is seldom lit alike on both. Each lip has its own colour: the upper one lies in the shade, and skin in glaring light is as white as
teeth.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Slit

_CHEEKS = ((50, 205, 187), (280, 425, 411))  # landmarks, the subject's right first
_SOFT = 0.2  # cm over which a cheek is averaged
_BLACK = 8.0  # sRGB values that are added before colours are divided: dark ones are noise
_BRIGHT = 0.45  # of the cheeks: teeth are no darker
_WHITER = 0.05  # teeth that are less red than the skin by less than this cannot be told from it
_TOOTH = (1.0, 0.6)  # of the way from the redness of teeth to that of skin: no tooth any more, surely tooth
_TOOTH_OF_LIP = (0.55, 0.3)  # the same on the way to that of a lip, where this allows more
_DEPTH = (0.60, 0.25)  # of the way from the darkest place between lips to the lips: no depth any more, surely dark
_LIP = 0.5  # cm from an opening within which most is lip
_ROWS, _COLUMNS = 24, 33


@dataclass(frozen=True, eq=False)
class Between:
    """Colours that part the inside of one mouth from its lips; pairs of numbers are for the upper and the lower lip."""

    slit: Slit
    cheeks: Float[np.ndarray, " 2"]  #: brightness at the right and the left corner, sRGB 0..255
    tooth: Float[np.ndarray, "2 2"]  #: redness: no tooth any more, surely tooth
    depth: Float[np.ndarray, "2 2"]  #: share of the brightness of the cheeks: no depth any more, surely dark

    def share(self, colours: Float32[np.ndarray, "n c 3"], st: Float[np.ndarray, "n c 2"]) -> Float[np.ndarray, "n c"]:
        """How surely colours (sRGB 0..255) at places (s, t) of the slit are teeth or depth, 0..1."""
        dark = self.dark(colours, st)
        return np.maximum(dark, (1.0 - dark) * _fall(_redness(colours), *self._of(self.tooth, st)))

    def dark(self, colours: Float32[np.ndarray, "n c 3"], st: Float[np.ndarray, "n c 2"]) -> Float[np.ndarray, "n c"]:
        """How surely they are depth, 0..1."""
        cheek = np.interp(st[..., 0], [self.slit.s[0], self.slit.s[-1]], self.cheeks)
        return _fall(colours.mean(axis=-1) / cheek, *self._of(self.depth, st))

    def _of(self, pairs: Float[np.ndarray, "2 2"], st: Float[np.ndarray, "n c 2"]) -> Float[np.ndarray, "2 n c"]:
        """What holds for the lip that is nearer."""
        upper, lower = self.slit.at(st[..., 0])
        return np.where(st[..., 1] < (upper + lower) / 2, *pairs[..., None, None])


def look(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], slit: Slit, scale: float) -> Between:
    """Read those colours off a mouth that is open by `slit`; `scale` in pixels per cm."""
    reach = 2 * max(1, int(_SOFT * scale)) + 1
    soft = cv2.blur(rgb, (reach, reach))
    skin = np.median([sample(soft, landmarks[list(cheek)][None])[0] for cheek in _CHEEKS], axis=1).astype(float)
    s = np.linspace(slit.s[0], slit.s[-1], _COLUMNS)
    upper, lower = slit.at(s)
    inside = _seen(rgb, slit, s, upper + (lower - upper) * np.linspace(0.02, 0.98, _ROWS)[:, None])
    away = np.linspace(0.0, _LIP * scale, _ROWS // 2)[:, None]
    lips = np.stack([_seen(rgb, slit, s, upper - away), _seen(rgb, slit, s, lower + away)])
    cheeks = skin.mean(axis=1)
    cheek = np.interp(s, [slit.s[0], slit.s[-1]], cheeks)
    bright = inside.mean(axis=-1) / cheek
    of_skin, of_lips, lit = float(_redness(skin).mean()), np.median(_redness(lips), axis=(1, 2)), bright > _BRIGHT
    of_teeth = float(np.percentile(_redness(inside)[lit], 10)) if lit.mean() > 0.01 else max(of_skin, *of_lips)
    tooth = of_teeth + np.maximum(np.outer([1, 1], _TOOTH) * (of_skin - of_teeth), np.outer(of_lips - of_teeth, _TOOTH_OF_LIP))
    tooth[tooth[:, 0] - of_teeth < _WHITER] = -np.inf  # none can be told
    darkest, lips_bright = float(np.percentile(bright, 3)), np.median(lips.mean(axis=-1) / cheek, axis=(1, 2))
    depth = darkest + np.outer(np.maximum(np.minimum(lips_bright, lips_bright.mean()) - darkest, 0.05), _DEPTH)
    return Between(slit, cheeks, tooth, depth)


def _seen(
    rgb: UInt8[np.ndarray, "h w 3"], slit: Slit, s: Float[np.ndarray, " c"], t: Float[np.ndarray, "n c"]
) -> Float32[np.ndarray, "n c 3"]:
    """Colours in the columns at s."""
    return sample(rgb, slit.frame.back(np.stack([np.broadcast_to(s, t.shape), t], axis=-1))).astype(np.float32)


def _redness(colours: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
    return np.log((colours[..., 0] + _BLACK) / (colours[..., 1] + _BLACK))


def _fall(value: Float[np.ndarray, "*n"], none: Float[np.ndarray, "*n"], all_: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """1 at `all_` and below, 0 from `none` on, and where there is no such value."""
    known = np.isfinite(none)
    none, all_ = (np.where(known, bound, at) for bound, at in ((none, 1.0), (all_, 0.0)))
    return known * np.clip((none - value) / (none - all_), 0.0, 1.0)
