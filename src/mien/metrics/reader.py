"""How well a reader tells the expressions of real people apart: `lfw_eval`, labelled by volunteers, which nothing was trained on.

A measure is a number that a reading has; it is scored by the area under the ROC curve (AUC): the chance that a face with the expression
gets a higher number than a neutral one.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from jaxtyping import Int
from sklearn.metrics import roc_auc_score

from mien.data import teacher as teaching
from mien.data.crops import CropSet, open_crops
from mien.data.folder import need
from mien.data.labelled import Labeller
from mien.data.teacher import Teacher
from mien.faces.detect import square_of_five
from mien.faces.landmarks import Landmarker, face_of, landmarker
from mien.protocols import Reader
from mien.types import Crop, Face, Reading

_SURPRISE = ("AU01", "AU02", "AU05", "AU25", "AU26")

#: name -> expression against neutral, and the number that should tell them apart
MEASURES: Mapping[str, tuple[str, Callable[[Reading], float]]] = MappingProxyType(
    {
        "AU12": ("happiness", lambda r: r.aus["AU12"]),
        "AU01 + AU02 + AU05 + AU25 + AU26": ("surprise", lambda r: sum(r.aus[au] for au in _SURPRISE)),
        "happiness score": ("happiness", lambda r: r.emotions["happiness"]),
        "surprise score": ("surprise", lambda r: r.emotions["surprise"]),
        "anger score": ("anger", lambda r: r.emotions["anger"]),
    }
)


def score_reader(reader: Reader, data: Path | None = None, *, split: str = "test") -> pd.DataFrame:
    """A row for each of `MEASURES`: `measure, expression, faces, neutral` (how many), `teacher` and `own` (AUC on their
    landmarks; the teacher's are the mean of the picture and its mirror image, as in training).

    Raises `DataError` without the data.
    """
    folder = need(data, "lfw_eval.npz", "face_landmark.tflite")
    crops = open_crops(folder / "lfw_eval.npz")
    wanted = {"neutral", *(expression for expression, _ in MEASURES.values())}
    indices = np.array([i for i in crops.where(split=split) if crops.labels[i] in wanted])
    labeller, network = Labeller(Teacher(folder / "face_landmark.tflite")), landmarker()
    by_teacher = _readings(reader, crops, indices, lambda rgb, five: _taught(labeller, rgb, five))
    by_network = _readings(reader, crops, indices, lambda rgb, five: _found(network, rgb, five))
    labels = np.array([crops.labels[i] for i in indices.tolist()])
    rows = []
    for name, (expression, number) in MEASURES.items():
        shown, calm = labels == expression, labels == "neutral"
        scores = {
            source: _auc([number(r) for r in readings], shown, calm) for source, readings in (("teacher", by_teacher), ("own", by_network))
        }
        rows.append({"measure": name, "expression": expression, "faces": int(shown.sum()), "neutral": int(calm.sum()), **scores})
    return pd.DataFrame(rows)


def _auc(numbers: list[float], shown: np.ndarray, calm: np.ndarray) -> float:
    used = shown | calm
    return float(roc_auc_score(shown[used], np.array(numbers)[used]))


def _readings(
    reader: Reader, crops: CropSet, indices: Int[np.ndarray, " n"], look: Callable[[np.ndarray, np.ndarray], Face]
) -> list[Reading]:
    faces = [(crops[i], look(crops[i], crops.points[i].astype(np.float64))) for i in indices.tolist()]
    return reader.measure([Crop(rgb, np.eye(3), face) for rgb, face in faces])


def _taught(labeller: Labeller, rgb: np.ndarray, five: np.ndarray) -> Face:
    return face_of(*labeller.label(rgb, teaching.square_of_five(five)))


def _found(network: Landmarker, rgb: np.ndarray, five: np.ndarray) -> Face:
    return network.place(rgb, square_of_five(five))
