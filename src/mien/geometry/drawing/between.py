"""What lies between lips, told from lips and skin by colour alone: teeth are less red than the skin of the same face, depths are darker.

Redness is the logarithm of red over green, which no shading changes; brightness is measured against the cheeks, side by side, since a
face is seldom lit alike on both.
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
_DEPTH = (0.60, 0.25)  # of the way from the darkest place between lips to the lips: no depth any more, surely dark
_LIP = 0.5  # cm from an opening within which most is lip
_ROWS, _COLUMNS = 24, 33


@dataclass(frozen=True, eq=False)
class Between:
    """Colours that part the inside of one mouth from its lips."""

    slit: Slit
    cheeks: Float[np.ndarray, " 2"]  #: brightness at the right and the left corner, sRGB 0..255
    tooth: tuple[float, float]  #: redness: no tooth any more, surely tooth
    depth: tuple[float, float]  #: share of the brightness of the cheeks: no depth any more, surely dark

    def share(self, colours: Float32[np.ndarray, "n c 3"], s: Float[np.ndarray, "*c"]) -> Float[np.ndarray, "n c"]:
        """How surely colours (sRGB 0..255) in the columns, or pixels, at s are teeth or depth, 0..1."""
        dark = self.dark(colours, s)
        return np.maximum(dark, (1.0 - dark) * _fall(_redness(colours), *self.tooth))

    def dark(self, colours: Float32[np.ndarray, "n c 3"], s: Float[np.ndarray, "*c"]) -> Float[np.ndarray, "n c"]:
        """How surely they are depth, 0..1."""
        cheek = np.interp(s, [self.slit.s[0], self.slit.s[-1]], self.cheeks)
        return _fall(colours.mean(axis=-1) / cheek, *self.depth)


def look(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], slit: Slit, scale: float) -> Between:
    """Read those colours off a mouth that is open by `slit`; `scale` in pixels per cm."""
    reach = 2 * max(1, int(_SOFT * scale)) + 1
    soft = cv2.blur(rgb, (reach, reach))
    skin = np.median([sample(soft, landmarks[list(cheek)][None])[0] for cheek in _CHEEKS], axis=1).astype(float)
    s = np.linspace(slit.s[0], slit.s[-1], _COLUMNS)
    upper, lower = slit.at(s)
    inside = _seen(rgb, slit, s, upper + (lower - upper) * np.linspace(0.02, 0.98, _ROWS)[:, None])
    away = np.linspace(0.0, _LIP * scale, _ROWS // 2)[:, None]
    lips = np.concatenate([_seen(rgb, slit, s, upper - away), _seen(rgb, slit, s, lower + away)])
    cheeks = skin.mean(axis=1)
    cheek = np.interp(s, [slit.s[0], slit.s[-1]], cheeks)
    bright = inside.mean(axis=-1) / cheek
    of_skin, lit = float(_redness(skin).mean()), bright > _BRIGHT
    of_teeth = float(np.percentile(_redness(inside)[lit], 10)) if lit.mean() > 0.01 else of_skin
    whiter = of_skin - of_teeth
    tooth = (of_teeth + _TOOTH[0] * whiter, of_teeth + _TOOTH[1] * whiter) if whiter > _WHITER else (-np.inf, -np.inf)
    darkest, of_lips = float(np.percentile(bright, 3)), float(np.median(lips.mean(axis=-1) / cheek))
    ramp = max(of_lips - darkest, 0.05)
    return Between(slit, cheeks, tooth, (darkest + _DEPTH[0] * ramp, darkest + _DEPTH[1] * ramp))


def _seen(
    rgb: UInt8[np.ndarray, "h w 3"], slit: Slit, s: Float[np.ndarray, " c"], t: Float[np.ndarray, "n c"]
) -> Float32[np.ndarray, "n c 3"]:
    """Colours in the columns at s."""
    return sample(rgb, slit.frame.back(np.stack([np.broadcast_to(s, t.shape), t], axis=-1))).astype(np.float32)


def _redness(colours: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
    return np.log((colours[..., 0] + _BLACK) / (colours[..., 1] + _BLACK))


def _fall(value: Float[np.ndarray, "*n"], none: float, all_: float) -> Float[np.ndarray, "*n"]:
    """1 at `all_` and below, 0 from `none` on."""
    if not np.isfinite(none):
        return np.zeros_like(value)
    return np.clip((none - value) / (none - all_), 0.0, 1.0)
