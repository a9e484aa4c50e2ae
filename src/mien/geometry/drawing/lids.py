"""Upper lids. The mesh knows only where a lid ends; what a photo shows between lashes and brow must be shared out, and a lid that was
rolled up in its fold must be drawn when the eye shuts.

The strip with the lashes goes along as it is. A lid that rises gathers the skin above it evenly. A lid that falls far leaves its fold: it
is painted in the colours of the skin just above, lit as a bulging surface, and ends in the line of the lashes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry.drawing.box import sample
from mien.geometry.drawing.slit import Frame, Slit

BROWS = {"lid_R": (46, 53, 52, 65, 55), "lid_L": (285, 295, 282, 283, 276)}  # lower edges, from the subject's right
_LASHES = 0.08  # cm above the margin that move as one
_SHARE = 0.85  # of the way up to the brow that takes part
_LEAST, _MOST = 0.3, 0.6  # cm: limits of that way
_OVERLAP = 0.10  # cm: how far the lashes of a shut eye reach over the lower lid
_LINE, _DARK = 0.04, 0.5  # cm: half the width of the line of the lashes, and how dark it is
_LIFTED = 1.18  # times as bright as what is seen of it may a lid be when it falls
_BLUR = 0.08  # cm: skin blends over this
_FADE = 0.13  # cm above the old margin over which a fallen lid blends into the skin that was above it
ABOVE = 0.38  #: cm above the old margin within which a fallen lid leaves no lashes or make-up behind
_CREASE = 0.97  # the darkest that remains there, of the colour of the lid: its fold
_COARSE = 13.0  # pixels per cm below which lashes are wider in the picture than on the face
_FELT = 0.05  # cm: smaller moves of a lid are left to the mesh
_BESIDE = 0.35  # cm beyond the corners of the eye where the mesh takes over


@dataclass(frozen=True, eq=False)
class Lid:
    """The skin above one eye, in the frame of its slit."""

    height: Float[np.ndarray, " n"]  #: pixels above the margin that take part, at each s of the slit
    far: Float[np.ndarray, "n 2"]  #: displacement (along, across) where the part ends
    drop: Float[np.ndarray, "n 2"]  #: displacement (along, across) of the margin itself: source minus target
    scale: float  #: pixels per cm


def scale_of(scale: float) -> float:
    """Pixels per cm for what is drawn around lids: in a small or soft picture lashes are as wide as its pixels, however thin they are."""
    return max(scale, _COARSE)


def heights(brow: Float[np.ndarray, "m 2"], slit: Slit, scale: float) -> Float[np.ndarray, " n"]:
    """Pixels between the upper margin and the brow that take part, at each s of a slit."""
    st = slit.frame.to(brow)
    order = np.argsort(st[:, 0])
    above = slit.upper - np.interp(slit.s, st[order, 0], st[order, 1])
    return np.clip(_SHARE * above, _LEAST * scale, _MOST * scale)


def margin_drop(before: Float[np.ndarray, "k 2"], after: Float[np.ndarray, "k 2"], slit: Slit) -> Float[np.ndarray, "n 2"]:
    """Displacement (along, across) of the upper margin at each s of the moved slit, from its landmarks before and after."""
    axes: Frame = slit.frame
    old, new = axes.to(before), axes.to(after)
    order = np.argsort(new[:, 0])
    change = (old - new)[order]
    return np.stack([np.interp(slit.s, new[order, 0], change[:, i]) for i in (0, 1)], axis=1)


def closing(s: Float[np.ndarray, "*n"], slit: Slit, source: Slit) -> Float[np.ndarray, "*n"]:
    """How far an eye has shut at s: 0 as in the photo or wider, 1 shut."""
    upper, lower = slit.at(s)
    before_upper, before_lower = source.at(s)
    before = before_lower - before_upper
    share = np.clip((before - (lower - upper)) / np.maximum(before, 1.0), 0.0, 1.0)
    return share * np.clip(np.minimum(s - slit.s[0], slit.s[-1] - s) / (0.12 * slit.length), 0.0, 1.0)


def overlap(s: Float32[np.ndarray, "h w"], slit: Slit, source: Slit, scale: float) -> Float32[np.ndarray, "h w"]:
    """Pixels by which the lashes of a closing lid lie over the lower lid."""
    return (_OVERLAP * scale * closing(s, slit, source) ** 3).astype(np.float32)


def tones(rgb: UInt8[np.ndarray, "h w 3"], slit: Slit, brow: Float[np.ndarray, "m 2"], scale: float) -> Float32[np.ndarray, "n 3"]:
    """The colour of the lid at each s of a slit: of the skin above its lashes and below the eye, as bright as the brighter of them.

    What is left of a rolled-up lid lies in its own shadow, often in make-up: alone it would make a fallen lid look like a hole.
    """
    brow = slit.frame.to(brow)
    above = slit.upper - np.interp(slit.s, *brow[np.argsort(brow[:, 0])].T)
    last = np.clip(0.6 * above, 0.22 * scale, 0.5 * scale)
    share = np.linspace(0.0, 1.0, 9)[:, None]
    rows = (slit.upper - (0.14 * scale + share * (last - 0.14 * scale)), slit.lower + (0.25 + 0.35 * share) * scale)
    skins = [_bright(sample(rgb, slit.frame.back(np.stack([np.broadcast_to(slit.s, t.shape), t], axis=-1)))) for t in rows]
    mixed = (skins[0] + skins[1]) / 2
    above, below = (skin.mean(axis=1) for skin in skins)
    brightest = np.clip(below, above, _LIFTED * above)
    return mixed * (brightest / np.maximum(mixed.mean(axis=1), 1.0))[:, None]


def _bright(colours: UInt8[np.ndarray, "m n 3"]) -> Float32[np.ndarray, "n 3"]:
    """The brighter half of each column, smooth along the slit: creases, lashes and brows are dark."""
    bright = np.sort(colours.astype(np.float32), axis=0)[len(colours) // 2 :].mean(axis=0)
    return cv2.GaussianBlur(bright[None], (0, 0), 0.2 * colours.shape[1], borderType=cv2.BORDER_REPLICATE)[0]


def paint(
    canvas: Float32[np.ndarray, "h w 3"], st: Float32[np.ndarray, "h w 2"], slit: Slit, source: Slit, *, tone: Float32[np.ndarray, "n 3"],
    scale: float, blur: float,
) -> None:  # fmt: skip
    """Draw the part of a falling lid that the photo does not show, and its line of lashes, into a canvas of warped skin."""
    s, t = st[..., 0], st[..., 1]
    upper, lower = slit.at(s)
    was, _ = source.at(s)
    shut = closing(s, slit, source)
    end = np.where(upper < lower, upper, (upper + lower) / 2) + overlap(s, slit, source, scale)
    fallen = np.clip((upper - was) / (0.25 * scale) - 0.4, 0.0, 1.0) * np.clip(1.5 * shut, 0, 1)
    soft = cv2.GaussianBlur(fallen * np.clip((t - was) / (2 * _FADE * scale) + 1.0, 0, 1), (0, 0), max(0.5, _BLUR * scale))
    cover = soft * np.clip((end - t) / max(0.03 * scale, 0.5) + 0.5, 0, 1)
    colour = np.stack([np.interp(s, slit.s, tone[:, c]) for c in range(3)], axis=-1)
    near = np.clip((t - was + ABOVE * scale) / (0.4 * ABOVE * scale), 0, 1) * np.clip((upper - was) / (0.15 * scale) - 0.2, 0.0, 1.0)
    wiped = cv2.GaussianBlur(near * np.clip(2.5 * shut, 0, 1), (0, 0), max(0.5, _BLUR * scale)) * (t < end)
    canvas += wiped[..., None] * np.maximum(_CREASE * colour - canvas, 0.0)
    bulge = np.clip((t - was) / np.maximum(end - was, 1.0), 0.0, 1.0)
    light = 0.98 + 0.08 * np.sin(np.pi * bulge) - 0.06 * bulge**3
    grain = canvas - cv2.GaussianBlur(canvas, (0, 0), max(1.0, 0.06 * scale))
    canvas += cover[..., None] * (colour * light[..., None] + 0.6 * grain - canvas)
    width = float(np.hypot(_LINE * scale, 0.7 * blur))
    line = _DARK * np.clip(1.6 * shut, 0, 1) * np.clip(shut * 3, 0, 1) * np.exp(-(((t - end + 0.4 * width) / width) ** 2))
    canvas *= 1.0 - line[..., None] * np.array([0.92, 1.0, 1.0], np.float32)


def unfold(move: Float32[np.ndarray, "h w 2"], st: Float32[np.ndarray, "h w 2"], slit: Slit, lid: Lid) -> Float32[np.ndarray, "h w 2"]:
    """Displacements (along, across) in the frame of a slit with the skin above it shared out anew; elsewhere as they are."""
    s, t = st[..., 0], st[..., 1]
    upper, _ = slit.at(s)
    drop = np.stack([np.interp(s, slit.s, lid.drop[:, i]) for i in (0, 1)], axis=-1)
    far = np.stack([np.interp(s, slit.s, lid.far[:, i]) for i in (0, 1)], axis=-1)
    lowered = np.maximum(far[..., 1] - drop[..., 1], 0.0)  # the margin came down by this much more than the skin below the brow
    reach = np.interp(s, slit.s, lid.height) + lowered
    strip = _LASHES * lid.scale
    share = np.clip((reach - (upper - t)) / np.maximum(reach - strip, 1e-3), 0.0, 1.0)[..., None]
    shared = far + share * (drop - far)
    beside = np.maximum(slit.s[0] - s, s - slit.s[-1]) / (_BESIDE * lid.scale)
    felt = np.clip(np.abs(drop[..., 1]) / (_FELT * lid.scale) - 0.5, 0.0, 1.0)
    ours = felt * np.clip(1.0 - beside, 0.0, 1.0) * (upper - t < reach)
    return (move + ours[..., None] * (shared - move)).astype(np.float32)
