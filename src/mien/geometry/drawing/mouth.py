"""The inside of an opening mouth: drawn teeth, gums and tongue in the light of the photo, and the photo's own teeth where it shows them."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry.drawing import inside, remains, shown, teeth
from mien.geometry.drawing.box import Box, sample
from mien.geometry.drawing.flow import Flow
from mien.geometry.drawing.inside import Palette, Place
from mien.geometry.drawing.morph import Moved, Sitting
from mien.geometry.drawing.remains import Remains
from mien.geometry.drawing.shown import Shown
from mien.geometry.drawing.slit import Slit

_LIPS = (0, 37, 267, 17, 84, 314, 39, 269)  # landmarks on the red of the lips
_ENAMEL = np.array([1.03, 1.0, 0.95])  # a warm white, mean 1
_CAVITY = np.array([0.22, 0.08, 0.07])  # of the colour of teeth
_TONGUE = np.array([0.98, 0.66, 0.64])  # of the colour of gums
_LIT_TONGUE = 0.7  # of the brightness that a tongue should have: what is darker in the photo is no tongue
_SEAM, _LINE = 0.08, 0.25  # cm to either side of where lips meet that are drawn anew, and how dark the line between them is
_LIT_ENAMEL = 1.15  # times as bright as they show are teeth without the shadow of a lip
_LESS = 0.1  # cm by which a mouth must close for what lay between its lips to be left over
MET = 0.75  #: pixels: margins of one line that ten landmarks each draw a little differently
_HARDLY = 0.5  # of what it was open: a mouth that is pulled wide must close further
_MIDDLE = 0.55  # of the length of a mouth whose margins are met too closely for anything to be left over
_SHUT = 0.12  # cm: a photo whose lips part by less shows nothing of its inside
_PEEP = (0.5, 0.42)  # cm of the upper row under the upper lip of a mouth that was shut and drops open, and share of the opening at most
_LOWER_PEEP = (0.20, 0.12)  # the same of the lower row over the lower lip
_LOWER_MOST = 0.45  # cm of the lower row at most


@dataclass(frozen=True, eq=False)
class Look:
    """Colours of one mouth and what the photo shows of its inside."""

    palette: Palette
    line: Float[np.ndarray, " 3"]  #: where the lips meet at rest, head space
    blur: float  #: sigma in pixels of the blur of the photo on this face
    grain: float  #: standard deviation of its noise, sRGB values
    offset: Float[np.ndarray, " 2"]  #: pixels by which teeth must be moved to stand where the photo has them
    shown: Shown | None  #: none of a shut mouth
    remains: Remains | None  #: likewise


def look(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting, skin: Float[np.ndarray, " 3"], white: Float[np.ndarray, " 3"]) -> Look:
    """Read the colours of a mouth off the photo; `white` is what the whites of the eyes look like there."""
    slit, scale = sitting.slits["lip"], sitting.code.pose.scale
    shut = slit.aperture < max(3.0, _SHUT * scale)
    seen = None if shut else shown.find(rgb, slit)
    marks = np.round(sitting.landmarks[list(_LIPS)]).astype(int)
    there = (marks >= 0).all(1) & (marks < [rgb.shape[1], rgb.shape[0]]).all(1)
    reach = max(1, int(0.1 * scale))
    soft = cv2.blur(rgb, (2 * reach + 1, 2 * reach + 1))
    lips = soft[marks[there, 1], marks[there, 0]].astype(float).mean(0) if there.any() else skin
    brightest = float(np.clip(1.2 * white.mean(), 1.3 * skin.mean(), 1.9 * skin.mean()))
    enamel = np.minimum(brightest, 215.0) * _ENAMEL * (skin / skin.mean()) ** 0.35
    gum = np.clip(0.6 * lips + 0.25 * enamel * [1.05, 0.52, 0.52], 0, 235)
    if seen and (teeth_seen := shown.enamel(rgb, seen)) is not None:
        enamel = np.minimum(teeth_seen * _LIT_ENAMEL, 250.0)
    dark, tongue = enamel * _CAVITY, gum * _TONGUE
    if seen and (own := shown.colours(rgb, seen, scale)):
        dark, tongue = own[0], own[1] if own[1].mean() > _LIT_TONGUE * tongue.mean() else tongue
    line = teeth.lip_line(sitting)
    palette = Palette(enamel, gum, tongue, dark)
    left = None if shut else remains.look(rgb, sitting.landmarks, slit, scale)
    return Look(palette, line, *_sharpness(rgb, sitting), _offset(sitting, line, seen), seen, left)


def _sharpness(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting) -> tuple[float, float]:
    """Blur and grain of the photo around the mouth.

    Blur from how much its strongest edges lose by one more blur (Zhuo & Sim 2011); grain from its plainest places (Immerkaer 1996).
    """
    reach = 4.0 * sitting.code.pose.scale
    x, y = sitting.slits["lip"].frame.origin
    part = rgb[max(0, int(y - 2 * reach)) : max(1, int(y + reach)), max(0, int(x - reach)) : max(1, int(x + reach))]
    sharp = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(sharp, (0, 0), 0.7)  # noise is no edge
    again = cv2.GaussianBlur(grey, (0, 0), 1.5)
    slopes = [np.hypot(cv2.Sobel(g, cv2.CV_32F, 1, 0), cv2.Sobel(g, cv2.CV_32F, 0, 1)) for g in (grey, again)]
    strong = slopes[0] >= np.percentile(slopes[0], 97)
    ratio = float(np.median(slopes[0][strong] / np.maximum(slopes[1][strong], 1e-3)))
    sigma = 1.5 / np.sqrt(max(ratio**2 - 1.0, 0.05))
    blur = float(np.clip(np.sqrt(max(sigma**2 - 0.49, 0.0)), 0.0, 0.25 * sitting.code.pose.scale))
    fine = np.abs(cv2.filter2D(sharp, -1, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)))
    grain = float(np.sqrt(np.pi / 2) / 6 * np.percentile(cv2.blur(fine, (9, 9)), 20))
    return blur, grain


def _offset(sitting: Sitting, line: Float[np.ndarray, " 3"], seen: Shown | None) -> Float[np.ndarray, " 2"]:
    """From where the head has the biting edge of the upper row to where the photo has it.

    A shut mouth hides it just below the line of the lips; an open one shows it, unless the upper lip hides it.
    """
    slit, scale = sitting.slits["lip"], sitting.code.pose.scale
    at = sitting.code.pose.project(teeth.upper(line).edge[None])[0, :2]
    s = np.array([np.clip(slit.frame.to(at)[0], slit.s[0] + 0.35 * slit.length, slit.s[-1] - 0.35 * slit.length)])
    t = slit.at(s)[0] + 0.26 * scale
    if seen:
        t = seen.reach(s) if seen.teeth > 0.05 else slit.at(s)[0] - 0.05 * scale
    return slit.frame.back(np.concatenate([s, t])) - at


def paint(
    canvas: Float32[np.ndarray, "h w 3"], box: Box, rgb: UInt8[np.ndarray, "a b 3"], sitting: Sitting, moved: Moved, *,
    motion: Flow, look: Look,
) -> None:  # fmt: skip
    """Draw the open mouth into a canvas of skin, warped by `motion`, that covers a box of the crop."""
    slit, scale = moved.slits["lip"], sitting.code.pose.scale
    place = box.pixels()
    st = slit.frame.to(place)
    if look.remains and _closes(slit, sitting.slits["lip"], scale):
        corners = np.abs(2 * st[..., 0] - slit.s[0] - slit.s[-1]) > _MIDDLE * slit.length
        remains.clear(canvas, look.remains, place + motion.at(box)[..., :2], corners & (slit.inside(st) < 0.5), scale)
    _seal(canvas, box, slit, sitting.slits["lip"], scale)
    cover = slit.inside(st, max(0.9, 0.02 * scale, look.blur)).astype(np.float32)
    if slit.aperture < MET or not cover.any():
        return
    inner = inside.drawn(sitting, moved, _place(sitting, moved, look), look.palette, shown=look.shown, box=box, blur=look.blur)
    inner += _grain(box, look)[..., None]
    if look.shown:
        own, known = shown.carried(rgb, look.shown, slit, st, scale)
        inner += known[..., None] * (own - inner)
    photo = box.of(rgb).astype(np.float32)
    inner = photo + slit.moved(sitting.slits["lip"], st[..., 0])[..., None] * (inner - photo)
    canvas += cover[..., None] * (inner - canvas)


def _closes(slit: Slit, source: Slit, scale: float) -> bool:
    """Whether less of the inside is seen than was; a mouth that is pulled wide takes its corners along."""
    now, then = (float((lips.lower - lips.upper).mean()) for lips in (slit, source))
    return then - now > _LESS * scale and (slit.length < source.length or now < _HARDLY * then)


def _seal(canvas: Float32[np.ndarray, "h w 3"], box: Box, slit: Slit, source: Slit, scale: float) -> None:
    """Where lips meet that were apart: red of the lips up to a soft line, and nothing of what was between them."""
    st = slit.frame.to(box.pixels())
    s, t = st[..., 0], st[..., 1]
    (u1, l1), (u0, l0) = slit.at(s), source.at(s)
    gap = l1 - u1
    width = max(_SEAM * scale, 1.2)
    ends = np.minimum(s - slit.s[0], slit.s[-1] - s) / (2 * width)
    met = np.clip(1.5 - gap / width, 0.0, 1.0) * np.clip((l0 - u0 - gap) / (0.1 * scale) - 0.3, 0.0, 1.0) * np.clip(ends + 1.0, 0.0, 1.0)
    away = (t - (u1 + l1) / 2) / width
    near = np.clip(2.0 - np.abs(away), 0.0, 1.0) * met
    if not near.any():
        return
    corner = [box.left, box.top]
    red = [sample(canvas, slit.frame.back(np.stack([s, t + (side * 1.6 - away) * width], axis=-1)) - corner) for side in (-1.0, 1.0)]
    side = np.clip(0.5 + away, 0.0, 1.0)[..., None]
    lips = red[0] + side * (red[1] - red[0])
    along = np.clip(2 * (s - slit.s[0]) / slit.length - 1, -1.0, 1.0)
    lips *= 1.0 - (_LINE * (1.0 - along**2) * np.exp(-((away / 0.7) ** 2)))[..., None]
    canvas += near[..., None] * (lips - canvas)


def _grain(box: Box, look: Look) -> Float32[np.ndarray, "h w"]:
    """Noise like the photo's, the same each time."""
    noise = np.random.default_rng(0).standard_normal((box.height, box.width), np.float32)
    return look.grain * 1.6 * cv2.GaussianBlur(noise, (0, 0), 0.6)


def _place(sitting: Sitting, moved: Moved, look: Look) -> Place:
    """Where teeth and tongue are: where the photo has them, or peeping out a little of lips that hid them."""
    jaw = teeth.jaw(sitting.head, sitting.neutral, moved.points)
    slit, pose = moved.slits["lip"], sitting.code.pose
    edges = np.stack([teeth.upper(look.line).edge, np.r_[teeth.lower(look.line).edge, 1.0] @ jaw])
    st = slit.frame.to(pose.project(edges)[:, :2] + look.offset)
    middle = np.clip(st[:, 0], slit.s[0] + 0.3 * slit.length, slit.s[-1] - 0.3 * slit.length)
    margins = slit.at(middle)
    upper, lower = float(margins[0][0]), float(margins[1][1])
    room = max(lower - upper, 0.0)
    peep, low = (min(most * pose.scale, share * room) for most, share in (_PEEP, _LOWER_PEEP))
    down = 0.0 if look.shown else max(upper + peep - st[0, 1], 0.0)
    bared = float(np.clip(lower - st[1, 1], low, max(low, _LOWER_MOST * pose.scale)))
    return Place(look.line, look.offset + down * slit.frame.across, look.offset + (lower - bared - st[1, 1]) * slit.frame.across, jaw)
