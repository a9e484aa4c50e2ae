"""Which AU axes the landmarks of a face can tell, and how the names that share a movement follow from each other.

The fit solves for `SOLVED`. Some names of FACS are one movement at different strength (the jaw drops, AU26, before the mouth stretches,
AU27; a lid that closes is AU43 or, when briefly, AU45): the fit has one axis for them and the others follow (`FOLLOWING`). What 468
points cannot show, gaze, nostrils, cheeks blown out or sucked in, the jaw thrust forward, is not measured: NaN, never 0.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from mien.aus import AXES, MAX_INTENSITY, AUShift, AUVector, mirror, unit_of

_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 27, 28, 30, 43)

#: The independent axes, in the order of `mien.aus.AXES`.
SOLVED: tuple[str, ...] = tuple(axis for axis in AXES if unit_of(axis) in _UNITS)

#: Told apart from who somebody is while statistics are learned, but too faint in landmarks to be measured.
ASIDE: tuple[str, ...] = ("AU33L", "AU33R")

#: Units that the builds of faces, and the edges of other movements, imitate: a change or a face is explained by others first.
IMITATED = (14, 16, 18, 22, 23, 24, 28, 30)

#: axis -> (independent axis, steps of it for one step of this): AU26 is complete at 0.4 of the full jaw opening of AU27.
FOLLOWING: Mapping[str, tuple[str, float]] = MappingProxyType(
    {"AU26": ("AU27", 0.4), "AU45L": ("AU43L", 1.0), "AU45R": ("AU43R", 1.0)}
)  # fmt: skip

#: All that a fit says something of.
MEASURED: frozenset[str] = frozenset(SOLVED) | frozenset(FOLLOWING)

_ROW = {axis: i for i, axis in enumerate(AXES)}
SOLVED_ROWS = np.array([_ROW[axis] for axis in SOLVED])
ASIDE_ROWS = np.array([_ROW[axis] for axis in ASIDE])
MIRRORED = np.array([SOLVED.index(mirror(axis)) for axis in SOLVED])  #: the same movement on the other side


def spread(solved: Float[np.ndarray, " s"]) -> AUVector:
    """Intensities of `SOLVED` as a measurement: the names that follow are filled in, the rest is NaN."""
    values = np.full(len(AXES), np.nan)
    values[SOLVED_ROWS] = solved
    for axis, (source, steps) in FOLLOWING.items():
        values[_ROW[axis]] = min(values[_ROW[source]] / steps, MAX_INTENSITY)
    return AUVector(values)


def alone(solved: Float[np.ndarray, " s"]) -> AUVector:
    """Intensities of `SOLVED` and 0 elsewhere: what a head model draws, each movement once."""
    values = np.zeros(len(AXES))
    values[SOLVED_ROWS] = solved
    return AUVector(values)


def independent(change: AUShift) -> AUShift:
    """The change on independent axes only: of the names of one movement, the one that asks most decides.

    So a change of AU26, of AU27, and of both as a transfer from another face asks, each open the jaw once.
    """
    values = change.values.copy()
    for axis, (source, steps) in FOLLOWING.items():
        asked = values[_ROW[axis]] * steps
        if abs(asked) > abs(values[_ROW[source]]):
            values[_ROW[source]] = asked
        values[_ROW[axis]] = 0.0
    return AUShift(values)
