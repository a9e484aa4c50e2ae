"""Reader ``fgnet``: which action units are there, by what a generator of faces needs to draw a face again (FG-Net, Yin et al. 2024), where
in the face it sees them, and how strong they are where its weights were trained on intensities.

Weights are those of `mien train fgnet`, or published ones (`mien weights import fgnet`). A published network says nothing of intensities.
Its score, -1..1, is taken as a probability 0..1, and a unit is present above its middle, as published. A trained one has a calibration,
fitted on people who were not learned from; it looks at the mirror image too, so that a mirrored face shows the same. It tells left from
right of no unit: both sides have its intensity.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from mien import artefacts, aus
from mien.aus import AUVector
from mien.errors import NoWeightsError
from mien.faces.align import Square, carry
from mien.faces.templates import template
from mien.geometry import head
from mien.geometry.fitting import fit, neutral
from mien.nn import calibration, fgnet
from mien.nn.fgnet import Told
from mien.nn.levels import signed
from mien.tables import LANDMARK68
from mien.types import Crop, Presence, Reading
from mien.weights import Weights, load

_TOGETHER = 1 << 18  # pixels of the generator's pictures: so many faces are read at a time, by published networks one
_FRAME = template("ffhq")
_ABOVE_HALF = math.nextafter(0.5, 1.0)  # the published threshold: a score above 0


class FGNetReader:
    """Reads faces by a network of FG-Net's kind."""

    name = "fgnet"

    def __init__(self, stored: Weights) -> None:
        """Raises `WeightsError` for weights of another network."""
        self.path, self.recipe = stored.path, stored.recipe
        self._network = fgnet.of(stored)
        self._calibration = calibration.of(stored, len(self._network.units))
        self._basis, self._prior = fit.landmark_basis(head.bundled()), neutral.bundled()
        self.detects = self._network.units
        found = [_ABOVE_HALF] * len(self.detects) if self._calibration is None else self._calibration.threshold.tolist()
        self.thresholds = dict(zip(self.detects, found, strict=True))
        self.measures = frozenset(axis for unit in self._network.graded for axis in aus.axes(unit))

    def measure(self, crops: Sequence[Crop]) -> list[Reading]:
        """Read each face on its own."""
        if not crops:
            return []
        landmarks = np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)
        angles = fit.angles(fit.solve(landmarks, self._basis, self._prior).placement.rotation, self._prior)
        told = Told(*(torch.cat(part) for part in zip(*self._told(crops), strict=True)))
        each = zip(crops, fgnet.scores(told.heatmaps), told.intensities, angles.tolist(), strict=True)
        return [self._reading(crop, scores, strong, (pitch, yaw, roll)) for crop, scores, strong, (pitch, yaw, roll) in each]

    def heatmaps(self, crops: Sequence[Crop]) -> list[Mapping[str, Float32[np.ndarray, "h h"]]]:
        """Of each face a map for each unit of `detects`: 1 where the unit is seen, -1 where it is absent."""
        maps = (drawn for told in self._told(crops) for drawn in told.heatmaps.numpy())
        return [dict(zip(self.detects, of_face, strict=True)) for of_face in maps]

    def placed(self, crop: Crop) -> Square:
        """The square of the photo that the maps of a face lie over."""
        return _FRAME.square(_outline(crop.face.landmarks))

    def _told(self, crops: Sequence[Crop]) -> Iterator[Told]:
        """What the network says of some faces after the other."""
        together = max(1, _TOGETHER // self._network.generator.size**2)
        for start in range(0, len(crops), together):
            pictures = torch.stack([self._picture(crop) for crop in crops[start : start + together]])
            with torch.inference_mode():
                yield fgnet.read(self._network, pictures)

    def _picture(self, crop: Crop) -> Float[Tensor, "3 s s"]:
        """A face as the network sees it."""
        points = _outline(carry(np.linalg.inv(crop.to_photo), crop.face.landmarks))
        return signed(_FRAME.cut(crop.rgb, points, int(self._network.encoder.config["size"])))

    def _reading(
        self, crop: Crop, scores: Float[Tensor, " n"], intensities: Float[Tensor, " m"], angles: tuple[float, float, float]
    ) -> Reading:
        strong = dict(zip(self._network.graded, intensities.tolist(), strict=True))
        return Reading(crop.face, AUVector.of(strong, others=np.nan), {}, angles, self._presence(scores))

    def _presence(self, scores: Float[Tensor, " n"]) -> dict[str, Presence]:
        if self._calibration is None:
            probabilities, present = (scores + 1) / 2, scores > 0
        else:
            probabilities = self._calibration.probabilities(scores)
            present = self._calibration.present(probabilities)
        return {unit: Presence(*said) for unit, *said in zip(self.detects, probabilities.tolist(), present.tolist(), strict=True)}


def _outline(landmarks: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "68 2"]:
    return landmarks[LANDMARK68, :2].astype(np.float64)


def build(weights: Path | None = None) -> FGNetReader:
    """The reader with the weights of a file, else those that were imported, else those that ship; raises `WeightsError` without any."""
    found = [weights] if weights else artefacts.weight_files(fgnet.KIND)
    if not found:
        raise NoWeightsError(
            "no weights of FG-Net are on this machine: `mien weights import fgnet model.pth --encoder encoder.pt` brings published ones "
            "in, `mien train fgnet` makes some (then --weights FILE)"
        )
    return FGNetReader(load(found[0]))
