"""One picture of each of many people who do not exist, laid over the head model: what their portraits are painted from."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.aus import AXES, AUVector
from mien.data import gradients
from mien.data.crops import open_crops
from mien.data.portraits import Layer, passport
from mien.data.synth.drawing import renderer
from mien.data.synth.scenes import Scene, scene
from mien.faces.detect import square_of_five
from mien.faces.landmarks import PRESENT, landmarker
from mien.geometry import head, rotation
from mien.geometry.fitting import neutral
from mien.geometry.fitting.fit import landmark_basis, solve

SIZE = 128  #: pixels of a picture
_TURNED = 20.0  # degrees of yaw from which a drawn head hides too much of itself
_TOGETHER = 16  # heads drawn at a time


@dataclass(frozen=True, eq=False)
class Sitters:
    """People by number."""

    pictures: UInt8[np.ndarray, "n 128 128 3"]
    landmarks: Float32[np.ndarray, "n 468 3"]  #: pixels
    rested: Float32[np.ndarray, "n 468 3"]  #: the same points in head space, cm: turned to the front, and without expression
    described: Float32[np.ndarray, "n 968"]  #: what these faces look like, by `mien.data.gradients`

    def __len__(self) -> int:
        return len(self.pictures)

    @staticmethod
    def of(pictures: UInt8[np.ndarray, "n 128 128 3"], landmarks: Float32[np.ndarray, "n 468 3"]) -> "Sitters":
        """Fit the head model to each face, take turn and action units off, and look at what is left."""
        basis = landmark_basis(head.bundled())
        solved = solve(landmarks.astype(np.float64), basis, neutral.bundled())
        rested = solved.frontal - np.tensordot(solved.activations, basis.units, axes=1)
        layers = (Layer(rgb, points, 1.0) for rgb, points in zip(pictures, landmarks, strict=True))
        described = [gradients.oriented(passport(layer, face, gradients.SIZE)) for layer, face in zip(layers, rested, strict=True)]
        return Sitters(pictures, landmarks, rested.astype(np.float32), np.stack(described))

    def with_others(self, others: "Sitters") -> "Sitters":
        """These people, then the others."""
        return Sitters(*(np.concatenate([getattr(self, part.name), getattr(others, part.name)]) for part in fields(self)))


def photographed(crops: Path, split: str) -> Sitters:
    """Everybody of a split of a crop set of 128 pixels; raises `DataError` when it is missing."""
    faces, network = open_crops(crops), landmarker()
    pictures: list[UInt8[np.ndarray, "h w 3"]] = []
    landmarks: list[Float[np.ndarray, "468 3"]] = []
    for index in faces.where(split=split).tolist():
        rgb = faces[index]
        face = network.place(rgb, square_of_five(faces.points[index].astype(np.float64)))
        if face.score >= PRESENT:
            pictures.append(rgb)
            landmarks.append(face.landmarks)
    return Sitters.of(np.stack(pictures), np.stack(landmarks).astype(np.float32))


def drawn(people: int, seed: int) -> Sitters:
    """So many heads drawn as `mien data synth` draws them, rather from the front; other seeds draw other people."""
    scenes = list(islice(_facing(seed), people))
    renders = [render for i in range(0, people, _TOGETHER) for render in renderer(SIZE).draw(scenes[i : i + _TOGETHER])]
    return Sitters.of(np.stack([r.rgb for r in renders]), np.stack([r.landmarks for r in renders]))


def _facing(seed: int) -> Iterator[Scene]:
    """Endless scenes of people at rest who face the camera."""
    build, rest = head.bundled().identity.shape[0], AUVector(np.zeros(len(AXES)))
    scenes = (scene(SIZE, seed, index, build) for index in count())
    return (replace(one, aus=rest) for one in scenes if abs(float(rotation.to_angles(one.camera.pose.rotation)[1])) < _TURNED)
