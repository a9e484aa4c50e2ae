"""The eye between the lids: the white and the iris as two layers, so that lids can open wider and the gaze can turn."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.aus import AUVector
from mien.geometry.drawing.box import Box, frame_of, sample
from mien.geometry.drawing.falling import Skin
from mien.geometry.drawing.morph import Sitting
from mien.geometry.drawing.slit import Slit
from mien.geometry.drawing.warp import fill

_SEARCH = 0.25  # cm: how far the iris may lie from where the head has it
_LASHES, _WET = 0.09, 0.04  # cm inside the upper, the lower margin that are not plain eye
_BAND = 0.16  # cm below the upper margin that may be dark with lashes or their shadow
_AROUND = 0.6  # cm around the eye that its layers reach
_SHADOW, _SHADE = 0.16, 0.30  # cm below a lid, and how dark its shadow is there
_SIDEWAYS, _UPWARDS = 4.5, 3.2  # degrees of gaze to an AU step
_ROUND = 0.2  # how much darker the white is in the corners than in the middle, being a ball
_BORDER = 1.10  # of the iris's radius: its dark rim ends here


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye of a photo, as read."""

    box: Box  #: what the layers cover of the crop
    white: Float32[np.ndarray, "h w 3"]  #: the eye without iris, continued beneath the lids
    iris: Float32[np.ndarray, "h w 3"]  #: the iris, continued beneath the lids
    cover: Float32[np.ndarray, "h w"]  #: of the iris over the white
    center: Float[np.ndarray, " 2"]  #: of the iris, crop pixels
    radius: float  #: pixels
    tone: Float[np.ndarray, " 3"]  #: mean colour of the white, sRGB 0..255


def look(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting, side: str, lid: Skin) -> Eye:
    """Take an eye apart; `side` is L or R, `lid` the skin of its lid, whose light falls on the white as well."""
    slit, scale = sitting.slits[f"lid_{side}"], sitting.code.pose.scale
    around = Box.around(slit.frame.back(np.stack([slit.s, slit.upper], 1)), margin=int(np.ceil(_AROUND * scale)) + 2)
    box = around.joined(slit.opening()).within(frame_of(rgb))
    part = box.of(rgb).astype(np.float32)
    place = box.pixels()
    st = slit.frame.to(place)
    upper, lower = slit.at(st[..., 0])
    plain = slit.within(st[..., 0]) & (st[..., 1] > upper + _LASHES * scale) & (st[..., 1] < lower - _WET * scale)
    radius = 0.98 * float(sitting.head.iris_radius.mean()) * scale
    center = _iris(part, plain, place, expected=_expected(sitting, side), radius=radius, scale=scale)
    away = np.linalg.norm(place - center, axis=-1).astype(np.float32)
    bare = box.of(lid.bare, lid.box)
    white, tone = _white(part, plain & (away > 1.2 * radius), cv2.GaussianBlur(bare, (0, 0), max(0.7, 0.6 * radius)), radius)
    white *= 1.0 - _ROUND * np.clip(2 * st[..., :1] / slit.length, -1, 1) ** 2
    cover = np.clip((_BORDER * radius - away) / (0.16 * radius), 0, 1).astype(np.float32)
    iris = _whole(part, plain & (away <= _BORDER * radius), away, radius)
    return Eye(box, white, iris, cover, center, radius, tone)


def _white(
    part: Float32[np.ndarray, "h w 3"], outside: np.ndarray, skin: Float32[np.ndarray, "h w 3"], radius: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float[np.ndarray, " 3"]]:
    """The white continued from where it is seen, `outside` the iris, as bright as the skin around it goes on; and its mean colour."""
    grey = part.mean(axis=-1)
    bright = float(np.percentile(grey[outside], 85)) if outside.any() else 0.0
    seen = outside & (grey > 0.75 * bright)
    light = skin.mean(axis=-1, keepdims=True)
    if seen.sum() < 6:
        white = np.clip(1.1 * skin, 0, 235)
        return white, white.mean(axis=(0, 1)).astype(float)
    usual = np.median(part[seen] / light[seen], axis=0)
    ratio = usual + cv2.GaussianBlur(fill(part / light - usual, seen), (0, 0), max(0.7, 0.25 * radius))
    white = np.minimum(ratio * light, part[seen].max())
    return white.astype(np.float32), part[seen].mean(axis=0).astype(float)


def _expected(sitting: Sitting, side: str) -> Float[np.ndarray, " 2"]:
    """Where the head has the iris: over the middle of the opening when it does not know."""
    slit = sitting.slits[f"lid_{side}"]
    middle = slit.frame.back(np.array([0.0, float((slit.upper + slit.lower).mean()) / 2]))
    vertex = sitting.head.loops.get(f"iris_center_{side}")
    if vertex is None or not len(vertex):
        return middle
    seen = sitting.code.pose.project(sitting.points[vertex.numpy()])[0, :2]
    return np.where(np.abs(seen - middle) < slit.length / 3, 0.5 * (seen + middle), middle)


def _iris(
    part: np.ndarray, plain: np.ndarray, place: np.ndarray, *, expected: Float[np.ndarray, " 2"], radius: float, scale: float
) -> Float[np.ndarray, " 2"]:
    """The centre of the darkest disc near the expected one, against the ring around it."""
    seen, grey = place[plain], part[plain].mean(axis=-1)
    best, found = -np.inf, expected
    offsets = np.linspace(-_SEARCH, _SEARCH, 11) * scale
    for dy in offsets[2:-2]:
        for dx in offsets * 1.6:
            center = expected + np.array([dx, dy])
            away = np.hypot(*(seen - center.astype(np.float32)).T)
            disc, ring = away < radius, (away > 1.1 * radius) & (away < 1.7 * radius)
            inside, around = np.count_nonzero(disc), np.count_nonzero(ring)
            if inside < 4 or around < 4:
                continue
            value = float(grey @ ring / around - grey @ disc / inside) - 4.0 * (dx * dx + dy * dy) / (scale * _SEARCH) ** 2
            if value > best:
                best, found = value, center
    return found


def _whole(
    part: Float32[np.ndarray, "h w 3"], seen: np.ndarray, away: Float32[np.ndarray, "h w"], radius: float
) -> Float32[np.ndarray, "h w 3"]:
    """The iris with its hidden part filled in: around its own pixels, the median of each ring, which no highlight disturbs."""
    if seen.sum() < 4:
        return np.zeros_like(part)
    rings = max(2, min(8, int(radius)))
    ring = np.minimum((away / (_BORDER * radius) * rings).astype(int), rings - 1)
    everywhere = np.median(part[seen], axis=0)
    medians = np.stack([np.median(part[seen & (ring == r)], axis=0) if (seen & (ring == r)).any() else everywhere for r in range(rings)])
    centers = (np.arange(rings) + 0.5) * _BORDER * radius / rings
    profile = np.stack([np.interp(away, centers, medians[:, c]) for c in range(3)], axis=-1).astype(np.float32)
    near = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), max(0.6, 0.08 * radius))
    share = np.where(seen, np.clip(2.0 * near - 0.6, 0.0, 1.0), 0.0)[..., None].astype(np.float32)
    return np.where(seen[..., None], part * share + profile * (1 - share), profile)


def paint(
    canvas: Float32[np.ndarray, "h w 3"], box: Box, rgb: UInt8[np.ndarray, "a b 3"], eye: Eye, *, source: Slit, target: Slit,
    gaze: Float[np.ndarray, " 2"], scale: float,
) -> None:  # fmt: skip
    """Draw the eye into a canvas of warped skin that covers a box of the crop.

    `gaze` is how far the iris has moved, in pixels; `source` and `target` are the lids in the photo and now.
    """
    place = box.pixels()
    st = target.frame.to(place)
    cover = target.inside(st, max(0.5, 0.012 * scale)).astype(np.float32)
    if not cover.any():
        return
    s, t = st[..., 0], st[..., 1]
    (u1, l1), (u0, l0) = target.at(s), source.at(s)
    own = box.of(rgb).astype(np.float32)
    drawn = _layers(eye, place, gaze)
    bared = _ramp((u0 - u1) / (_LASHES * scale)) * _ramp(2.0 - (t - u0) / (_BAND * scale))  # a lid that rises takes its lashes along
    own += bared[..., None] * np.maximum(drawn - own, 0.0)
    lifted, lowered = np.abs(u1 - u0) / (_LASHES * scale), np.abs(l1 - l0) / (_LASHES * scale)
    known = _ramp(t - u0 - _LASHES * scale * np.clip(lifted, 0, 1) + 0.5) * _ramp(l0 - _WET * scale * np.clip(lowered, 0, 1) - t + 0.5)
    turned = min(1.0, float(np.hypot(*gaze)) / (0.01 * scale))
    known = np.maximum(known, 1.0 - target.moved(source, s)) * (1 - turned)
    eyeball = drawn + known[..., None] * (own - drawn)
    lashes = _ramp(2.0 - 2.0 * (t - u0) / (_LASHES * scale)) * (1 - np.clip(lifted, 0, 1))
    eyeball -= lashes[..., None] * np.maximum(eyeball - own, 0.0)
    shadow = _SHADE * np.exp(-np.clip(t - u1, 0, None) / (_SHADOW * scale)) * np.clip(np.maximum(lifted, turned), 0, 1)
    eyeball = eyeball * (1 - shadow)[..., None]
    canvas += cover[..., None] * (eyeball - canvas)


def _layers(eye: Eye, place: Float32[np.ndarray, "h w 2"], gaze: Float[np.ndarray, " 2"]) -> Float32[np.ndarray, "h w 3"]:
    """White and iris at the given pixels."""
    at = place - np.array([eye.box.left, eye.box.top])
    white = sample(eye.white, at)
    iris = sample(eye.iris, at - gaze, cv2.INTER_CUBIC)
    cover = sample(eye.cover, at - gaze, outside=cv2.BORDER_CONSTANT)
    return white + cover[..., None] * (iris - white)


def gaze(sitting: Sitting, expression: AUVector, side: str) -> Float[np.ndarray, " 2"]:
    """Pixels by which the iris moves in the photo when the eyes turn from the expression as read to another one."""
    head, code = sitting.head, sitting.code
    which = "LR".index(side)
    vertex = head.loops[f"iris_center_{side}"].numpy()
    if not len(vertex):
        return np.zeros(2)
    center = head.eye_regressor[which].numpy() @ sitting.neutral
    forward = sitting.neutral[vertex[0]] - center
    before, after = (_turned(forward, e.known) for e in (code.expression, expression))
    return (code.pose.project(after[None]) - code.pose.project(before[None]))[0, :2]


def _turned(forward: Float[np.ndarray, " 3"], expression: AUVector) -> Float[np.ndarray, " 3"]:
    """Where the middle of the iris goes from straight ahead, relative to the centre of the eye."""
    yaw = np.radians(_SIDEWAYS) * (expression["AU61"] - expression["AU62"])
    pitch = np.radians(_UPWARDS) * (expression["AU63"] - expression["AU64"])
    x, y, z = forward
    y, z = y * np.cos(pitch) + z * np.sin(pitch), z * np.cos(pitch) - y * np.sin(pitch)
    return np.array([x * np.cos(yaw) + z * np.sin(yaw), y, z * np.cos(yaw) - x * np.sin(yaw)])


def _ramp(value: np.ndarray) -> np.ndarray:
    return np.clip(value, 0.0, 1.0)
