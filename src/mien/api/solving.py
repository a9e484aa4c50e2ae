"""Edits that are measured and corrected until the face shows what was commanded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8

from mien.api.measuring import measure_again
from mien.api.portrait import Portrait
from mien.aus import MAX_INTENSITY, AUShift, AUVector
from mien.edits import Edit, change_by, commanded, names_units
from mien.errors import UsageError
from mien.protocols import Reader

TOLERANCE = 0.5  #: FACS steps: a commanded unit that is nearer than this is met
_CLOSE = 0.2  # steps: nearer than this nothing more is corrected; other landmarks see it a little differently
ROUNDS = 5  #: corrections at most
_GAIN = (0.3, 2.0)  # steps measured for a step commanded: what lies outside is taken for noise
_NOTICED = 0.25  # steps: a smaller change of a command says nothing of its gain


@dataclass(frozen=True, eq=False)
class Solution:
    """An edited picture and the number of corrections it took."""

    rgb: UInt8[np.ndarray, "h w 3"]
    rounds: int


def solve_for(portrait: Portrait, wanted: Sequence[Edit], reader: Reader) -> Solution:
    """Draw, measure, and correct the command by what is missing, until every commanded unit is met closely, at most `ROUNDS` times.

    A correction is a secant step along each axis: what is missing, over the steps that were measured for each step that was commanded.
    Of all pictures the one with the smallest largest error is kept. Units that the reader does not measure are done as commanded.
    Raises `UsageError` for edits that are not action units.
    """
    for edit in wanted:
        if not names_units(edit):
            raise UsageError(f"solve (--solve) meets action units, and {edit} is none: leave one of them out")
    before = [reading.aus for reading in reader.measure(portrait.crops)]
    targets = [commanded(wanted, expression) for expression in before]
    portrait.shifted([wanted] * len(portrait.codes))  # what was asked for by name must be possible; of the rest as much as is
    able = portrait.engine.moves
    shifts = [(target - expression).within(able) for target, expression in zip(targets, before, strict=True)]
    best = Solution(portrait.draw([[change_by(shift)] for shift in shifts]), 0)
    last = [(AUShift.of({}), shift) for shift in shifts]  # a command of nothing misses all of it
    smallest, picture = math.inf, best.rgb
    for done in range(ROUNDS + 1):
        errors = _errors(portrait, picture, targets, reader)
        largest = max(float(np.abs(error.values).max()) for error in errors) if errors else math.inf
        if largest < smallest:
            best, smallest = Solution(picture, done), largest
        if largest <= _CLOSE or not errors or done == ROUNDS:
            break
        tried = list(zip(shifts, errors, strict=True))
        shifts = [_corrected(*now, *then) for now, then in zip(tried, last, strict=True)]
        last, picture = tried, portrait.draw([[change_by(shift)] for shift in shifts])
    return best


def _corrected(shift: AUShift, error: AUShift, shift_before: AUShift, error_before: AUShift) -> AUShift:
    """The next command by the secant through two, within the steps that an edit can have."""
    commanded, measured = shift.values - shift_before.values, error_before.values - error.values
    told = np.abs(commanded) > _NOTICED
    gain = np.clip(np.divide(measured, commanded, out=np.ones_like(measured), where=told), *_GAIN)
    return AUShift(np.clip(shift.values + error.values / gain, -MAX_INTENSITY, MAX_INTENSITY))


def _errors(portrait: Portrait, rgb: UInt8[np.ndarray, "h w 3"], targets: Sequence[AUVector], reader: Reader) -> list[AUShift]:
    """For each face what is missing to its target, 0 along axes that are not commanded, not measured or cannot be moved; [] when a face
    is lost.
    """
    readings = [r for r in measure_again(portrait.photo, replace(portrait.photo, rgb=rgb), portrait.crops, reader) if r is not None]
    if len(readings) < len(targets):
        return []
    able = portrait.engine.moves
    return [(target - reading.aus).within(able) for target, reading in zip(targets, readings, strict=True)]
