"""A lid that falls over its eye, made of the person's own skin.

A photo of an open eye shows almost nothing of the lid, which is rolled up in its fold. It is made up from three parts that are read once:
the *skin* as it would lie over the eyeball if the eye had never opened (the colours around the eye continued over it, the grain of the
skin below it, the light of a ball); the *fold* above the lid, which stays where it is; and the *lashes*, which come down with the margin
and turn from upwards to downwards as the eye shuts. Fold and lashes are what the photo is darker than the skin: they multiply.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry.drawing import lids
from mien.geometry.drawing.box import Box, frame_of, sample
from mien.geometry.drawing.lids import Lid
from mien.geometry.drawing.morph import Sitting
from mien.geometry.drawing.shade import WARM, Light
from mien.geometry.drawing.slit import Slit
from mien.geometry.drawing.spectacles import Spectacles
from mien.geometry.drawing.warp import fill

_AROUND = 1.7  # cm around an eye from which its lid is made
_LASHES, _WET = 0.42, 0.14  # cm above and below an eye that are no plain skin
FAR = 0.55  #: cm from the open eye up to which a falling lid changes the picture, if it is not wide open
FARTHEST = 0.80  #: the same of any eye
_BROW = 0.85  # of the way up to the brow that is plain skin
_FINE = 16.0  # pixels per cm that show all there is of the smooth skin
_SOFT = 0.16  # cm: colours are continued in the mean over this
_DARK = 0.90  # of the mean around it: darker skin is a line or a hair, and is not continued
_GRAIN, _COARSE = 0.10, 0.32  # cm: the grain is what is finer than the first; it is taken from that far below the eye
_ROUGH = 0.16  # the strongest grain, of the colour
_BALL, _ROUND = 1.35, 0.35  # cm: radius of lid and eyeball; the power of their shading that shows in sRGB values
_HIGH, _LOW = 0.40, 0.06  # cm above and below the margin that its strip of lashes covers
_ROOTS = 0.10  # cm above the margin: darker than the skin there are lashes and their shadow, above it may be the fold
_ALONG = 0.30  # cm along the margin over which a fold is smooth, and lashes are not
_UNDER = 0.16  # cm below the lashes of a shut eye that are made up as well: nothing of the eye peers out
_BEYOND = 0.4  # cm across which a lid goes over into the skin beyond the corners, where it has no margin
_KEPT = 0.8  # of the fold: some of it was the lid's own shadow
_FLAT = (0.35, 0.75)  # of it that a shut lid smooths, of a narrow and of a wide eye
_WIDE = (0.33, 0.48)  # height of an eye, of its length: narrow and wide
_STRETCHED = 0.25  # cm by which the skin above a wide eye is drawn up: its fold lies that much higher
_LINE, _LEAST = 0.045, 0.9  # cm, pixels: half the width of the line of the roots
_THIN, _THICK = 0.30, 0.50  # of the skin's colour: the darkest and the faintest line of a shut eye
_CLOSE = 0.06  # cm from the margin within which all that is dark are roots
_TAPER = 0.12  # of the length of an eye, at either corner, over which its lashes set in
_TURN = 0.7  # of their length upwards that lashes hang down when the eye is shut


@dataclass(frozen=True, eq=False)
class Skin:
    """What a falling lid is made of."""

    box: Box  #: what `bare` covers of the crop
    bare: Float32[np.ndarray, "h w 3"]  #: the eye as skin
    cover: Float32[np.ndarray, "h w"]  #: how far each of these pixels may change, 0..1
    fold: Float32[np.ndarray, "r c 3"]  #: factors on the skin, straightened: rows from `_HIGH` above the margin to `_LOW` below it
    lashes: Float32[np.ndarray, "r c"]  #: likewise
    hanging: Float32[np.ndarray, "r c"]  #: likewise, those of a shut eye
    roots: Float32[np.ndarray, "1 c"]  #: factor of the line of the lashes
    scale: float  #: pixels per cm


def look(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting, side: str, light: Light, worn: Spectacles | None) -> Skin:
    """Read the skin, the fold and the lashes of an eye; `side` is L or R, `worn` what lies over all of them."""
    slit, scale = sitting.slits[f"lid_{side}"], lids.scale_of(sitting.code.pose.scale)
    brow = list(lids.BROWS[f"lid_{side}"])
    box = slit.opening(int(_AROUND * scale)).within(frame_of(rgb))
    part, st = box.of(rgb).astype(np.float32), slit.frame.to(box.pixels())
    below_brow = st[..., 1] - np.interp(st[..., 0], slit.s, slit.upper - _BROW * lids.brow_height(sitting.landmarks[brow], slit))
    away = _away(slit, box) / scale
    lower = slit.at(st[..., 0])[1]
    higher = _STRETCHED * _wide(slit)
    plain = (below_brow > 0) & (away > np.where(st[..., 1] > lower, _WET, _LASHES + higher))
    skin = np.ones(plain.shape, np.float32) if worn is None else worn.bare(box)
    plain &= skin > 0.5
    cover = skin * _step((FAR + np.where(st[..., 1] > lower, 0.0, higher) - away) / (0.3 * FAR)) * _step(below_brow / (0.15 * scale))
    made = _smooth(part, box, plain, scale, partial(_ball, sitting, side, light)) * grain(part, st, slit, plain, scale)
    share = cv2.GaussianBlur(plain.astype(np.float32), (0, 0), max(0.5, 0.06 * scale))
    share = np.where(plain, np.clip(2 * share - 1, 0, 1), 0.0)[..., None]
    bare = np.clip(made + share * (part - made), 1.0, 255.0).astype(np.float32)
    places = _straight(slit, scale)
    factors = sample(part, places - [box.left, box.top]) / sample(bare, places - [box.left, box.top])
    return Skin(box, bare, cover.astype(np.float32), *_parted(np.clip(factors, 0.05, 1.0), slit.length / scale), scale)


def _wide(slit: Slit) -> float:
    """How wide an eye is open, 0..1: its upper lid is raised, and more of what lies above it is no plain skin."""
    return float(np.interp(slit.aperture / slit.length, _WIDE, (0.0, 1.0)))


def _away(slit: Slit, box: Box) -> Float32[np.ndarray, "h w"]:
    """Pixels from the opening of an eye, at the pixels of a box."""
    rim = np.concatenate([np.stack([slit.s, slit.upper], 1), np.stack([slit.s, slit.lower], 1)[::-1]])
    outside = np.ones((box.height, box.width), np.uint8)
    cv2.fillPoly(outside, [np.round(slit.frame.back(rim) - [box.left, box.top]).astype(np.int32)], 0)
    return cv2.distanceTransform(outside, cv2.DIST_L2, 5)


def _smooth(
    part: Float32[np.ndarray, "h w 3"], box: Box, plain: np.ndarray, scale: float, ball: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Float32[np.ndarray, "h w 3"]:
    """The lid without its grain: worked out no finer than it has detail."""
    coarse = max(1.0, scale / _FINE)
    size = (max(4, round(part.shape[1] / coarse)), max(4, round(part.shape[0] / coarse)))
    small, places, known = (cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in (part, box.pixels(), plain.astype(np.float32)))
    lid = _continued(small, known > 0.5, scale / coarse) * ball(places, known > 0.5)
    return cv2.resize(lid, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_CUBIC)


def _continued(part: Float32[np.ndarray, "h w 3"], plain: np.ndarray, scale: float) -> Float32[np.ndarray, "h w 3"]:
    """The colours of the skin, smooth, continued over all that is none."""
    step = max(1.0, 2 * _SOFT * scale / 3)
    size = (max(4, round(part.shape[1] / step)), max(4, round(part.shape[0] / step)))
    known = cv2.resize(plain.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    grey = part.mean(axis=-1) * plain
    mean = cv2.GaussianBlur(grey, (0, 0), 3 * _SOFT * scale / 2) / np.maximum(
        cv2.GaussianBlur(plain.astype(np.float32), (0, 0), 3 * _SOFT * scale / 2), 1e-3
    )
    skin = (plain & (grey > _DARK * mean)).astype(np.float32)
    weight = cv2.resize(skin, size, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(part * skin[..., None], size, interpolation=cv2.INTER_AREA) / np.maximum(weight, 1e-3)[..., None]
    filled = cv2.GaussianBlur(fill(colours, (weight > 0.25) & (known > 0.3)), (0, 0), 1.0)
    return cv2.resize(filled, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_CUBIC)


def _ball(
    sitting: Sitting, side: str, light: Light, places: Float32[np.ndarray, "h w 2"], plain: np.ndarray
) -> Float32[np.ndarray, "h w 1"]:
    """The shading of the lid as a ball in the light of the face, 1 on average over what is made up."""
    code = sitting.code
    center = sitting.head.eye_regressor["LR".index(side)].numpy() @ sitting.neutral
    out = (places - code.pose.project(center[None])[0, :2]) / (_BALL * code.pose.scale)
    x, y = out[..., 0], -out[..., 1]
    z = np.sqrt(np.maximum(1.0 - x * x - y * y, 0.1))
    normals = np.stack([x, y, z], axis=-1)
    bright = light.shading(normals / np.linalg.norm(normals, axis=-1, keepdims=True)) ** _ROUND
    return (bright / bright[~plain].mean())[..., None].astype(np.float32)


def grain(
    part: Float32[np.ndarray, "h w 3"], st: Float32[np.ndarray, "h w 2"], slit: Slit, plain: np.ndarray, scale: float
) -> Float32[np.ndarray, "h w 3"]:
    """The grain of the skin below an eye, mirrored onto its lid, as a factor; no stronger than usual in `plain` skin."""
    fine = part / np.maximum(cv2.GaussianBlur(part, (0, 0), max(0.8, _GRAIN * scale)), 1.0) - 1.0
    usual = 4.0 * float(np.median(np.abs(fine[plain])))
    fine = np.clip(fine, -min(usual, _ROUGH), min(usual, _ROUGH))
    _, lower = slit.at(st[..., 0])
    way = (2 * (lower - st[..., 1]) + _COARSE * scale)[..., None] * slit.frame.across
    here = Box(0, 0, part.shape[1], part.shape[0]).pixels()
    return 1.0 + sample(fine, here + way)


def _straight(slit: Slit, scale: float) -> Float32[np.ndarray, "r c 2"]:
    """The pixels of the strip along the upper margin, row by row."""
    rows, columns = max(16, int(1.2 * (_HIGH + _LOW) * scale)), max(48, int(1.2 * slit.length))
    s = np.linspace(slit.s[0], slit.s[-1], columns)
    t = np.interp(s, slit.s, slit.upper) + np.linspace(-_HIGH, _LOW, rows)[:, None] * scale
    return slit.frame.back(np.stack([np.broadcast_to(s, t.shape), t], axis=-1)).astype(np.float32)


def _parted(
    factors: Float32[np.ndarray, "r c 3"], length: float
) -> tuple[Float32[np.ndarray, "r c 3"], Float32[np.ndarray, "r c"], Float32[np.ndarray, "r c"], Float32[np.ndarray, "1 c"]]:
    """Fold, lashes, hanging lashes and roots of a strip `length` cm long: a fold runs along the margin, lashes across it."""
    rows, columns = factors.shape[:2]
    r = np.linspace(-_HIGH, _LOW, rows, dtype=np.float32)[:, None]
    along = cv2.GaussianBlur(factors, (0, 0), sigmaX=_ALONG * columns / length, sigmaY=0.6, borderType=cv2.BORDER_REPLICATE)
    ends = np.minimum(np.linspace(0, 1, columns), np.linspace(1, 0, columns)).astype(np.float32)
    fold = 1.0 + (_step((-_ROOTS - r) / 0.15) * _step(ends / 0.3))[..., None] * (along - 1.0)
    lashes = np.clip((factors / fold).mean(axis=-1), 0.05, 1.0)
    lashes = 1.0 + (lashes - 1.0) * np.clip((r + _HIGH) / 0.2, 0, 1) * np.clip((_LOW - r) / _LOW, 0, 1)
    near = factors[np.abs(r[:, 0] + 0.03) < 0.06].mean(axis=-1)
    roots = np.clip(np.sort(near, axis=0)[: max(1, len(near) // 2)].mean(axis=0)[None], _THIN, _THICK)
    roots = cv2.GaussianBlur(roots, (0, 0), sigmaX=max(0.5, 0.06 * columns / length), sigmaY=0.1, borderType=cv2.BORDER_REPLICATE)
    taper = _step(ends / _TAPER)
    return fold, lashes, 1.0 + (_rooted(lashes, r[:, 0], roots) - 1.0) * taper, 1.0 + (roots - 1.0) * taper


def _rooted(
    lashes: Float32[np.ndarray, "r c"], r: Float32[np.ndarray, " r"], roots: Float32[np.ndarray, "1 c"]
) -> Float32[np.ndarray, "r c"]:
    """What of the lashes hangs from the margin: no darker than the roots, and ever fainter away from them, as a fold is not."""
    out = np.maximum(lashes, roots)
    close, above = np.abs(r) < _CLOSE, r <= 0
    out[close & above] = out[close].min(axis=0)
    out[above] = np.maximum.accumulate(out[above][::-1], axis=0)[::-1]
    return out


def paint(canvas: Float32[np.ndarray, "h w 3"], box: Box, skin: Skin, *, target: Slit, source: Slit, lid: Lid) -> None:
    """Draw a fallen lid into a canvas of warped skin that covers a box of the crop; `source` and `target` are the lids then and now."""
    amount = float(lids.fallen(lid).max())
    if amount <= 0:
        return
    scale = lid.scale
    st = target.frame.to(box.pixels())
    s, t = st[..., 0], st[..., 1]
    then = st + np.stack([np.interp(s, target.s, lid.far[:, i]) for i in (0, 1)], axis=-1)  # where this skin was in the photo
    upper, lower = target.at(s)
    was, _ = source.at(then[..., 0])
    shut = float(lids.closing(target.s, target, source).max())
    end = np.where(upper < lower, upper, (upper + lower) / 2) + lids.overlap(s, target, source, scale)
    under = _UNDER * scale * float(_step((shut - 0.7) / 0.3))
    beside = np.maximum(target.s[0] - s, s - target.s[-1]) / (_WET * scale)
    soft = max(0.03 * scale, 0.7, under) + _BEYOND * scale * np.clip(beside, 0, 1)
    edge = np.clip((end + under - t) / soft + 0.5, 0, 1)
    places = (target.frame.back(then) - [skin.box.left, skin.box.top]).astype(np.float32)
    reach = amount * sample(skin.cover, places, outside=cv2.BORDER_CONSTANT)
    fold = _factor(skin.fold, then[..., 0], (then[..., 1] - was) / scale, source) - 1.0
    near = _step(1.0 - beside)
    kept = _KEPT - shut * (_FLAT[0] + _wide(source) * (_FLAT[1] - _FLAT[0]))
    drawn = sample(skin.bare, places) * (1.0 + kept * near[..., None] * fold)
    canvas += (reach * edge)[..., None] * (drawn - canvas)
    hair = _hair(skin, s, (t - end) / scale, target, shut)
    canvas *= (1.0 + amount * near * (hair - 1.0))[..., None] ** WARM


def _hair(skin: Skin, s: Float32[np.ndarray, "h w"], below: Float[np.ndarray, "h w"], slit: Slit, shut: float) -> Float[np.ndarray, "h w"]:
    """Lashes and their roots `below` cm of the margin, as a factor: upwards while the eye is open, downwards when it is shut."""
    turned = float(_step((shut - 0.35) / 0.6))
    length = 1.0 - (1.0 + _TURN) * turned
    length = np.copysign(max(abs(length), 0.12), length)
    lashes = _factor(skin.lashes + turned * (skin.hanging - skin.lashes), s, below / length, slit)
    line = np.exp(-((below / max(_LINE, _LEAST / skin.scale)) ** 2)) * float(_step((shut - 0.25) / 0.5))
    roots = _factor(skin.roots, s, np.zeros_like(below), slit)
    return np.minimum(lashes, 1.0 + line * (roots - 1.0))


def _factor(strip: Float32[np.ndarray, "r c *n"], s: np.ndarray, below: np.ndarray, slit: Slit) -> Float32[np.ndarray, "h w *n"]:
    """A straightened strip at places s along a slit and `below` cm from its upper margin."""
    rows, columns = strip.shape[:2]
    at = np.stack([(s - slit.s[0]) / slit.length * (columns - 1), (below + _HIGH) / (_HIGH + _LOW) * (rows - 1)], axis=-1)
    return sample(strip, at)


def _step(x: Any) -> Any:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
