"""Recipe `fit`: what faces at rest look like, and how emotions do, learned from faces of people who do not exist.

The teacher draws 468 landmarks on every face of the training split; `mien.geometry.fitting.learn_neutral` finds the neutral mean and its
spread, `mien.geometry.fitting.learn_emotion` the emotions. Everything is computed in float64 on one core; the same data
gives the same numbers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien import weights
from mien.aus import EMOTIONS
from mien.data.crops import CropSet, open_crops
from mien.data.folder import need
from mien.data.labelled import Labeller
from mien.data.teacher import Teacher, square_of_five
from mien.data.warps import mirrored_landmarks
from mien.geometry import head
from mien.geometry.fitting import emotion, fit, learn_emotion, learn_neutral, neutral
from mien.geometry.fitting.learn_emotion import EmotionFaces
from mien.geometry.fitting.measured import SOLVED
from mien.geometry.fitting.skinlines import skin_lines
from mien.training import counted

_PRESENT = 0.5  # presence from which the teacher saw a face


@dataclass(frozen=True)
class FitConfig:
    """Options of `mien train fit`."""

    data: Path | None = None
    """Folder with sfhq_128.npz, sfhq_256.npz, face_landmark.tflite and canonical_face_model.obj; default: MIEN_DATA."""
    out: Path = Path("runs/fit")
    """Folder for the learned statistics (fit.safetensors)."""
    head: Path | None = None
    """Weight file of the head model to learn them for; default: the bundled one."""
    seed: int = 0
    """Of the posed faces."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Labelled training faces."""

    landmarks: Float[np.ndarray, "n 468 3"]
    lines: Float[np.ndarray, "n f"]
    labels: list[str]


def train(config: FitConfig) -> None:
    """Learn the statistics and write them; a minute or two on one core."""
    folder = need(config.data, "sfhq_128.npz", "sfhq_256.npz", "face_landmark.tflite", "canonical_face_model.obj")
    mirror = mirrored_landmarks(folder / "canonical_face_model.obj")
    faces = look(folder, Labeller(Teacher(folder / "face_landmark.tflite"), mirror))
    basis = fit.landmark_basis(head.load(config.head) if config.head else head.bundled())
    prior = learn_neutral.learn(faces.landmarks, basis, mirror)
    solution = fit.solve(faces.landmarks, basis, prior)
    residual = (solution.frontal - basis.mean - prior.offset).reshape(len(faces.labels), -1)
    known = EmotionFaces(residual, fit.beyond_rest(solution, prior), faces.lines, faces.labels)
    emotions = learn_emotion.learn(known, basis, mirror, seed=config.seed)
    tensors = neutral.to_tensors(prior) | emotion.to_tensors(emotions)
    weights.save(config.out / "fit.safetensors", tensors, {"kind": "fit", "axes": SOLVED, "emotions": list(EMOTIONS), "seed": config.seed})


def look(folder: Path, labeller: Labeller) -> Faces:
    """Landmarks, furrows and labels of every person of the training split: of the larger picture where there are two."""
    large, small = open_crops(folder / "sfhq_256.npz"), open_crops(folder / "sfhq_128.npz")
    known = set(large.subjects)
    jobs: list[tuple[CropSet, int]] = [(large, int(i)) for i in large.where(split="train")]
    jobs += [(small, int(i)) for i in small.where(split="train") if small.subjects[i] not in known]
    landmarks: list[Float[np.ndarray, "468 3"]] = []
    lines: list[Float[np.ndarray, " f"]] = []
    labels: list[str] = []
    for crops, index in counted(jobs, total=len(jobs), what="landmarks"):
        rgb = crops[index]
        points, presence = labeller.label(rgb, square_of_five(crops.points[index].astype(np.float64)))
        if presence > _PRESENT:
            landmarks.append(points)
            lines.append(skin_lines(rgb, points))
            labels.append(crops.labels[index])
    return Faces(np.stack(landmarks), np.stack(lines), labels)
