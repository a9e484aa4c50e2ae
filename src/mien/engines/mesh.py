"""Engine ``mesh``: edits the expression of a real photo by moving a fitted head and warping the photo's own pixels along."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from jaxtyping import UInt8

from mien.aus import AUVector
from mien.edits import AttributeEdit, Edit, TextEdit
from mien.errors import EditError
from mien.geometry import eyes, fit, margins, morph, mouth, neutral, shade
from mien.geometry.flow import Flow, flow, pixels
from mien.geometry.head import HeadModel
from mien.geometry.head import bundled as bundled_head
from mien.types import Crop, CropSpec, Drawn, HeadCode, Pose

_BAND = 256  # rows warped at a time: bounds memory


@dataclass(frozen=True, eq=False)
class Reading:
    """What is read once of a face, so that a new expression costs only drawing."""

    crop: Crop
    sitting: morph.Sitting
    light: shade.Light
    mouth: mouth.Look
    eyes: dict[str, eyes.Eye]


@dataclass(frozen=True, eq=False)
class MeshCode:
    """A face of a photo: as it was read, and the expression to draw."""

    reading: Reading
    head: HeadCode  #: as read, in photo pixels
    expression: AUVector


class MeshEngine:
    """Warps a photo along with a head fitted to it; any size, no network."""

    name = "mesh"
    crop = CropSpec(size=None)

    def __init__(self, head: HeadModel, fit: Callable[[Sequence[Crop]], list[HeadCode]]) -> None:
        """`fit` solves faces for pose, identity and expression of `head`, in photo pixels."""
        self._head, self._fit = head, fit
        self.moves = frozenset(head.axes_known)

    def encode(self, crops: Sequence[Crop]) -> list[MeshCode]:
        """Fit the head to each face and read light and colours off its pixels."""
        return [self._read(crop, code) for crop, code in zip(crops, self._fit(crops), strict=True)] if crops else []

    def shift(self, code: MeshCode, edit: Edit) -> MeshCode:
        """The code with another expression; raises `EditError` for AUs that the head cannot do, attributes and text."""
        if isinstance(edit, AttributeEdit | TextEdit):
            raise EditError(f"the engine mesh cannot do {edit}: it moves action units, such as AU12=+2")
        change = edit.shift(code.expression)
        unable = [axis for axis in change.moved if axis not in self.moves]
        if unable:
            raise EditError(f"the engine mesh cannot move {', '.join(unable)}; it moves {', '.join(sorted(self.moves))}")
        return replace(code, expression=code.expression.known + change)

    def decode(self, codes: Sequence[MeshCode], *, seeds: Sequence[int] | None = None) -> list[Drawn]:
        """Draw each code; nothing is random, so `seeds` change nothing."""
        return [_draw(code) for code in codes]

    def _read(self, crop: Crop, head: HeadCode) -> MeshCode:
        offset = crop.to_photo[:2, 2]
        pose = Pose(head.pose.rotation, head.pose.scale, head.pose.translation - offset)
        landmarks = margins.refine(crop.rgb, crop.face.landmarks[:, :2].astype(np.float64) - offset, pose.scale)
        sitting = morph.sit(self._head, replace(head, pose=pose), landmarks)
        light = shade.estimate(crop.rgb, sitting)
        both = {side: eyes.look(crop.rgb, sitting, side, light.skin) for side in "RL"}
        white = np.mean([eye.tone for eye in both.values()], axis=0)
        reading = Reading(crop, sitting, light, mouth.look(crop.rgb, sitting, light.skin, white), both)
        return MeshCode(reading, head, head.expression.known)


def _draw(code: MeshCode) -> Drawn:
    reading, rgb = code.reading, code.reading.crop.rgb
    height, width = rgb.shape[:2]
    matte = np.zeros((height, width), np.float32)
    if code.expression == code.head.expression.known:
        return Drawn(rgb, matte)
    moved = morph.move(reading.sitting, code.expression)
    motion = flow(reading.sitting, moved, shade.log_ratio(reading.light, reading.sitting, moved), width, height)
    left, top, right, bottom = motion.box(width, height)
    out = rgb.copy()
    for start in range(top, bottom, _BAND):
        stop = min(start + _BAND, bottom)
        out[start:stop, left:right] = _warped(rgb, motion, left, start, right - left, stop - start)
    _openings(out, rgb, moved, code)
    matte[(out != rgb).any(-1)] = 1.0
    return Drawn(out, matte)


def _warped(rgb: UInt8[np.ndarray, "h w 3"], motion: Flow, left: int, top: int, width: int, height: int) -> UInt8[np.ndarray, "b a 3"]:
    """The moved and relit skin in a box."""
    field = motion.at(left, top, width, height)
    source = pixels(left, top, width, height) + field[..., :2]
    skin = cv2.remap(rgb, source, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    relit = np.abs(field[..., 2]) > 1e-3
    if relit.any():
        skin[relit] = np.clip(skin[relit] * np.exp(field[..., 2][relit])[:, None] + 0.5, 0, 255).astype(np.uint8)
    return skin


def _openings(out: UInt8[np.ndarray, "h w 3"], rgb: UInt8[np.ndarray, "h w 3"], moved: morph.Moved, code: MeshCode) -> None:
    """Draw the eyes and the inside of the mouth over the moved skin."""
    reading, sitting = code.reading, code.reading.sitting
    scale = sitting.code.pose.scale
    for name, slit in moved.slits.items():
        x0, y0, x1, y1 = slit.opening(rgb.shape[1], rgb.shape[0])
        if x1 <= x0 or y1 <= y0:
            continue
        canvas = out[y0:y1, x0:x1].astype(np.float32)
        if name == "lip":
            mouth.paint(canvas, rgb, sitting, moved, reading.mouth, x0, y0)
        else:
            turned = eyes.gaze(sitting, code.expression, name[-1])
            eyes.paint(canvas, rgb, reading.eyes[name[-1]], sitting.slits[name], slit, turned, scale, x0, y0)
        out[y0:y1, x0:x1] = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)


@cache
def build() -> MeshEngine:
    """The engine with the head and the statistics of resting faces that ship with mien."""
    head, prior = bundled_head(), neutral.bundled()

    def solve(crops: Sequence[Crop]) -> list[HeadCode]:
        landmarks = np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)
        return fit.fit(landmarks, head, prior)

    return MeshEngine(head, solve)
