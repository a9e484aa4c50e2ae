"""How much more than asked for must be asked of a mapper for what is measured to be what was asked for.

A generator draws movements smaller than they were in the pictures that it learned from, and what is carried over from its small pictures
to a photo's own pixels is smaller still. So each unit is set on faces as an edit sets it, mien's reader measures the change, and the gain
is taken by which both agree best while the person stays who it is: asked for too much, a generator draws nobody.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8

from mien import aus, registry
from mien.aus import AUShift, unit_of
from mien.data.expressions import Sitter
from mien.faces.align import Square
from mien.faces.identity import cosine, recognizer
from mien.faces.landmarks import MARGIN, landmarker
from mien.faces.view import View
from mien.nn.levels import levels
from mien.nn.mapper import LevelsMapper
from mien.nn.redrawer import Redrawer
from mien.nn.stylegan2 import Generator
from mien.protocols import ComparingReader
from mien.training.progress import counted
from mien.types import Crop, Photo

_DOSES = (1.0, 3.0, 5.0)  # steps
_TELLING = 4.0  # steps that have to differ from fewer
_DOUBLED, _HALFWAY = (0.5, 1.0, 2.0, 4.0, 8.0), 2**0.5  # gains


def gains(mapper: LevelsMapper, generator: Generator, sitters: Sequence[Sitter], redrawer: Redrawer | None = None) -> list[float]:
    """A gain for each of the mapper's units, both sides alike: 1 is to ask for what is wanted."""
    sitting = Sitting(mapper, generator, sitters, redrawer)
    names = {unit_of(name): aus.column(unit_of(name)) for name in mapper.units}
    found: dict[int, float] = {}
    for unit, name in counted(names.items(), total=len(names), what="gains"):
        found[unit] = best_gain(partial(sitting.cost, name), largest_gain(mapper, name))
    return [found[unit_of(name)] for name in mapper.units]


@torch.no_grad()
def largest_gain(mapper: LevelsMapper, name: str) -> float:
    """The gain with which four steps of a unit come to the mapper's limit: beyond it, larger doses would hardly differ."""
    steps = torch.from_numpy(AUShift.of({name: _TELLING}).values.astype(np.float32))[None]
    length = float((mapper.reach * mapper(mapper.repeated(mapper.steps(steps)))).norm())
    return mapper.limit / length if mapper.limit and length else math.inf


def best_gain(cost: Callable[[float], float], most: float = math.inf) -> float:
    """The gain of least cost that is not above `most`: doubled until it costs more, then looked for half a doubling to either side.

    1, or `most` if that is less, where each costs as much as not to move at all, which is 1, or is NaN.
    """
    best, least = min(1.0, most), 1.0
    for gain in (gain for gain in _DOUBLED if gain <= most):
        if (now := cost(gain)) < least:
            best, least = gain, now
        elif least < 1.0:
            break
    beside = (gain for gain in (best / _HALFWAY, best * _HALFWAY) if least < 1.0 and gain <= most)
    costs = {gain: cost(gain) for gain in beside}
    return min((gain for gain in costs if costs[gain] < least), key=lambda gain: costs[gain], default=best)


class Sitting:
    """Faces on which a mapper's units are set, read before and after."""

    def __init__(self, mapper: LevelsMapper, generator: Generator, sitters: Sequence[Sitter], redrawer: Redrawer | None) -> None:
        self._mapper, self._generator, self._sitters = mapper, generator, sitters
        reader = registry.reader(registry.READER)
        assert isinstance(reader, ComparingReader)
        self._reader, self._recognizer = reader, recognizer()
        self._views = [view(generator, sitter, redrawer) for sitter in sitters]
        self._before = [_seen(sitter.rgb, sitter.face.landmarks) for sitter in sitters]
        self._calm = [reading.aus for reading in reader.measure(self._before)]
        self._people = [self._who(crop) for crop in self._before]

    def cost(self, name: str, gain: float) -> float:
        """How far what is measured is from what is asked, and the person from who it was: squares, where 1 is all of either.

        Faces on which nothing was measured do not count; NaN where there is no other.
        """
        told, lost = list[list[float]](), list[float]()
        for sitter, seen, crop, calm, who in zip(self._sitters, self._views, self._before, self._calm, self._people, strict=True):
            made = (drawn(self._mapper, self._generator, sitter, seen, AUShift.of({name: dose}), gain=gain) for dose in _DOSES)
            after = [_seen(rgb, crop.face.landmarks) for rgb in made]
            told.append([read.aus[name] - calm[name] for read in self._reader.measure_against(after, [crop] * len(after))])
            lost += [(1.0 - cosine(who, self._who(crop))) ** 2 for crop in after if np.isfinite(told[-1]).any()]
        return missed(np.array(told), np.array(_DOSES)) + (float(np.mean(lost)) if lost else 0.0)

    def _who(self, crop: Crop) -> Float[np.ndarray, " d"]:
        return self._recognizer.code(Photo(crop.rgb), crop.face)


def missed(told: Float[np.ndarray, "n d"], asked: Float[np.ndarray, " d"]) -> float:
    """The mean squared difference of what was measured and asked, as a share of the mean square of what was asked; NaN is left out."""
    known = np.isfinite(told)
    wanted = np.broadcast_to(asked, told.shape)[known]
    return float(np.square(told[known] - wanted).sum() / np.square(wanted).sum()) if known.any() else float("nan")


def _seen(rgb: UInt8[np.ndarray, "s s 3"], landmarks: Float[np.ndarray, "468 3"]) -> Crop:
    """The face near where it was."""
    return Crop(rgb, np.eye(3), landmarker().place(rgb, Square.around(landmarks, MARGIN)))


@torch.no_grad()
def view(generator: Generator, sitter: Sitter, redrawer: Redrawer | None = None) -> View:
    """The face before anything is asked."""
    before, shown = levels(generator(sitter.code)[0]), sitter.rgb.astype(np.float32)
    square = Square.of_image(sitter.rgb)
    return View.of(sitter.rgb, sitter.face.landmarks, sitter.pose, square, shown=shown, before=before, redrawer=redrawer)


@torch.no_grad()
def drawn(
    mapper: LevelsMapper, generator: Generator, sitter: Sitter, view: View, change: AUShift, *, gain: float
) -> UInt8[np.ndarray, "s s 3"]:
    """The picture after a change, done to its own pixels as the engine ``stylegan`` does."""
    steps = torch.from_numpy(change.values.astype(np.float32))[None]
    moved = mapper.move(sitter.code, gain * mapper.steps(steps))
    return view.redrawn(levels(generator(moved)[0]), moved - sitter.code, change)
