"""Capture ``fit``: head codes from landmarks alone, in milliseconds and without a network."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float

from mien.geometry import head
from mien.geometry.fitting import fit, neutral, person
from mien.geometry.fitting.neutral import NeutralPrior
from mien.geometry.head import HeadModel
from mien.types import Crop, HeadCode


class FitCapture:
    """Fits a head model to the landmarks of each face; poses are in photo pixels."""

    name = "fit"

    def __init__(self, model: HeadModel, prior: NeutralPrior) -> None:
        self._model, self._prior = model, prior

    def capture(self, crops: Sequence[Crop]) -> list[HeadCode]:
        """Solve each face on its own."""
        return fit.fit(_landmarks(crops), self._model, self._prior) if crops else []

    def capture_sequence(self, crops: Sequence[Crop]) -> list[HeadCode]:
        """Solve the frames of a video, or several photos, of one person: one identity, and one resting face from eight frames on."""
        return person.fit_person(_landmarks(crops), self._model, self._prior) if crops else []


def _landmarks(crops: Sequence[Crop]) -> Float[np.ndarray, "n 468 3"]:
    return np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)


@cache
def build() -> FitCapture:
    """The capture with the head and the statistics that ship with mien."""
    return FitCapture(head.bundled(), neutral.bundled())
