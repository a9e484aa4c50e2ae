"""Faces with 468 landmarks, made once from crop sets: photos and their warps, labelled by the teacher.

On disk: `images.npy` uint8 [n, 192, 192, 3] in the framing of `Square.of_five`, `landmarks.npy` float32 [n, 468, 3] in the pixels of
those images.
"""

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from mien.data.crops import CropSet, open_crops
from mien.data.teacher import Teacher
from mien.data.warps import FaceWarper, mirrored_landmarks, open_warper
from mien.faces.align import OUTER_EYES, Square, carry, five_points, sample
from mien.training import counted

SIZE = 192  # pixels
TEACHER_FRAME = 0.75  #: of `Square.of_five`: where the teacher is at home, and the framing of the 128-pixel crop sets
NEEDED = ("sfhq_256.npz", "sfhq_128.npz", "face_landmark.tflite", "canonical_face_model.obj", "ict_face_model.npz", "facemesh_to_ict.npz")
_JITTERS = 4  # further looks of the teacher at each picture
_DISAGREE = 0.08  # of the outer eye distance: a warp that the teacher sees elsewhere than we moved it is thrown away


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """Pictures and their landmarks, memory-mapped."""

    images: UInt8[np.ndarray, "n 192 192 3"]
    landmarks: Float[np.ndarray, "n 468 3"]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Labeller:
    """Labels pictures by several looks of the teacher, mirrored ones too: their mean is steadier than any of them."""

    teacher: Teacher
    mirror: Int[np.ndarray, " 468"]

    def label(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square, rng: np.random.Generator) -> tuple[Float[np.ndarray, "468 3"], float]:
        """Landmarks in pixels of `rgb` and the least presence of all looks."""
        looks = [square] + [jittered(square, rng, shift=0.02, stretch=0.03, turn=0.03) for _ in range(_JITTERS)]
        seen = [self.teacher.landmarks(rgb, look) for look in looks]
        flipped = np.ascontiguousarray(rgb[:, ::-1])
        last = rgb.shape[1] - 1
        points, presence = self.teacher.landmarks(flipped, Square(last - square.x, square.y, square.half, -square.roll))
        points = points[self.mirror]
        points[:, 0] = last - points[:, 0]
        seen.append((points, presence))
        return np.mean([p for p, _ in seen], axis=0), min(presence for _, presence in seen)


def jittered(square: Square, rng: np.random.Generator, *, shift: float, stretch: float, turn: float) -> Square:
    """A square somewhat elsewhere; standard deviations: shift in half sides, stretch in natural logarithm, turn in radians."""
    dx, dy, ds, dr = rng.normal(size=4) * (shift, shift, stretch, turn)
    return Square(square.x + dx * square.half, square.y + dy * square.half, square.half * float(np.exp(ds)), square.roll + dr)


def variants(
    rgb: UInt8[np.ndarray, "h w 3"],
    five: Float[np.ndarray, "5 2"],
    count: int,
    labeller: Labeller,
    warper: FaceWarper,
    *,
    rng: np.random.Generator,
) -> Iterator[tuple[UInt8[np.ndarray, "192 192 3"], Float[np.ndarray, "468 3"]]]:
    """The photo itself and `count` - 1 warps of it with their landmarks; those that the teacher does not confirm are left out."""
    landmarks, presence = labeller.label(rgb, Square.of_five(five).scaled(TEACHER_FRAME), rng)
    if presence < 0.5:
        return
    yield _framed(rgb, five, landmarks)
    for _ in range(count - 1):
        moved = warper.displaced(landmarks, rng)
        picture = warper.repaint(rgb, landmarks, moved, rng)
        points = five + five_points(moved) - five_points(landmarks)
        seen, presence = labeller.label(picture, Square.of_five(points).scaled(TEACHER_FRAME), rng)
        apart = np.linalg.norm(seen[:, :2] - moved[:, :2], axis=1).mean()
        if presence > 0.5 and apart < _DISAGREE * np.linalg.norm(np.subtract(*seen[list(OUTER_EYES), :2])):
            yield _framed(picture, points, seen)


def _framed(
    rgb: UInt8[np.ndarray, "h w 3"], five: Float[np.ndarray, "5 2"], landmarks: Float[np.ndarray, "468 3"]
) -> tuple[UInt8[np.ndarray, "192 192 3"], Float[np.ndarray, "468 3"]]:
    square = Square.of_five(five)
    return sample(rgb, square, SIZE), carry(np.linalg.inv(square.to_photo(SIZE)), landmarks)


def _label_one(
    job: tuple[Path, int, int, int], data: Path
) -> tuple[list[UInt8[np.ndarray, "192 192 3"]], list[Float[np.ndarray, "468 3"]]]:
    """All variants of one picture of one crop set: (file, index, count, seed)."""
    path, index, count, seed = job
    crops, labeller, warper = _tools(path, data)
    rng = np.random.default_rng([seed, index, crops[index].shape[0]])
    made = list(variants(crops[index], crops.points[index].astype(np.float64), count, labeller, warper, rng=rng))
    return [image for image, _ in made], [landmarks for _, landmarks in made]


_TOOLS: dict[Path, tuple[CropSet, Labeller, FaceWarper]] = {}  # of this worker process: opening them takes longer than a picture


def _tools(path: Path, data: Path) -> tuple[CropSet, Labeller, FaceWarper]:
    if path not in _TOOLS:
        cv2.setNumThreads(1)
        labeller = Labeller(Teacher(data / "face_landmark.tflite"), mirrored_landmarks(data / "canonical_face_model.obj"))
        _TOOLS[path] = (open_crops(path), labeller, open_warper(data))
    return _TOOLS[path]


def training_jobs(data: Path, split: str, count: int, seed: int) -> list[tuple[Path, int, int, int]]:
    """Every person of `sfhq_256` in a split, and those that only `sfhq_128` has."""
    large, small = open_crops(data / "sfhq_256.npz"), open_crops(data / "sfhq_128.npz")
    known = set(large.subjects)
    jobs = [(large.path, int(i), count, seed) for i in large.where(split=split)]
    return jobs + [(small.path, int(i), count, seed) for i in small.where(split=split) if small.subjects[i] not in known]


def label_faces(data: Path, folder: Path, *, split: str, count: int, seed: int, workers: int) -> LabelledFaces:
    """Make the labelled faces of a split in `folder`, or open them when they are there already.

    `count` pictures a person (the photo and warps of it), made by `workers` processes.
    """
    if not (folder / "landmarks.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        jobs = training_jobs(data, split, count, seed)
        images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (len(jobs) * count, SIZE, SIZE, 3))
        landmarks: list[Float[np.ndarray, "468 3"]] = []
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            made = pool.imap(partial(_label_one, data=data), jobs, chunksize=4)
            for pictures, points in counted(made, total=len(jobs), what=f"label {split}"):
                for picture in pictures:
                    images[len(landmarks)] = picture
                    landmarks.append(points.pop(0))
        images.flush()
        np.save(folder / ".landmarks.npy", np.asarray(landmarks, dtype=np.float32))
        os.replace(folder / ".landmarks.npy", folder / "landmarks.npy")  # noqa: PTH105 - last: it says that all is there
    points = np.load(folder / "landmarks.npy")
    return LabelledFaces(np.load(folder / "images.npy", mmap_mode="r")[: len(points)], points)
