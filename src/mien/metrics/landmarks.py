"""How far the landmarks of the bundled network lie from those of its teacher, and how long they take.

The error of a face is the mean distance of its 468 points in the picture, in units of the distance of the outer corners of the eyes
(points 33 and 263).
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from mien.data import teacher as teaching
from mien.data.crops import CropSet, open_crops
from mien.data.folder import need
from mien.data.teacher import Teacher
from mien.faces.align import OUTER_EYES
from mien.faces.detect import square_of_five
from mien.faces.landmarks import Landmarker, landmarker
from mien.metrics.timing import one_thread, timed

SETS = {"lfw_eval": "test", "sfhq_256": "test"}


def point_errors(found: Float[np.ndarray, "468 3"], truth: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, " 468"]:
    """Distance of each point in the picture, in outer eye distances of the truth."""
    right, left = truth[list(OUTER_EYES), :2]
    return np.linalg.norm((found - truth)[:, :2], axis=1) / np.linalg.norm(right - left)


def errors_on(crops: CropSet, indices: Int[np.ndarray, " n"], teacher: Teacher, network: Landmarker) -> pd.DataFrame:
    """A row for each face: `error`, `score` (presence) and `ms` (of one processor). The network starts where YuNet would send it.

    It looks at one face after the other, as it does when it works; the teacher has had its turn before.
    """
    faces = [(crops[index], crops.points[index].astype(np.float64)) for index in indices.tolist()]
    truths = [teacher.settled(rgb, teaching.square_of_five(five))[0] for rgb, five in faces]
    rows: list[dict[str, float]] = []
    with one_thread():
        for (rgb, five), truth in zip(faces, truths, strict=True):
            face, ms = timed(partial(network.place, rgb, square_of_five(five)))
            rows.append({"error": float(point_errors(face.landmarks, truth).mean()), "score": face.score, "ms": ms})
    return pd.DataFrame(rows)


def score_landmarks(data: Path | None = None, *, limit: int | None = None) -> pd.DataFrame:
    """A row for each set: `set, split, faces, median, mean, p90` (percent of the outer eye distance), `present` (share of faces that are
    taken for one) and `ms` (median milliseconds of one processor a face, both looks of the network and all that belongs to them).

    `limit`: at most so many faces a set, evenly spread. Raises `DataError` without the data.
    """
    folder = need(data, "face_landmark.tflite", *(f"{name}.npz" for name in SETS))
    teacher, network = Teacher(folder / "face_landmark.tflite"), landmarker()
    return pd.DataFrame([_row(folder, name, split, teacher, network, limit=limit) for name, split in SETS.items()])


def _row(folder: Path, name: str, split: str, teacher: Teacher, network: Landmarker, *, limit: int | None) -> dict[str, object]:
    crops = open_crops(folder / f"{name}.npz")
    indices = crops.where(split=split)
    if limit is not None and limit < len(indices):
        indices = indices[np.linspace(0, len(indices) - 1, limit).astype(int)]
    faces = errors_on(crops, indices, teacher, network)
    percent, score, ms = (faces[name].to_numpy(dtype=float) for name in ("error", "score", "ms"))
    percent = percent * 100
    return {
        "set": name,
        "split": split,
        "faces": len(faces),
        "median": float(np.median(percent)),
        "mean": float(percent.mean()),
        "p90": float(np.quantile(percent, 0.9)),
        "present": float((score >= 0.5).mean()),
        "ms": float(np.median(ms)),
    }
