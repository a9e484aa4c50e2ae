"""Expressions as people show them: mixtures of action units, weak ones more often than strong ones, and no two that pull against
each other.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from mien import aus
from mien.aus import AXES, MAX_INTENSITY, SIDED, AUVector

#: The units that pictures with random expressions show, lids and gaze apart.
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 30)
_RARE = (11, 13, 29, 33, 34, 35, 39)
_EMOTIONS = tuple({aus.axes(name)[0]: value for name, value in units.items()} for units in aus.EMOTIONS.values() if units)
_SPEECH: tuple[Mapping[int, float], ...] = (
    {25: 3.0, 26: 3.5}, {25: 3.0, 20: 1.5, 26: 1.0}, {18: 3.0, 25: 1.5}, {22: 3.0, 25: 2.0}, {24: 3.0}, {25: 2.0, 26: 2.0, 12: 1.0},
    {16: 2.0, 25: 2.5}, {28: 2.5}, {23: 2.5, 17: 1.5},
)  # fmt: skip
#: Units that nobody shows together: the weaker one of two goes.
_AGAINST = (
    (5, 43), (12, 15), (12, 18), (18, 20), (22, 20), (22, 28), (24, 25), (24, 26), (24, 27), (28, 25), (28, 26), (28, 27), (17, 27),
    (26, 27), (33, 26), (33, 27), (34, 26), (34, 27), (35, 34), (35, 33), (61, 62), (63, 64), (23, 27), (18, 27), (20, 28),
)  # fmt: skip
_KINDS, _SHARES = ("rest", "emotion", "units", "speech"), (0.12, 0.36, 0.34, 0.18)
_BLINKS, _LOOKS, _LIFTS, _UNEVEN = 0.15, 0.5, 0.35, 0.2  # shares of pictures with lids lowered, eyes aside, eyes up or down; of units


def expression(rng: np.random.Generator) -> AUVector:
    """A random expression; axes that it does not show are 0."""
    kind = rng.choice(_KINDS, p=_SHARES)
    shown = dict[int, float]()
    if kind == "emotion":
        shown = _prototype({aus.unit_of(a): v for a, v in _EMOTIONS[rng.integers(len(_EMOTIONS))].items()}, rng)
    elif kind == "speech":
        shown = _prototype(_SPEECH[rng.integers(len(_SPEECH))], rng)
    if kind != "rest":
        for unit in rng.choice(UNITS, size=rng.integers(1, 5) if kind == "units" else rng.integers(0, 3), replace=False):
            shown.setdefault(int(unit), _intensity(rng))
        if rng.random() < 0.1:
            shown.setdefault(int(rng.choice(_RARE)), _intensity(rng))
    _with_eyes(shown, rng)
    return _sided(_agreeing(shown), rng)


def _with_eyes(shown: dict[int, float], rng: np.random.Generator) -> None:
    """Add lids that are lowered and eyes that look elsewhere, to some."""
    if rng.random() < _BLINKS:
        shown[43] = MAX_INTENSITY * rng.beta(0.7, 0.5)
    if rng.random() < _LOOKS:
        shown[int(rng.choice((61, 62)))] = _intensity(rng)
    if rng.random() < _LIFTS:
        shown[int(rng.choice((63, 64)))] = _intensity(rng)


def _intensity(rng: np.random.Generator) -> float:
    """0..5, traces and slight ones more often (FACS A to C) than extremes."""
    return float(MAX_INTENSITY * rng.beta(1.2, 1.6))


def _prototype(units: Mapping[int, float], rng: np.random.Generator) -> dict[int, float]:
    """A known mixture as someone shows it: stronger or weaker as a whole, each unit more or less, some not at all."""
    strength = rng.uniform(0.25, 1.15)
    kept = {unit: value for unit, value in units.items() if rng.random() < 0.85}
    return {unit: float(np.clip(value * strength * np.exp(0.25 * rng.normal()), 0.0, MAX_INTENSITY)) for unit, value in kept.items()}


def _agreeing(shown: Mapping[int, float]) -> dict[int, float]:
    left = dict(shown)
    for pair in _AGAINST:
        if all(unit in left for unit in pair):
            del left[min(pair, key=lambda unit: left[unit])]
    return left


def _sided(shown: Mapping[int, float], rng: np.random.Generator) -> AUVector:
    """Both sides nearly alike, one in five units much weaker on one side; a jaw goes to one side only."""
    values: Float[np.ndarray, " a"] = np.zeros(len(AXES))
    for unit, value in shown.items():
        sides = [AXES.index(axis) for axis in aus.axes(aus.column(unit))]
        shares = np.ones(len(sides))
        if unit in SIDED:
            shares = np.exp(0.08 * rng.normal(size=2))
            if unit == 30 or rng.random() < _UNEVEN:
                shares[rng.integers(2)] *= 0.0 if unit == 30 else rng.uniform()
        values[sides] = np.clip(value * shares, 0.0, MAX_INTENSITY)
    return AUVector(values.astype(np.float32).astype(np.float64))  # as labels keep them
