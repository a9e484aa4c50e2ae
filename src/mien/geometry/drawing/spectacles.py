"""Spectacles: they sit on the nose and move with no unit of the face, though the mesh would take them along.

They are known by their bridge, which crosses the nose between the eyes, and by their rims, which run below both eyes alike; wrinkles do
one or the other. Then the long thin things around the eyes are rims. There, and near them, the flow of the skin is held: skin that moves
goes on moving a little way off.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry import facemesh
from mien.geometry.drawing import lids
from mien.geometry.drawing.box import Box, frame_of, sample

_STEP = 0.04  # cm between the rows in which a bridge is sought
_ABOVE, _BELOW = 1.2, 1.0  # cm above and below the corners of the eyes where it may be
_COLUMNS = 25
_THICK, _THIN = (2, 4, 8, 12), (2, 4, 8)  # rows that a bridge, and a rim, may be thick
_BEND, _ROUND = 1.2, 0.8  # price of a row up or down from one column to the next, in units of Lab: of a bridge, of a rim
_NEAR, _FAR = 1.1, 3.4  # cm from the middle of an eye where a rim may run below it
_LOW, _ARC, _SPOKES = 0.3, (15, 165), 40  # cm that this middle lies below the corners; the degrees below the eye that are looked at
_ALIKE = 9  # rows by half of which the rims of both eyes may differ
_EYE = 2.7  # cm: the length of an eye
_WIDTH, _HEIGHT = 1.15, 0.9  # of a circle's: the form of the arcs
_CLUTTER = 2.0  # times the mean of all bands is what wrinkles make
_MOST = 30.0  # distance in Lab beyond which a bridge is no clearer
_WEIGHT = 1.2  # of the rims, beside the bridge
_FAINT, _SURE = 4.8, 5.6  # mean distance in Lab from the skin on both sides, from where there may be spectacles, and are some
_WIDE, _UNLIKE = (0.2, 0.5), 11.0  # cm around a pixel, and the distance in Lab from the mean there from which it may be rim
_FINE = 20.0  # pixels per cm that show a rim well enough
_LONG = 1.3  # cm: what hangs together over less is no rim
_BAND = (1.4, 3.2, 2.2)  # cm above, below and beside the eyes where rims may be
_LASHES, _BROW = 0.42, 0.15  # cm around an eye and a brow that are theirs, whatever is seen there
_HELD, _SOFT = 0.32, 0.45  # cm from a rim that are held, and over which the skin becomes free


@dataclass(frozen=True, eq=False)
class Spectacles:
    """Where a face is held by its spectacles."""

    box: Box  #: the part of the crop with the eyes
    rims: Float32[np.ndarray, "h w"]  #: 1 on the pixels of rims and bridge
    held: Float32[np.ndarray, "h w"]  #: 1 on the rims, 0 where skin is free

    def free(self, box: Box) -> Float32[np.ndarray, "b a 1"]:
        """How far the pixels of a box may move: 0 not at all, 1 as they like."""
        return 1.0 - _spread(self.held, self.box, box)[..., None]

    def bare(self, box: Box) -> Float32[np.ndarray, "b a"]:
        """The pixels of a box that are no rim: 0 on the rims and within a pixel of them, 1 elsewhere."""
        return 1.0 - cv2.dilate(_spread(self.rims, self.box, box), np.ones((3, 3), np.uint8))


def _spread(values: Float32[np.ndarray, "h w"], of: Box, box: Box) -> Float32[np.ndarray, "b a"]:
    """The values of a box at the pixels of another one; 0 beyond."""
    out = np.zeros((box.height, box.width), np.float32)
    both = box.within(of)
    if not both.empty:
        both.of(out, box)[:] = both.of(values, of)
    return out


def look(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Spectacles | None:
    """The spectacles on a face, if it wears any; landmarks in pixels of the crop, `scale` in pixels per cm."""
    clear = _bridge(rgb, landmarks, scale) + _WEIGHT * _arcs(rgb, landmarks, scale)
    sure = float(np.clip((clear - _FAINT) / (_SURE - _FAINT), 0.0, 1.0))
    eyes = landmarks[[i for side in "LR" for i in facemesh.LID_UPPER[side]]]
    low, high = eyes.min(axis=0) - scale * np.array([_BAND[2], _BAND[0]]), eyes.max(axis=0) + scale * np.array([_BAND[2], _BAND[1]])
    band = Box.around(np.stack([low, high])).within(frame_of(rgb))
    if sure == 0.0 or band.empty:
        return None
    box = Box.around(np.stack([low, high]), margin=round((_HELD + 2.5 * _SOFT) * scale)).within(frame_of(rgb))  # where the hold has faded
    rims = np.zeros((box.height, box.width), np.float32)
    coarse = max(1.0, scale / _FINE)
    small = (max(4, round(band.width / coarse)), max(4, round(band.height / coarse)))
    marks = (landmarks - [band.left, band.top]) * np.array(small) / [band.width, band.height]
    found = _rims(cv2.resize(band.of(rgb), small, interpolation=cv2.INTER_AREA), marks, scale / coarse)
    band.of(rims, box)[:] = cv2.resize(found, (band.width, band.height), interpolation=cv2.INTER_LINEAR)
    return Spectacles(box, rims, sure * _held(rims, scale))


def _held(rims: Float32[np.ndarray, "h w"], scale: float) -> Float32[np.ndarray, "h w"]:
    """How far skin is held by rims: fully on and near them, less and less further off."""
    coarse = max(1.0, scale / _FINE)
    size = (max(4, round(rims.shape[1] / coarse)), max(4, round(rims.shape[0] / coarse)))
    small = (cv2.resize(rims, size, interpolation=cv2.INTER_AREA) > 0.25).astype(np.float32)
    around = cv2.dilate(small, np.ones((2 * round(_HELD * scale / coarse) + 1,) * 2, np.uint8))
    near = cv2.GaussianBlur(around, (0, 0), max(0.7, _SOFT * scale / coarse), borderType=cv2.BORDER_CONSTANT)
    return np.clip(1.15 * cv2.resize(near, (rims.shape[1], rims.shape[0]), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)


def _bridge(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> float:
    """How clear the clearest band from eye to eye across the nose is: its distance in Lab from what is above and below it."""
    right, left = landmarks[facemesh.LID_UPPER["R"][-1]], landmarks[facemesh.LID_UPPER["L"][0]]
    along = left - right
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    rows = np.arange(-_ABOVE, _BELOW, _STEP) * scale
    places = right + np.linspace(0.2, 0.8, _COLUMNS)[:, None] * along + rows[:, None, None] * across
    return _clearest(_bands(_lab(sample(rgb, places)), _THICK), _BEND)


def _arcs(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> float:
    """How clear the clearest arc is that runs below both eyes alike."""
    angle = np.radians(np.linspace(*_ARC, _SPOKES))
    radius = np.arange(_NEAR, _FAR, _STEP)[:, None, None]
    seen: list[np.ndarray] = []
    for inner, outer, turn in ((133, 33, 1.0), (362, 263, -1.0)):
        half = (landmarks[inner] - landmarks[outer]) / 2
        across = turn * scale * np.array([-half[1], half[0]]) / max(float(np.hypot(*half)), 1e-6)
        ring = _WIDTH * np.cos(angle)[:, None] * half * 2 / _EYE + _HEIGHT * np.sin(angle)[:, None] * across
        places = (landmarks[inner] + landmarks[outer]) / 2 + _LOW * across + radius * ring
        bands = _bands(_lab(sample(rgb, places)), _THIN).astype(np.float32)
        seen.append(cv2.dilate(bands, np.ones((_ALIKE, 3), np.uint8)))
    return _clearest(np.minimum(*seen).astype(np.float64), _ROUND)


def _clearest(score: Float[np.ndarray, "r c"], bend: float) -> float:
    """The mean of the best path across the columns of what stands out, `bend` the price of a row up or down."""
    price = bend * np.abs(np.subtract.outer(np.arange(len(score)), np.arange(len(score))))
    score = score - _CLUTTER * score.mean()
    total = score[:, 0]
    for column in score.T[1:]:
        total = (total - price).max(axis=1) + column
    return float(total.max()) / score.shape[1]


def _bands(lab: Float32[np.ndarray, "r c 3"], thick: tuple[int, ...]) -> Float[np.ndarray, "r c"]:
    """How far a band of any of these numbers of rows stands out from what is above and below it."""
    return np.clip(np.max([_band(lab, rows) for rows in thick], axis=0), 0.0, _MOST)


def _band(lab: Float32[np.ndarray, "r c 3"], thick: int) -> Float[np.ndarray, "r c"]:
    """How far the mean of `thick` rows is from the rows above and below, the lesser of the two, if both are on the same side of it."""
    total = np.cumsum(np.concatenate([np.zeros_like(lab[:1]), lab]), axis=0)
    half, side = thick // 2, thick // 2 + 6
    i = np.arange(half + side, len(lab) - half - side)

    def mean(start: int, stop: int) -> Float[np.ndarray, "n c 3"]:
        return (total[i + stop] - total[i + start]) / (stop - start)

    above, below = (mean(-half, half) - beside for beside in (mean(-side, -half - 1), mean(half + 1, side)))
    out = np.zeros(lab.shape[:2])
    out[i] = np.minimum(np.linalg.norm(above, axis=-1), np.linalg.norm(below, axis=-1)) * ((above * below).sum(axis=-1) > 0)
    return out


def _rims(part: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Float32[np.ndarray, "h w"]:
    """The pixels (1) that differ from all around them and hang together over a long way; eyes and brows are none."""
    lab = _lab(part)
    differs = [np.linalg.norm(lab - cv2.GaussianBlur(lab, (0, 0), max(0.7, wide * scale)), axis=-1) for wide in _WIDE]
    mask = (np.max(differs, axis=0) > _UNLIKE).astype(np.uint8)
    for side in "RL":
        eye = [*facemesh.LID_UPPER[side], *facemesh.LID_LOWER[side][::-1]]
        brow = [*facemesh.BROW[side], *lids.BROWS[f"lid_{side}"][::-1]]
        for outline, around in ((eye, _LASHES), (brow, _BROW)):
            corners = [np.round(landmarks[outline]).astype(np.int32)]
            cv2.fillPoly(mask, corners, 0)
            cv2.polylines(mask, corners, isClosed=True, color=0, thickness=max(1, round(2 * around * scale)))
    parts, numbered, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask, np.ones((3, 3), np.uint8)))
    extent = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    long = (extent > _LONG * scale) & (np.arange(parts) > 0)
    return (long[np.asarray(numbered, np.intp)] & (mask > 0)).astype(np.float32)


def _lab(rgb: UInt8[np.ndarray, "r c 3"]) -> Float32[np.ndarray, "r c 3"]:
    return cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
