"""Reader ``geometry``: action units, emotions and head angles from a fitted head model, in milliseconds and without a network.

Intensities are distances moved, in steps of the head model's full movements; emotions are scores of a small regression (see
`mien.geometry.fitting.emotion`). Gaze and what landmarks cannot tell is NaN. Angles are 0 where people look straight into the camera.

Two pictures of one person are compared by their pixels (`mien.faces.register`): the change is measured, and added to what one of them
shows.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float

from mien.aus import MAX_INTENSITY
from mien.faces import register
from mien.geometry import head
from mien.geometry.fitting import emotion, fit, measured, neutral, person
from mien.geometry.fitting.change import Reference, change
from mien.geometry.fitting.emotion import EmotionModel
from mien.geometry.fitting.measured import MEASURED
from mien.geometry.fitting.neutral import NeutralPrior
from mien.geometry.fitting.skinlines import skin_lines
from mien.geometry.head import HeadModel
from mien.types import Crop, Reading

MET = 256  #: frames of a person from which rest and build are told
_TOGETHER = 64  # frames that are solved at a time
_ENOUGH = 40.0  # pixels between the outer corners of the eyes below which skin shows no lines


class GeometryReader:
    """Measures faces by fitting a head to their landmarks."""

    name = "geometry"
    measures = MEASURED

    def __init__(self, model: HeadModel, prior: NeutralPrior, emotions: EmotionModel) -> None:
        self._basis, self._prior, self._emotions = fit.landmark_basis(model), prior, emotions

    def measure(self, crops: Sequence[Crop]) -> list[Reading]:
        """Read each face on its own."""
        if not crops:
            return []
        return self._readings(crops, fit.solve(_landmarks(crops), self._basis, self._prior), self._prior, [_lines(c) for c in crops])

    def measure_sequence(self, crops: Sequence[Crop]) -> Iterator[Reading]:
        """Read the frames of one person against the person's own resting face (from eight frames on); pixels are not looked at.

        Of more than `MET` frames, so many over all of the sequence tell who it is and what is rest.
        """
        if not crops:
            return
        landmarks = _landmarks([crops[i] for i in np.linspace(0, len(crops) - 1, min(len(crops), MET)).round().astype(int).tolist()])
        who, solution = person.meet(landmarks, self._basis, self._prior)
        if len(crops) <= MET:
            yield from self._readings(crops, who.known(solution, landmarks, self._basis), who.own, [None] * len(crops))
            return
        for start in range(0, len(crops), _TOGETHER):
            some = crops[start : start + _TOGETHER]
            yield from self._readings(some, who.solve(_landmarks(some), self._basis), who.own, [None] * len(some))

    def measure_against(self, crops: Sequence[Crop], references: Sequence[Crop]) -> list[Reading]:
        """Read each face by how it differs from another picture of the same person, which `measure` reads."""
        return [self._changed(crop, reference) for crop, reference in zip(crops, references, strict=True)]

    def _changed(self, crop: Crop, reference: Crop) -> Reading:
        before = Reference.of(reference.face.landmarks, self._basis, self._prior)
        followed = register.follow(crop, reference)
        found = change(before, followed.landmarks, followed.trust, self._basis, self._prior)
        beyond = np.clip(before.shown + found.activations, 0.0, 1.0) * MAX_INTENSITY
        residual = before.frontal - self._basis.mean - self._prior.offset + found.residual
        pitch, yaw, roll = fit.angles(found.placement.rotation[0], self._prior)
        scores = self._emotions.scores(residual, beyond, _lines(crop))
        return Reading(crop.face, measured.spread(beyond), scores, (float(pitch), float(yaw), float(roll)))

    def _readings(
        self, crops: Sequence[Crop], solution: fit.Solution, prior: NeutralPrior, lines: Sequence[Float[np.ndarray, " f"] | None]
    ) -> list[Reading]:
        residual = solution.frontal - self._basis.mean - prior.offset
        beyond = fit.beyond_rest(solution, prior)
        scores = [self._emotions.scores(*features) for features in zip(residual, beyond, lines, strict=True)]
        codes = fit.codes(solution, prior)
        angles = fit.angles(solution.placement.rotation, prior)
        return [
            Reading(crop.face, code.expression, score, (float(pitch), float(yaw), float(roll)))
            for crop, code, score, (pitch, yaw, roll) in zip(crops, codes, scores, angles, strict=True)
        ]


def _landmarks(crops: Sequence[Crop]) -> Float[np.ndarray, "n 468 3"]:
    return np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)


def _lines(crop: Crop) -> Float[np.ndarray, " f"] | None:
    """The furrows of a face; None where the picture is too small to show any."""
    back = np.linalg.inv(crop.to_photo)
    points = crop.face.landmarks.astype(np.float64).copy()
    points[:, :2] = cv2.transform(points[None, :, :2], back[:2])[0]
    return skin_lines(crop.rgb, points) if np.linalg.norm(points[263, :2] - points[33, :2]) >= _ENOUGH else None


@cache
def build() -> GeometryReader:
    """The reader with the head and the statistics that ship with mien."""
    return GeometryReader(head.bundled(), neutral.bundled(), emotion.bundled())
