"""Reader ``graphau``: which action units are there, by a network that knows how units go together (ME-GraphAU, Luo et al. 2022;
OpenGraphAU), and how strong they are where its weights were trained on intensities.

Weights are those of `mien train graphau`, or published ones (`mien weights import graphau`, ``opengraphau``). A published network says
nothing of intensities, and its score is the probability, a unit present from a half on. A trained one has a calibration, fitted on people
who were not learned from; it looks at the mirror image too, so that a mirrored face shows the same on the other side. Whether a unit of
which only the whole is known is stronger on the left or on the right, it does not tell: both sides have its intensity.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien import artefacts, aus
from mien.aus import AUVector
from mien.errors import NoWeightsError
from mien.faces.align import carry, sample
from mien.faces.closeup import square_of
from mien.geometry import head
from mien.geometry.fitting import fit, neutral
from mien.nn import calibration, graphau
from mien.nn.graphau import normalised
from mien.nn.levels import signed
from mien.types import Crop, Presence, Reading
from mien.weights import Weights, load

_HALF = 0.5  # the published threshold


class GraphAUReader:
    """Reads faces by a network of either kind."""

    name = "graphau"

    def __init__(self, stored: Weights) -> None:
        """Raises `WeightsError` for weights of another network."""
        self.path, self.recipe = stored.path, stored.recipe
        self._network = graphau.of(stored)
        self._calibration = calibration.of(stored, len(self._network.units))
        self._basis, self._prior = fit.landmark_basis(head.bundled()), neutral.bundled()
        self.detects = tuple(self._network.units)
        found = [_HALF] * len(self.detects) if self._calibration is None else self._calibration.threshold.tolist()
        self.thresholds = dict(zip(self.detects, found, strict=True))
        self.measures = frozenset(axis for unit in self._network.graded for axis in aus.axes(unit))

    def measure(self, crops: Sequence[Crop]) -> list[Reading]:
        """Read each face on its own: one at a time, so that none depends on the others, not even by rounding, which may decide whom a unit
        hears.
        """
        if not crops:
            return []
        landmarks = np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)
        angles = fit.angles(fit.solve(landmarks, self._basis, self._prior).placement.rotation, self._prior)
        return [self._read(crop, (float(pitch), float(yaw), float(roll))) for crop, (pitch, yaw, roll) in zip(crops, angles, strict=True)]

    def _read(self, crop: Crop, angles: tuple[float, float, float]) -> Reading:
        with torch.inference_mode():
            told = graphau.read(self._network, self._picture(crop)[None].contiguous(memory_format=torch.channels_last))
        strong = dict(zip(self._network.graded, told.intensities[0].tolist(), strict=True))
        return Reading(crop.face, AUVector.of(strong, others=np.nan), {}, angles, self._presence(told.scores[0]))

    def _picture(self, crop: Crop) -> Float[Tensor, "3 s s"]:
        """A face as the network sees it."""
        landmarks = carry(np.linalg.inv(crop.to_photo), crop.face.landmarks)
        return normalised(signed(sample(crop.rgb, square_of(landmarks), self._network.size))[None])[0]

    def _presence(self, scores: Float[Tensor, " units"]) -> dict[str, Presence]:
        if self._calibration is None:
            probabilities, present = scores, scores >= _HALF
        else:
            probabilities = self._calibration.probabilities(scores)
            present = self._calibration.present(probabilities)
        return {unit: Presence(*said) for unit, *said in zip(self.detects, probabilities.tolist(), present.tolist(), strict=True)}


def build(weights: Path | None = None) -> GraphAUReader:
    """The reader with the weights of a file, else those that were imported, else those that ship; raises `WeightsError` without any."""
    found = [weights] if weights else artefacts.weight_files(*graphau.KINDS)
    if not found:
        raise NoWeightsError(
            "no weights of GraphAU are on this machine: `mien weights import graphau FILE` or `mien weights import opengraphau FILE` "
            "brings published ones in, `mien train graphau` makes some (then --weights FILE)"
        )
    return GraphAUReader(load(found[0]))
