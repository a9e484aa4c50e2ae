"""Recipe `fit`: what faces at rest look like, and how emotions do, learned from faces of people who do not exist.

The teacher and mien's own networks each see 468 landmarks on every face of the training split, so that readings hold for both;
`mien.geometry.fitting.learn_neutral` finds the neutral mean and its
spread, `mien.geometry.fitting.learn_emotion` the emotions. Then an engine draws each action unit on some of the faces, and
`mien.geometry.fitting.learn_response` compares what mien's own reader sees of it. Everything is computed in float64 on one core; the
same data gives the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from mien import aus, images, registry, weights
from mien.aus import EMOTIONS, MAX_INTENSITY, AUShift
from mien.data.crops import CropSet, open_crops
from mien.data.folder import need
from mien.data.labelled import Labeller
from mien.data.mirror import partners
from mien.data.teacher import Teacher, square_of_five
from mien.edits import change_by
from mien.faces import align, register
from mien.faces.align import Square
from mien.faces.landmarks import find, landmarker, track
from mien.faces.paste import paste
from mien.geometry import head
from mien.geometry.fitting import emotion, fit, learn_emotion, learn_neutral, learn_response, neutral
from mien.geometry.fitting.change import Reference, change
from mien.geometry.fitting.fit import LandmarkBasis
from mien.geometry.fitting.learn_emotion import EmotionFaces
from mien.geometry.fitting.measured import SOLVED, SOLVED_ROWS
from mien.geometry.fitting.neutral import NeutralPrior
from mien.geometry.fitting.skinlines import skin_lines
from mien.protocols import CropSpec, Engine
from mien.training import counted
from mien.training.config import to_toml
from mien.types import Crop

_PRESENT = 0.5  # presence from which the teacher saw a face
_STEPS, _ROOM = 3.0, 2.0  # a unit is raised by so many steps where a face shows less than the second number of it, else it is taken away


@dataclass(frozen=True)
class FitConfig:
    """Options of `mien train fit`."""

    data: Path | None = None
    """Folder with sfhq_128.npz, sfhq_256.npz, face_landmark.tflite and canonical_face_model.obj; default: MIEN_DATA."""
    out: Path = Path("runs/fit")
    """Folder for the learned statistics (fit.safetensors)."""
    head: Path | None = None
    """Weight file of the head model to learn them for; default: the bundled one."""
    engine: str = "mesh"
    """Engine that draws action units to learn how much of them is seen."""
    drawn: int = 16
    """Faces that it draws them on."""
    seed: int = 0
    """Of the posed faces."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Labelled training faces."""

    landmarks: Float[np.ndarray, "n 468 3"]
    lines: Float[np.ndarray, "n f"]
    labels: list[str]


def train(config: FitConfig) -> None:
    """Learn the statistics and write them; about three minutes on one core."""
    folder = need(config.data, "sfhq_128.npz", "sfhq_256.npz", "face_landmark.tflite")
    mirror = partners()
    faces = look(folder, [Labeller(eye) for eye in (Teacher(folder / "face_landmark.tflite"), Own())])
    basis = fit.landmark_basis(head.load(config.head) if config.head else head.bundled())
    prior = learn_neutral.learn(faces.landmarks, basis, mirror)
    solution = fit.solve(faces.landmarks, basis, prior)
    residual = (solution.frontal - basis.mean - prior.offset).reshape(len(faces.labels), -1)
    known = EmotionFaces(residual, fit.beyond_rest(solution, prior), faces.lines, faces.labels)
    emotions = learn_emotion.learn(known, basis, mirror, seed=config.seed)
    prior = replace(prior, response=learn_response.learn(*responses(folder, registry.engine(config.engine), config.drawn, basis, prior)))
    tensors = neutral.to_tensors(prior) | emotion.to_tensors(emotions)
    header = {"kind": "fit", "axes": SOLVED, "emotions": list(EMOTIONS), "seed": config.seed}
    weights.save(config.out / "fit.safetensors", tensors, header, recipe=to_toml(config, folders=False))
    (config.out / "config.toml").write_text(to_toml(config), encoding="utf-8")


class Own:
    """mien's own landmark networks, as a labeller looks through them."""

    def landmarks(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """Landmarks and presence of the face near a square."""
        face = landmarker().place(rgb, square)
        return face.landmarks, face.score

    settled = landmarks


def look(folder: Path, labellers: Sequence[Labeller]) -> Faces:
    """Landmarks as each labeller sees them, furrows and labels of every person of the training split: of the larger picture where
    there are two.
    """
    large, small = open_crops(folder / "sfhq_256.npz"), open_crops(folder / "sfhq_128.npz")
    known = set(large.subjects)
    jobs: list[tuple[CropSet, int]] = [(large, int(i)) for i in large.where(split="train")]
    jobs += [(small, int(i)) for i in small.where(split="train") if small.subjects[i] not in known]
    seen: list[Float[np.ndarray, "468 3"]] = []
    lines: list[Float[np.ndarray, " f"]] = []
    labels: list[str] = []
    for crops, index in counted(jobs, total=len(jobs), what="landmarks"):
        rgb, square = crops[index], square_of_five(crops.points[index].astype(np.float64))
        for points, presence in (labeller.label(rgb, square) for labeller in labellers):
            if presence > _PRESENT:
                seen.append(points)
                lines.append(skin_lines(rgb, points))
                labels.append(crops.labels[index])
    return Faces(np.stack(seen), np.stack(lines), labels)


def responses(
    folder: Path, engine: Engine[Any], count: int, basis: LandmarkBasis, prior: NeutralPrior
) -> tuple[Float[np.ndarray, "m s"], Float[np.ndarray, "m s"]]:
    """Every measured unit drawn on training faces: the changes that were drawn, and what is seen of them (1 = intensity 5)."""
    crops = open_crops(folder / "sfhq_256.npz")
    photos = [images.read(crops[int(i)]) for i in crops.where(split="train")[:count]]
    drawn, seen = [], []
    for photo in counted(photos, total=len(photos), what="drawn units"):
        for face in find(photo)[:1]:
            before = align.cut(photo, face, engine.crop)
            (code,) = engine.encode([before])
            for shift in _shifts(MAX_INTENSITY * Reference.of(face.landmarks, basis, prior).shown):
                rgb = paste(photo, [before], engine.decode([engine.shift(code, change_by(shift))]))
                after = track(edited := replace(photo, rgb=rgb), face)
                if after is not None:
                    drawn.append(shift.values[SOLVED_ROWS] / MAX_INTENSITY)
                    seen.append(_seen(align.cut(edited, after, CropSpec()), before, basis, prior))
    return np.stack(drawn), np.stack(seen)


def _shifts(shown: Float[np.ndarray, " s"]) -> list[AUShift]:
    """Each unit alone, both sides alike; of the jaw to a side only one."""
    shifts = []
    for unit in sorted({aus.unit_of(axis) for axis in SOLVED}):
        sides = aus.axes(aus.column(unit))[: 1 if unit == 30 else 2]
        now = float(np.mean([shown[SOLVED.index(axis)] for axis in sides]))
        shifts.append(AUShift.of(dict.fromkeys(sides, _STEPS if now < _ROOM else -now)))
    return shifts


def _seen(crop: Crop, reference: Crop, basis: LandmarkBasis, prior: NeutralPrior) -> Float[np.ndarray, " s"]:
    followed = register.follow(crop, reference)
    found = change(Reference.of(reference.face.landmarks, basis, prior), followed.landmarks, followed.trust, basis, prior)
    return found.activations
