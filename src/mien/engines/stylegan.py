"""Engine ``stylegan``: edits the expression of a real photo by the codes of a StyleGAN2.

A face is inverted (`mien.inversion`), its code moved by a mapper of action units (AU-CLIP, Patashnik et al. 2021's latent mapper) or by a
text, and drawn. The network's pictures of the face before and after say what changes; it is done to the photo's own pixels
(`mien.faces.redraw`), and only where the anatomy of the edit reaches (`mien.faces.reach`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien import inversion
from mien.aus import AXES, MAX_INTENSITY, AUShift, AUVector, axes, written
from mien.edits import AttributeEdit, AUEdit, Edit, TextEdit
from mien.errors import EditError, UsageError, one_of
from mien.faces.align import Square, carry, five_points, sample
from mien.faces.carrying import GRID, Picture
from mien.faces.view import View
from mien.geometry.fitting import fit, neutral
from mien.geometry.fitting.measured import FOLLOWING, independent
from mien.geometry.head import bundled as bundled_head
from mien.inversion import How, Inverted, Quality, choosing
from mien.inversion.choosing import Chosen
from mien.nn.levels import levels, signed
from mien.types import Crop, CropSpec, Drawn, HeadCode, Pose

_ROW = {axis: i for i, axis in enumerate(AXES)}


@dataclass(frozen=True, eq=False)
class Study:
    """What is read once of a face, so that a new expression costs only drawing."""

    crop: Crop
    view: View
    measured: AUVector
    inverted: Inverted


@dataclass(frozen=True, eq=False)
class StyleCode:
    """A face of a photo: as it was read, and what to make of it."""

    study: Study
    expression: AUVector
    moved: Float[Tensor, "1 l d"]  #: what texts add to the code


class StyleGANEngine:
    """Edits faces by the codes of a generator."""

    name = "stylegan"
    crop = CropSpec(size=None, margin=1.0)

    def __init__(self, chosen: Chosen, read: Callable[[Sequence[Crop]], list[HeadCode]], how: How = "encoder") -> None:
        """`read` measures action units of faces, `how` is the way from a picture to a code."""
        self._networks, self._mapper, self._redrawer = chosen
        self._read = read
        self._how: How = how
        own = self._mapper.axes if self._mapper else frozenset[str]()
        self.moves = own | {axis for axis, (source, _) in FOLLOWING.items() if source in own}

    def encode(self, crops: Sequence[Crop]) -> list[StyleCode]:
        """Invert each face, and measure what it shows."""
        return [self._study(crop, head) for crop, head in zip(crops, self._read(crops), strict=True)] if crops else []

    def shift(self, code: StyleCode, edit: Edit) -> StyleCode:
        """The code with another expression; raises `EditError` that names what cannot be done.

        Of the expression of another face and of what a text says, as much is taken over as there are action units that the mapper moves.
        """
        if isinstance(edit, AttributeEdit):
            raise EditError(f"the engine stylegan cannot do {edit}: it moves action units, such as AU12=+2")
        if isinstance(edit, TextEdit) and edit.expression is None:
            return replace(code, moved=code.moved + self._asked(edit, code.study.inverted))
        wanted = edit.shift(code.expression)
        if isinstance(edit, AUEdit):
            self._check(edit)
        return replace(code, expression=code.expression + wanted.within(self.moves))

    def decode(self, codes: Sequence[StyleCode], *, seeds: Sequence[int] | None = None) -> list[Drawn]:
        """Draw each code; nothing is random, so `seeds` change nothing."""
        return [self._draw(code) for code in codes]

    def quality(self, code: StyleCode) -> Quality:
        """How like the photo the generator's own picture of the unedited face is."""
        return code.study.inverted.quality

    def outside(self, code: StyleCode) -> str:
        """Why the face is not one that the generator can draw; "" where it is."""
        return inversion.outside(self.quality(code))

    def _study(self, crop: Crop, head: HeadCode) -> StyleCode:
        back = np.linalg.inv(crop.to_photo)
        landmarks = carry(back, crop.face.landmarks)
        square = Square.of_five(five_points(landmarks))
        pose = Pose(head.pose.rotation, head.pose.scale, head.pose.translation - crop.to_photo[:2, 2])
        size = max(self._networks.generator.size, self._networks.encoder.config["size"])
        picture = signed(sample(crop.rgb, square, size))[None]
        inverted = inversion.invert(picture, self._networks, self._how)
        shown = sample(crop.rgb, square, GRID).astype(np.float32)
        before = _picture(inverted, inverted.code)
        view = View.of(crop.rgb, landmarks, pose, square, shown=shown, before=before, redrawer=self._redrawer)
        study = Study(crop, view, head.expression.known, inverted)
        return StyleCode(study, study.measured, torch.zeros_like(inverted.code))

    def _check(self, edit: AUEdit) -> None:
        """Raise `EditError` that names what the mapper does not move, and sides that it does not tell apart."""
        named = {change.axis for change in edit.changes}
        unable = [axis for axis in AXES if axis in named and axis not in self.moves]
        if unable:
            what = f"it moves {written(self.moves)}" if self.moves else "no mapper that fits its codes is here (`mien train auclip`)"
            raise EditError(f"the engine stylegan cannot move {written(unable)}; {what}")
        for unit in self._mapper.units if self._mapper else ():
            if 0 < len(named & set(axes(unit))) < len(axes(unit)):
                raise EditError(f"the engine stylegan moves both sides of {unit} alike with this mapper: write {unit}")

    def _draw(self, code: StyleCode) -> Drawn:
        study, rgb = code.study, code.study.crop.rgb
        asked = code.expression - study.measured
        said = bool(code.moved.any())
        if not asked.moved and not said:
            return Drawn(rgb, np.zeros(rgb.shape[:2], np.float32))
        start = study.inverted.code
        moved = self._moved(start, asked) + code.moved
        after, units = _picture(study.inverted, moved), independent(asked)
        out = study.view.redrawn_anywhere(after, units) if said else study.view.redrawn(after, moved - start, units)
        return Drawn(out, (out != rgb).any(axis=2).astype(np.float32))

    def _asked(self, edit: TextEdit, inverted: Inverted) -> Float[Tensor, "1 l d"]:
        """The move of a code that a network of texts asks for; one for every face alike is of the generator that is tuned to none."""
        from mien import text

        generator = self._networks.generator if edit.by == "directions" else inverted.generator
        return text.move(edit.words, inverted.code, generator, by=edit.by)

    def _moved(self, code: Float[Tensor, "1 l d"], asked: AUShift) -> Float[Tensor, "1 l d"]:
        """The code after a change of action units."""
        if self._mapper is None or not asked.moved:
            return code
        mapper, steps = self._mapper, torch.from_numpy(_told(asked, self._mapper.axes).values.astype(np.float32))[None]
        with torch.inference_mode():
            return mapper.move(code, mapper.steps(steps), mapper.reach_of(steps))


def _told(asked: AUShift, known: frozenset[str]) -> AUShift:
    """A change as a mapper that moves the axes `known` is told it: each movement once, by a name that it has."""
    values = independent(asked).values.copy()
    for axis, (source, steps) in FOLLOWING.items():
        if axis in known and source not in known:
            values[_ROW[axis]] = np.clip(values[_ROW[source]] / steps, -MAX_INTENSITY, MAX_INTENSITY)
            values[_ROW[source]] = 0.0
    return AUShift(values)


def _picture(inverted: Inverted, code: Float[Tensor, "1 l d"]) -> Picture:
    """What the generator draws, 0..255."""
    with torch.inference_mode():
        return levels(inverted.generator(code)[0])


@cache
def build(weights: Path | None = None, invert: str = "encoder") -> StyleGANEngine:
    """The engine with the set of networks that belongs to a generator, else the one that ships; `invert` is encoder, refine or pivotal.

    Raises `WeightsError` without such a set, `UsageError` for an unknown way to invert.
    """
    ways = get_args(How)
    if invert not in ways:
        raise UsageError(f"invert {one_of(invert, ways)}")
    chosen = choosing.networks(choosing.files(weights))
    head, prior = bundled_head(), neutral.bundled()

    def read(crops: Sequence[Crop]) -> list[HeadCode]:
        return fit.fit(np.stack([crop.face.landmarks for crop in crops]).astype(np.float64), head, prior)

    return StyleGANEngine(chosen, read, cast(How, invert))
