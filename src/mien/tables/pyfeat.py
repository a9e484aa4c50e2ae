"""The columns of py-feat 2 (`Detectorv2`), so that scripts written for its tables read ours.

Angles are degrees with py-feat's signs, which are mien's: + pitch up, + yaw to the subject's right. `AUxx` is 0..1 as in py-feat: the
probability of a unit of which the reader says one; of others mien's intensity divided by 5, a strength and no probability. Head
translation, valence, arousal, gaze, the identity embedding, the blendshape scores and the ten iris points of the mesh (468..477) are not
measured: NaN. `approx_time` is minutes:seconds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mien import aus
from mien.geometry.exchange import arkit
from mien.tables.openface import intensity, presence
from mien.tables.own import LANDMARK68, Row
from mien.types import Reading

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
EMOTIONS = {
    "Neutral": "neutral", "Happy": "happiness", "Sad": "sadness", "Surprise": "surprise", "Fear": "fear", "Disgust": "disgust",
    "Anger": "anger",
}  # fmt: skip
#: MediaPipe's names and order.
BLENDSHAPES = ("_neutral", *(name for name in arkit.NAMES if name != "tongueOut"))

_BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
_POINTS = tuple(f"{axis}_{i}" for axis in "xy" for i in range(68))
_POSE = ("Pitch", "Roll", "Yaw", "X", "Y", "Z")
_AUS = tuple(aus.column(unit) for unit in UNITS)
_FEELING = ("valence", "arousal", "gaze_pitch", "gaze_yaw", "gaze_angle")
_IDENTITY = tuple(f"Identity_{i}" for i in range(1, 513))
_MESH = tuple(f"mesh_{axis}_{i}" for axis in "xyz" for i in range(478))
_SIZE = ("FrameHeight", "FrameWidth")
_NUMBERS = (*_BOX, *_POINTS, *_POSE, *_AUS, *EMOTIONS, *_FEELING, *_IDENTITY, *_MESH, *BLENDSHAPES, *_SIZE)
COLUMNS = (*_NUMBERS, "input", "frame", "Identity", "approx_time")


def _activity(reading: Reading, unit: int) -> float:
    """The number 0..1 of a unit."""
    said = presence(reading, unit)
    return intensity(reading, unit) / aus.MAX_INTENSITY if said is None else said.probability


def _numbers(row: Row) -> list[float]:
    reading = row.reading
    width, height = row.size
    if reading is None:
        return [*[np.nan] * (len(_NUMBERS) - 2), height, width]
    pitch, yaw, roll = reading.angles
    mesh = np.pad(reading.face.landmarks.astype(np.float64), ((0, 10), (0, 0)), constant_values=np.nan)
    return [
        *reading.face.box, reading.face.score, *reading.face.landmarks[LANDMARK68, :2].T.ravel(), pitch, roll, yaw, *[np.nan] * 3,
        *[_activity(reading, unit) for unit in UNITS],
        *[reading.emotions.get(name, np.nan) for name in EMOTIONS.values()], *[np.nan] * (len(_FEELING) + len(_IDENTITY)),
        *mesh.T.ravel(), *[np.nan] * len(BLENDSHAPES), height, width,
    ]  # fmt: skip


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """The table in py-feat's `COLUMNS`; `Identity` (a name for the person) is not known and stays empty."""
    numbers = np.array([_numbers(row) for row in rows], dtype=np.float64).reshape(len(rows), len(_NUMBERS))
    where = pd.DataFrame(
        {
            "input": pd.Series([row.file for row in rows], dtype=object),
            "frame": np.array([row.frame for row in rows], dtype=np.int64),
            "Identity": pd.Series([None for _ in rows], dtype=object),
            "approx_time": pd.Series([f"{int(row.time // 60):02d}:{int(row.time % 60):02d}" for row in rows], dtype=object),
        }
    )
    return pd.concat([pd.DataFrame(numbers, columns=list(_NUMBERS)), where], axis=1)
