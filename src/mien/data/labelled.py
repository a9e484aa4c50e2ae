"""Faces with 468 landmarks, made once from crop sets: photos and their head turns, labelled by the teacher; and expressions drawn into
both, whose landmarks go from there as the engine that drew them says.

On disk: `images.npy` uint8 [n, 192, 192, 3] in the framing of `Square.of_five`, `landmarks.npy` float32 [n, 468, 3] in the pixels of
those images.
"""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien import files, registry
from mien.data.crops import CropSet, open_crops
from mien.data.mirror import mirrored_landmarks, mirrored_picture
from mien.data.posed import posed
from mien.data.renders import render
from mien.data.teacher import REACH, Teacher, square_of_five
from mien.data.warps import FaceWarper, open_warper
from mien.errors import DataError
from mien.faces.align import OUTER_EYES, Square, carry, five_points, sample
from mien.faces.landmarks import face_of
from mien.geometry import head
from mien.protocols import Engine
from mien.training import counted
from mien.types import Crop

SIZE = 192  # pixels
NEEDED = ("sfhq_256.npz", "sfhq_128.npz", "face_landmark.tflite", "canonical_face_model.obj", "ict_face_model.npz", "facemesh_to_ict.npz")
_DISAGREE = 0.08  # of the outer eye distance: a turn that the teacher sees elsewhere than we moved it is thrown away
_POSES = 3  # expressions drawn into each picture


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """Pictures and their landmarks, memory-mapped."""

    images: UInt8[np.ndarray, "n 192 192 3"]
    landmarks: Float[np.ndarray, "n 468 3"]

    def __len__(self) -> int:
        return len(self.landmarks)


@runtime_checkable
class Eye(Protocol):
    """What sees landmarks (pixels) and presence 0..1 of the face in a square: the teacher, or mien's own networks."""

    def landmarks(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """One look."""
        ...

    def settled(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """As many looks as it takes from a square that is somewhat off."""
        ...


@dataclass(frozen=True, eq=False)
class Labeller:
    """Labels pictures by the teacher, as they are and mirrored: the mean is steadier than either."""

    teacher: Eye

    def label(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> tuple[Float[np.ndarray, "468 3"], float]:
        """Landmarks in pixels of `rgb` and the lesser presence."""
        seen, presence = self.teacher.settled(rgb, square)
        around = Square.around(seen, REACH)
        there = replace(around, x=rgb.shape[1] - 1 - around.x, roll=-around.roll)
        other, again = self.teacher.landmarks(mirrored_picture(rgb), there)
        return (seen + mirrored_landmarks(other, rgb.shape[1])) / 2, min(presence, again)


def jittered(square: Square, rng: np.random.Generator, *, shift: float, stretch: float, turn: float) -> Square:
    """A square somewhat elsewhere; standard deviations: shift in half sides, stretch in natural logarithm, turn in radians."""
    dx, dy, ds, dr = rng.normal(size=4) * (shift, shift, stretch, turn)
    return Square(square.x + dx * square.half, square.y + dy * square.half, square.half * float(np.exp(ds)), square.roll + dr)


def variants(
    rgb: UInt8[np.ndarray, "h w 3"],
    five: Float[np.ndarray, "5 2"],
    count: int,
    tools: "Tools",
    *,
    rng: np.random.Generator,
) -> Iterator[tuple[UInt8[np.ndarray, "192 192 3"], Float[np.ndarray, "468 3"]]]:
    """At most `count` pictures with their landmarks: the photo and turns of it, each with `_POSES` expressions drawn into it.

    Turns that the teacher does not confirm are left out.
    """
    landmarks, presence = tools.labeller.label(rgb, square_of_five(five))
    if presence < 0.5:
        return
    for number in range(count // (1 + _POSES)):
        picture, seen = (rgb, landmarks) if number == 0 else _turned(rgb, landmarks, tools, rng)
        if seen is None:
            continue
        yield _framed(picture, five_points(seen), seen)
        for drawn in posed(tools.engine, Crop(picture, np.eye(3), face_of(seen, presence)), _POSES, rng):
            if drawn.landmarks is not None:
                yield _framed(drawn.rgb, five_points(drawn.landmarks), drawn.landmarks)


def _turned(
    rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 3"], tools: "Tools", rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "468 3"] | None]:
    """The head turned a little, and its landmarks where the teacher sees them; None where it sees them elsewhere than we moved them."""
    moved = tools.warper.displaced(landmarks, rng)
    picture = tools.warper.repaint(rgb, landmarks, moved)
    seen, presence = tools.labeller.label(picture, Square.around(moved, REACH))
    apart = np.linalg.norm(seen[:, :2] - moved[:, :2], axis=1).mean()
    agrees = presence > 0.5 and apart < _DISAGREE * np.linalg.norm(np.subtract(*seen[list(OUTER_EYES), :2]))
    return picture, seen if agrees else None


def _framed(
    rgb: UInt8[np.ndarray, "h w 3"], five: Float[np.ndarray, "5 2"], landmarks: Float[np.ndarray, "468 3"]
) -> tuple[UInt8[np.ndarray, "192 192 3"], Float[np.ndarray, "468 3"]]:
    square = Square.of_five(five)
    return sample(rgb, square, SIZE), carry(np.linalg.inv(square.to_photo(SIZE)), landmarks)


@dataclass(frozen=True)
class Job:
    """One person to label: picture `index` of a crop set, or a drawn head with that number."""

    data: Path
    crops: str  #: name of the crop set; "" for a drawn head
    index: int
    count: int  #: pictures to make
    seed: int


def _label_one(job: Job) -> tuple[list[UInt8[np.ndarray, "192 192 3"]], list[Float[np.ndarray, "468 3"]]]:
    """Pictures and landmarks of one person."""
    tools = _tools(job.data)
    rng = np.random.default_rng([job.seed, job.index, len(job.crops)])
    if job.crops:
        crops = _opened(job.data / f"{job.crops}.npz")
        rgb, five = crops[job.index], crops.points[job.index].astype(np.float64)
    else:
        rgb, five = _drawn(rng)
    made = list(variants(rgb, five, job.count, tools, rng=rng))
    return [image for image, _ in made], [landmarks for _, landmarks in made]


def _drawn(rng: np.random.Generator) -> tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "5 2"]]:
    """Our own head model with a random identity and turn."""
    model = head.bundled()
    pitch, yaw = np.clip(rng.normal(size=2) * (8, 20), -45, 45)
    shape = rng.normal(size=model.identity.shape[0]) * 0.8
    drawn = render(model, shape=shape, angles=(float(pitch), float(yaw), 0.0), size=288, seed=int(rng.integers(2**31)))
    return drawn.photo.rgb, five_points(drawn.face.landmarks)


@dataclass(frozen=True, eq=False)
class Tools:
    """What a worker process needs; opening it takes longer than a picture."""

    labeller: Labeller
    warper: FaceWarper
    engine: Engine[Any]


@cache
def _tools(data: Path) -> Tools:
    cv2.setNumThreads(1)
    return Tools(Labeller(Teacher(data / "face_landmark.tflite")), open_warper(data), registry.engine(registry.ENGINE))


@cache
def _opened(path: Path) -> CropSet:
    return open_crops(path)


def people(data: Path, split: str, *, count: int, drawn: int, seed: int) -> list[Job]:
    """Every person of `sfhq_256` in a split, those that only `sfhq_128` has, and some drawn heads."""
    large, small = open_crops(data / "sfhq_256.npz"), open_crops(data / "sfhq_128.npz")
    known = set(large.subjects)
    jobs = [Job(data, "sfhq_256", int(i), count, seed) for i in large.where(split=split)]
    jobs += [Job(data, "sfhq_128", int(i), count, seed) for i in small.where(split=split) if small.subjects[i] not in known]
    return jobs + [Job(data, "", i, count, seed) for i in range(drawn)]


def label_faces(folder: Path, jobs: list[Job], *, what: str, workers: int) -> LabelledFaces:
    """Make the labelled faces in `folder` by `workers` processes, or open them when they are there already."""
    if not (folder / "landmarks.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (sum(job.count for job in jobs), SIZE, SIZE, 3))
        landmarks: list[Float[np.ndarray, "468 3"]] = []
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            made = pool.imap(_label_one, jobs, chunksize=4)
            for pictures, points in counted(made, total=len(jobs), what=what):
                for picture in pictures:
                    images[len(landmarks)] = picture
                    landmarks.append(points.pop(0))
        images.flush()
        with files.replacing(folder / "landmarks.npy", inputs=(), error=DataError) as partial:  # last: it says that all is there
            np.save(partial, np.asarray(landmarks, dtype=np.float32))
    points = np.load(folder / "landmarks.npy")
    return LabelledFaces(np.load(folder / "images.npy", mmap_mode="r")[: len(points)], points)
