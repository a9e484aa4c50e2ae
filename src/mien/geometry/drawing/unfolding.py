"""The skin that a rising brow unfolds between lid and brow.

A photo shows little of it. Stretched, its shades stay what they are, but pores and the tips of hairs become streaks along the pull: where
skin is stretched far it is evened out across the streaks, and takes the grain of the skin below the eye.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry.drawing import falling, lids
from mien.geometry.drawing.box import frame_of, sample
from mien.geometry.drawing.flow import Flow
from mien.geometry.drawing.morph import Moved
from mien.geometry.drawing.spectacles import Spectacles

_RISE = 0.05  # cm: skin below a brow that rises by less is stretched too little to show streaks
_AROUND = 2.4  # cm around an eye: up to a brow raised as high as it goes
_LASHES, _BESIDE = 0.10, 0.5  # cm above the margin that are never smoothed; beyond the corners of the eye where it ends
_FROM, _TO = 1.25, 1.9  # times its length: skin stretched by the first shows no streaks yet, by the second nothing else
_EVEN = 0.14  # cm across the streaks over which they are evened out
_HAIR = 0.94  # of the mean around it: what is darker is hair, and does not count
_ROWS, _COLUMNS = 48, 64
_LITTLE = 0.02  # of smoothing: less is none
_SOFT = 3.0  # rows and columns over which the smoothing sets in


def smooth(out: UInt8[np.ndarray, "h w 3"], moved: Moved, motion: Flow, name: str, worn: Spectacles | None) -> None:
    """Rid a warped picture of streaks above the eye with the slit `name`, in place; `worn` holds the skin around itself."""
    slit, scale = moved.slits[name], motion.lids[name].scale
    box = slit.opening(int(_AROUND * scale)).within(frame_of(out))
    if box.empty or float(motion.lids[name].far[:, 1].max()) < _RISE * scale:
        return
    s = np.linspace(slit.s[0] - _BESIDE * scale, slit.s[-1] + _BESIDE * scale, _COLUMNS)
    upper, _ = slit.at(s)
    height = np.interp(s, slit.s, lids.brow_height(moved.landmarks[list(lids.BROWS[name])], slit))
    t = upper - height * np.linspace(1.0, 0.0, _ROWS)[:, None]
    places = slit.frame.back(np.stack([np.broadcast_to(s, t.shape), t], axis=-1)) - [box.left, box.top]
    field, bare = motion.at(box)[..., :2], np.ones((box.height, box.width), np.float32)
    if worn is not None:
        field, bare = field * worn.free(box), worn.bare(box)
    weight = _stretched(sample(field, places) @ slit.frame.axes[:, 1], t) * sample(bare, places)
    weight *= _step((upper - t) / (_LASHES * scale) - 1.0) * _step(np.minimum(np.arange(_COLUMNS), np.arange(_COLUMNS)[::-1]) / (2 * _SOFT))
    weight = cv2.GaussianBlur(weight.astype(np.float32), (0, 0), _SOFT / 2)
    if weight.max() < _LITTLE:
        return
    part = box.of(out).astype(np.float32)
    even = _even(sample(part, places), weight, _EVEN * scale / float(s[1] - s[0]))
    st = slit.frame.to(box.pixels())
    low = np.interp(st[..., 0], s, upper)
    row = (_ROWS - 1) * (1.0 + (st[..., 1] - low) / np.interp(st[..., 0], s, height))
    at = np.stack([(st[..., 0] - s[0]) / (s[1] - s[0]), row], axis=-1)
    share = sample(weight, at, outside=cv2.BORDER_CONSTANT)[..., None]
    grain = falling.grain(part, st, slit, st[..., 1] > slit.at(st[..., 0])[1] + _LASHES * scale, scale)
    part += share * (sample(even, at) * grain - part)
    box.of(out)[:] = np.clip(part + 0.5, 0, 255).astype(np.uint8)


def _stretched(move: Float[np.ndarray, "r c"], t: Float[np.ndarray, "r c"]) -> Float[np.ndarray, "r c"]:
    """How far skin is streaky, 0..1, whose displacement (source minus target) across the slit is `move` at t."""
    shrunk = 1.0 + np.gradient(move, axis=0) / np.maximum(np.gradient(t, axis=0), 1e-3)
    return _step((1.0 / np.clip(shrunk, 0.1, 10.0) - _FROM) / (_TO - _FROM))


def _even(colours: Float32[np.ndarray, "r c 3"], weight: Float32[np.ndarray, "r c"], sigma: float) -> Float32[np.ndarray, "r c 3"]:
    """Straightened skin, each row evened out along itself; hairs, and what is not stretched, do not count."""
    grey = colours.mean(axis=-1)
    counts = weight + 1e-3
    for _ in range(2):
        mean = _along(grey * counts, sigma) / _along(counts, sigma)
        counts = (weight + 1e-3) * np.where(grey > _HAIR * mean, 1.0, 0.05)
    return (_along(colours * counts[..., None], sigma) / _along(counts, sigma)[..., None]).astype(np.float32)


def _along(values: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(values.astype(np.float32), (0, 0), sigmaX=max(sigma, 0.5), sigmaY=0.7, borderType=cv2.BORDER_REPLICATE)


def _step(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
