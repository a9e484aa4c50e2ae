"""How much more than asked for must be asked of a mapper for what is measured to be what was asked for.

A generator draws movements smaller than they were in the pictures that it learned from, and what is carried over from its small pictures
to a photo's own pixels is smaller still. So each unit is set on faces as an edit sets it, mien's reader measures the change, and a gain is
looked for by which both agree.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8

from mien import aus, registry
from mien.aus import AUShift, unit_of
from mien.data.expressions import Sitter
from mien.faces import reach, redraw
from mien.faces.align import Square
from mien.faces.landmarks import MARGIN, landmarker
from mien.nn.levels import levels
from mien.nn.mapper import LevelsMapper
from mien.nn.stylegan2 import Generator
from mien.protocols import ComparingReader
from mien.training.progress import counted
from mien.types import Crop

_DOSES = (2.0, 5.0)  # steps
_FIRST, _LEAST, _MOST, _STRIDE = 3.0, 0.5, 12.0, 2.5  # gains; the most that one is to the next
_ROUNDS = 4


def gains(mapper: LevelsMapper, generator: Generator, sitters: Sequence[Sitter]) -> list[float]:
    """A gain for each of the mapper's units, both sides alike: 1 is to ask for what is wanted."""
    reader = registry.reader(registry.READER)
    assert isinstance(reader, ComparingReader)
    before = [_seen(sitter.rgb, sitter.face.landmarks) for sitter in sitters]
    start = [reading.aus.known for reading in reader.measure(before)]
    asked = np.tile(_DOSES, len(sitters))

    def measured(name: str, gain: float) -> Float[np.ndarray, " n"]:
        told = list[float]()
        for sitter, crop, calm in zip(sitters, before, start, strict=True):
            made = [drawn(mapper, generator, sitter, AUShift.of({name: dose}), gain) for dose in _DOSES]
            after = reader.measure_against([_seen(rgb, crop.face.landmarks) for rgb in made], [crop] * len(made))
            told += [reading.aus[name] - calm[name] for reading in after]
        return np.array(told)

    names = {unit_of(name): aus.column(unit_of(name)) for name in mapper.units}
    found = {unit: best_gain(partial(measured, name), asked) for unit, name in counted(names.items(), total=len(names), what="gains")}
    return [found[unit_of(name)] for name in mapper.units]


def best_gain(measured: Callable[[float], Float[np.ndarray, " n"]], asked: Float[np.ndarray, " n"]) -> float:
    """Of some gains, each by the slope that the one before had, that by which what is measured differs least from what is asked.

    What is NaN was not measured, and says nothing. 1 where nothing is seen of any.
    """
    gain, errors = _FIRST, dict[float, float]()
    for _ in range(_ROUNDS):
        told = measured(gain)
        known = np.isfinite(told)
        if not known.any():
            break
        told, wanted = told[known], asked[known]
        errors[gain] = float(np.square(told - wanted).mean() / np.square(wanted).mean())
        slope = float(told @ wanted / (wanted @ wanted))
        gain = float(np.clip(gain * np.clip(1 / max(slope, 1e-6), 1 / _STRIDE, _STRIDE), _LEAST, _MOST))
    best = min(errors, key=lambda gain: errors[gain], default=1.0)
    return best if errors.get(best, 1.0) < 1.0 else 1.0


def _seen(rgb: UInt8[np.ndarray, "s s 3"], landmarks: Float[np.ndarray, "468 3"]) -> Crop:
    """The face near where it was."""
    return Crop(rgb, np.eye(3), landmarker().place(rgb, Square.around(landmarks, MARGIN)))


@torch.no_grad()
def drawn(mapper: LevelsMapper, generator: Generator, sitter: Sitter, change: AUShift, gain: float) -> UInt8[np.ndarray, "s s 3"]:
    """The picture after a change, done to its own pixels as the engine ``stylegan`` does."""
    square = Square.of_image(sitter.rgb)
    steps = torch.from_numpy(change.values.astype(np.float32))[None]
    codes = torch.cat([sitter.code, mapper.move(sitter.code, gain * mapper.steps(steps))])
    before, after = (levels(picture) for picture in generator(codes))
    over = reach.of_change(change, sitter.face.landmarks[:, :2].astype(np.float64), sitter.pose, square)
    return redraw.redraw(sitter.rgb, square, redraw.change(before, after, sitter.rgb.astype(np.float32), over))
