"""Expressions drawn into pictures of faces, with where the landmarks went: the engine's word, nobody's guess.

A landmark network that learns from another's labels alone learns its blind spots too: MediaPipe's mesh reports a sixth of a lid that
shuts and a quarter of a brow that rises. Whoever drew the expression knows better.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mien import aus
from mien.aus import MAX_INTENSITY
from mien.data.synth.expressions import UNITS
from mien.edits import AUEdit, Change
from mien.protocols import Engine
from mien.types import Crop, Drawn

_LIDS, _GAZE = 43, (61, 62, 63, 64)
_SHUT, _LOOKS_ASIDE, _ONE_SIDED = 0.3, 0.15, 0.2  # shares of the pictures


def posed(engine: Engine[Any], crop: Crop, count: int, rng: np.random.Generator) -> Iterator[Drawn]:
    """`count` random expressions of one face; every `Drawn` has its landmarks."""
    code = engine.encode([crop])[0]
    for _ in range(count):
        yield engine.decode([engine.shift(code, random_expression(rng))])[0]


def random_expression(rng: np.random.Generator) -> AUEdit:
    """One to four units set to 0..5, lids and gaze more often than chance would; some on one side more than on the other."""
    units = [int(unit) for unit in rng.choice(UNITS, size=rng.integers(1, 5), replace=False)]
    if rng.random() < _SHUT:
        units.append(_LIDS)
    if rng.random() < _LOOKS_ASIDE:
        units.append(int(rng.choice(_GAZE)))
    changes: list[Change] = []
    for unit in units:
        strength, uneven = rng.uniform(0.0, MAX_INTENSITY), rng.random() < _ONE_SIDED
        for axis in aus.axes(aus.column(unit)):
            changes.append(Change(axis, strength * (rng.uniform() if uneven else 1.0), relative=False))
    return AUEdit(tuple(changes))
