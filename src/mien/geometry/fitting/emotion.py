"""Scores of emotions from a fitted face: action units, what landmarks say beyond them, and furrows.

A multinomial logistic regression. Units carry most of it; the landmarks' own directions and the furrows help where units are blind, such
as a frown, which moves the outline of the brows less than people's brows differ.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float

from mien import weights
from mien.aus import EMOTIONS, unit_of
from mien.errors import WeightsError
from mien.geometry.fitting.measured import SOLVED
from mien.weights import Weights

_NAMES = ("emotion.points", "emotion.units", "emotion.lines", "emotion.usual_lines", "emotion.bias")
_UNITS = sorted({unit_of(axis) for axis in SOLVED})
_SIDES = np.array([[unit_of(axis) == unit for axis in SOLVED] for unit in _UNITS], dtype=float)
_OF_UNIT = _SIDES / _SIDES.sum(axis=1, keepdims=True)
_CORNER = np.array([{"AU12L": 1.0, "AU14L": 1.0, "AU12R": -1.0, "AU14R": -1.0}.get(axis, 0.0) for axis in SOLVED])


@dataclass(frozen=True, eq=False)
class EmotionModel:
    """Linear scores of `mien.aus.EMOTIONS`, in their order."""

    points: Float[np.ndarray, "e 1404"]  #: per cm of the landmarks' distance from the neutral mean
    units: Float[np.ndarray, "e u"]  #: per step of `unit_features`
    lines: Float[np.ndarray, "e f"]  #: per unit of `mien.geometry.fitting.skinlines`
    usual_lines: Float[np.ndarray, " f"]  #: stand in where there is no picture
    bias: Float[np.ndarray, " e"]

    def scores(
        self, residual: Float[np.ndarray, "468 3"], beyond: Float[np.ndarray, " s"], lines: Float[np.ndarray, " f"] | None
    ) -> dict[str, float]:
        """Scores that sum to 1: `residual` in cm to the neutral mean, `beyond` intensities of `SOLVED`, furrows where there are pixels."""
        seen = self.usual_lines if lines is None else lines
        logits = self.points @ residual.ravel() + self.units @ unit_features(beyond) + self.lines @ seen + self.bias
        odds = np.exp(logits - logits.max())
        return dict(zip(EMOTIONS, (odds / odds.sum()).tolist(), strict=True))


def unit_features(beyond: Float[np.ndarray, "*n s"]) -> Float[np.ndarray, "*n u"]:
    """Mean intensity of each unit over its sides, and how lopsided the corners of the mouth are pulled."""
    return np.concatenate([beyond @ _OF_UNIT.T, np.abs(beyond @ _CORNER)[..., None]], axis=-1)


def to_tensors(model: EmotionModel) -> dict[str, torch.Tensor]:
    """The arrays of a model as float32 tensors."""
    return {name: torch.from_numpy(getattr(model, name.removeprefix("emotion."))).float() for name in _NAMES}


def from_weights(file: Weights) -> EmotionModel:
    """The model that a weight file holds; raises `WeightsError` when it holds something else."""
    missing = [name for name in _NAMES if name not in file.tensors]
    if missing or tuple(file.config.get("emotions", ())) != tuple(EMOTIONS) or tuple(file.config["axes"]) != SOLVED:
        raise WeightsError(f"{file.path} does not score this version's emotions: train it again with `mien train fit`")
    return EmotionModel(**{name.removeprefix("emotion."): file.tensors[name].double().numpy() for name in _NAMES})


@cache
def bundled() -> EmotionModel:
    """The model that ships with mien; see ``assets/fit.md``."""
    return from_weights(weights.load(weights.bundled("fit")))
