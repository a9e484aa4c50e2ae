"""Engine ``mesh``: edits the expression of a real photo by moving a fitted head and warping the photo's own pixels along."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial, reduce

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.aus import AUShift, AUVector, written
from mien.edits import AttributeEdit, AUEdit, Edit
from mien.errors import EditError
from mien.faces.align import carry
from mien.geometry.drawing import eyes, falling, folds, margins, morph, mouth, relief, remains, rims, shade, spectacles, unfolding
from mien.geometry.drawing.box import Box, frame_of
from mien.geometry.drawing.crowding import carried
from mien.geometry.drawing.flow import Flow, flow
from mien.geometry.fitting import fit, neutral
from mien.geometry.fitting.measured import independent
from mien.geometry.head import HeadModel
from mien.geometry.head import bundled as bundled_head
from mien.types import Crop, CropSpec, Drawn, HeadCode, Pose

_DIM = 1e-3  # of the logarithm of the light: less changes no 8-bit value


@dataclass(frozen=True, eq=False)
class Study:
    """What is read once of a face, so that a new expression costs only drawing."""

    crop: Crop
    sitting: morph.Sitting
    light: shade.Light
    mouth: mouth.Look
    eyes: dict[str, eyes.Eye]
    lids: dict[str, falling.Skin]
    spectacles: spectacles.Spectacles | None
    furrows: relief.Relief
    own: tuple[float, ...]  #: how far the skin has each of `folds.FURROWS` already


@dataclass(frozen=True, eq=False)
class MeshCode:
    """A face of a photo: as it was read, and the expression to draw."""

    study: Study
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
        """The code with another expression; raises `EditError` for AUs that the head cannot do, for attributes, and for texts of which no
        action units are known.
        """
        if isinstance(edit, AttributeEdit):
            raise EditError(f"the engine mesh cannot do {edit}: it moves action units, such as AU12=+2")
        change = edit.shift(code.expression)
        unable = [axis for axis in change.moved if axis not in self.moves]
        if unable:
            raise EditError(f"the engine mesh cannot move {written(unable)}; it moves {written(self.moves)}")
        return replace(code, expression=code.expression.known + change + _jaw(code.expression.known, change, edit))

    def decode(self, codes: Sequence[MeshCode], *, seeds: Sequence[int] | None = None) -> list[Drawn]:
        """Draw each code; nothing is random, so `seeds` change nothing."""
        return [_draw(code) for code in codes]

    def _read(self, crop: Crop, head: HeadCode) -> MeshCode:
        offset = crop.to_photo[:2, 2]
        pose = Pose(head.pose.rotation, head.pose.scale, head.pose.translation - offset)
        landmarks = margins.refine(crop.rgb, crop.face.landmarks[:, :2].astype(np.float64) - offset, pose.scale)
        landmarks = rims.refine(crop.rgb, landmarks, pose.scale)
        sitting = morph.sit(self._head, replace(head, pose=pose), landmarks)
        light = shade.estimate(crop.rgb, sitting)
        worn = spectacles.look(crop.rgb, landmarks, pose.scale)
        over = {side: falling.look(crop.rgb, sitting, side, light, worn) for side in "RL"}
        both = {side: eyes.look(crop.rgb, sitting, side, over[side]) for side in "RL"}
        white = np.mean([eye.tone for eye in both.values()], axis=0)
        furrows = relief.look(crop.rgb, landmarks, pose.scale)
        own, lips = folds.wrinkled(furrows, landmarks), mouth.look(crop.rgb, sitting, light.skin, white)
        study = Study(crop, sitting, light, lips, both, over, worn, furrows, own)
        return MeshCode(study, head, head.expression.known)


def _jaw(now: AUVector, change: AUShift, edit: Edit) -> AUShift:
    """AU26 and AU27 are one jaw: who closes it by AU26 and says nothing of AU27 wants what that holds open closed as well."""
    named = {c.axis for c in edit.changes} if isinstance(edit, AUEdit) else set[str]()
    if "AU26" not in named or "AU27" in named or change["AU26"] >= 0 or now["AU26"] <= 0:
        return AUShift.of({})
    return AUShift.of({"AU27": now["AU27"] * ((now + change)["AU26"] / now["AU26"] - 1.0)})


def _draw(code: MeshCode) -> Drawn:
    study, rgb = code.study, code.study.crop.rgb
    matte = np.zeros(rgb.shape[:2], np.float32)
    if code.expression == code.head.expression.known:
        return Drawn(rgb, matte, carry(np.linalg.inv(study.crop.to_photo), study.crop.face.landmarks))
    sitting, picture = study.sitting, frame_of(rgb)
    change = independent(code.expression - code.head.expression.known)
    moved = morph.move(sitting, code.head.expression.known + change)
    scale = sitting.code.pose.scale
    furrows = partial(folds.log_light, change, moved.landmarks, light=study.light, scale=scale, own=study.own)
    motion = flow(sitting, moved, shade.log_ratio(study.light, sitting, moved), lambda grid: furrows(grid=grid), picture=picture)
    worked = folds.worked(change, moved.landmarks, grid=motion.grid, scale=scale) * motion.active[..., None]
    out = rgb.copy()
    for tile in motion.tiles(picture):
        tile.of(out)[:] = _warped(study, motion, tile, motion.grid.enlarge(worked, tile)[..., 0])
    for name in motion.lids:
        unfolding.smooth(out, moved, motion, name, study.spectacles)
    painted = [motion.box().within(picture), *(_open(out, moved, motion, code, name) for name in moved.slits)]
    if changing := [box for box in painted if not box.empty]:
        box = reduce(Box.joined, changing)
        same = cv2.inRange(cv2.absdiff(box.of(out), box.of(rgb)), (0, 0, 0), (0, 0, 0))
        box.of(matte)[same == 0] = 1.0
    return Drawn(out, matte, _landmarks(study, moved))


def _landmarks(study: Study, moved: morph.Moved) -> Float[np.ndarray, "468 3"]:
    """Where the landmarks went, in crop pixels: in the picture as drawn, in depth as the head went."""
    depth = carry(np.linalg.inv(study.crop.to_photo), study.crop.face.landmarks)[:, 2:]
    nearer = morph.at_landmarks(study.sitting.head, moved.corners[:, 2:] - study.sitting.corners[:, 2:])
    return np.concatenate([moved.landmarks, depth - nearer], axis=1)


def _warped(study: Study, motion: Flow, box: Box, worked: Float32[np.ndarray, "b a"]) -> UInt8[np.ndarray, "b a 3"]:
    """The moved and relit skin in a box, its own furrows as deep as they are `worked`."""
    field = motion.at(box) if study.spectacles is None else motion.at(box) * study.spectacles.free(box)
    places = box.pixels() + field[..., :2]
    skin = carried(study.crop.rgb, places)
    if worked.any():
        field[..., 2] += worked * study.furrows.at(places)
    relit = np.abs(field[..., 2]) > _DIM
    if not relit.any():
        return skin
    gain = np.exp(np.where(relit, field[..., 2], 0.0)[..., None] * shade.WARM)
    return cv2.multiply(skin, gain, dtype=cv2.CV_8U)


def _open(out: UInt8[np.ndarray, "h w 3"], moved: morph.Moved, motion: Flow, code: MeshCode, name: str) -> Box:
    """Draw an eye, or the inside of the mouth, over the moved skin; where that was."""
    study, rgb = code.study, code.study.crop.rgb
    sitting, scale = study.sitting, study.sitting.code.pose.scale
    source, target = sitting.slits[name], moved.slits[name]
    margin = 2 + int(remains.REACH * scale if name == "lip" else falling.FARTHEST * motion.lids[name].scale)
    box = target.opening(margin).joined(source.opening(margin)).within(frame_of(rgb))
    if box.empty:
        return box
    canvas = box.of(out).astype(np.float32)
    if name == "lip":
        mouth.paint(canvas, box, rgb, sitting, moved, motion=motion, look=study.mouth)
    else:
        eye = study.eyes[name[-1]]
        turned = eyes.gaze(sitting, code.expression, name[-1])
        eyes.paint(canvas, box, rgb, eye, source=source, target=target, gaze=turned, scale=scale)
        falling.paint(canvas, box, study.lids[name[-1]], target=target, source=source, lid=motion.lids[name])
    box.of(out)[:] = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
    return box


@cache
def build() -> MeshEngine:
    """The engine with the head and the statistics of resting faces that ship with mien."""
    head, prior = bundled_head(), neutral.bundled()

    def solve(crops: Sequence[Crop]) -> list[HeadCode]:
        landmarks = np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)
        return fit.fit(landmarks, head, prior)

    return MeshEngine(head, solve)
