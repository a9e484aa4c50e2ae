"""The columns of OpenFace 2 (Baltrusaitis et al., FG 2018), so that scripts written for its CSV files read ours.

Frames count from 1 and `timestamp` is in seconds. `AUxx_r` is mien's intensity 0..5 (the mean of both sides); `AUxx_c` is 1 where the
reader says that the unit is there, and of units of which it says no such thing, where the intensity is at least `PRESENT`. Rotations are
radians in OpenFace's camera frame (x right, y down, z away): + pitch looks **down**, + yaw turns to the subject's right, + roll tilts
clockwise as the viewer sees it, composed as ``R = Rx Ry Rz``. Millimetres are an estimate under OpenFace's own assumptions, a focal length
of 500 pixels at 640 x 480 and a head of average size. Gaze and the point-distribution parameters `p_*` are not measured: NaN. OpenFace has
no column for the file: it writes one table for each.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from mien import aus
from mien.geometry import rotation
from mien.tables.own import LANDMARK68, Row
from mien.types import Presence, Reading

INTENSITY = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
PRESENCE = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)
#: The intensity from which a unit counts as present: FACS letter A, a trace.
PRESENT = 1.0
#: From outer eye corner to outer eye corner (points 33 and 263) of an average adult, mm; the canonical face mesh has the same.
EYE_CORNERS_MM = 89.0

_GAZE = tuple(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz")
_POSE = ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
_POINTS = tuple(f"{axis}_{i}" for axis in "xyXYZ" for i in range(68))
_MODEL = ("p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty", *(f"p_{i}" for i in range(34)))
_AUS = tuple(f"{aus.column(u)}_r" for u in INTENSITY) + tuple(f"{aus.column(u)}_c" for u in PRESENCE)
COLUMNS = ("frame", "timestamp", "confidence", "success", *_GAZE, *_POSE, *_POINTS, *_MODEL, *_AUS)


def in_camera(reading: Reading, size: tuple[int, int]) -> Float[np.ndarray, "68 3"]:
    """The iBUG-68 points in mm in front of OpenFace's default camera; x right, y down, z away."""
    width, height = size
    focal = 250.0 * (width / 640.0 + height / 480.0)
    points = reading.face.landmarks.astype(np.float64)
    mm = EYE_CORNERS_MM / np.linalg.norm(points[33] - points[263])
    points = points[LANDMARK68]
    depth = focal * mm + (points[:, 2] - points[:, 2].mean()) * mm
    return np.column_stack([(points[:, :2] - (width / 2, height / 2)) * depth[:, None] / focal, depth])


def euler(angles: tuple[float, float, float]) -> tuple[float, float, float]:
    """OpenFace's (Rx, Ry, Rz) in radians of mien's (pitch, yaw, roll) in degrees: the same rotation, other axes and another order."""
    flip = np.diag([1.0, -1.0, -1.0])  # y up and z towards the viewer become y down and z away
    r = flip @ rotation.from_angles(np.array([angles], dtype=np.float64))[0] @ flip
    return float(np.arctan2(-r[1, 2], r[2, 2])), float(np.arcsin(np.clip(r[0, 2], -1.0, 1.0))), float(np.arctan2(-r[0, 1], r[0, 0]))


#: A blink and closed eyes are one movement, and either stands for the other where only that is known.
_TWIN = {43: 45, 45: 43}


def intensity(reading: Reading, unit: int) -> float:
    """The intensity of a unit, or of its twin."""
    value = reading.aus[aus.column(unit)]
    return reading.aus[aus.column(_TWIN[unit])] if unit in _TWIN and np.isnan(value) else value


def presence(reading: Reading, unit: int) -> Presence | None:
    """What the reader says of the presence of a unit, or of its twin; None where it says nothing."""
    said = reading.presence.get(aus.column(unit))
    return reading.presence.get(aus.column(_TWIN[unit])) if unit in _TWIN and said is None else said


def _present(reading: Reading, unit: int) -> float:
    """1 where a unit is there, 0 where not; NaN where nothing is known of it."""
    said, strength = presence(reading, unit), intensity(reading, unit)
    if said is not None:
        return float(said.present)
    return np.nan if np.isnan(strength) else float(strength >= PRESENT)


def _numbers(row: Row) -> list[float]:
    reading = row.reading
    if reading is None:
        return [row.frame + 1, row.time, 0.0, 0, *[np.nan] * (len(COLUMNS) - 4)]
    points = in_camera(reading, row.size)
    strength = [intensity(reading, unit) for unit in INTENSITY]
    present = [_present(reading, unit) for unit in PRESENCE]
    return [
        row.frame + 1, row.time, reading.face.score, 1, *[np.nan] * len(_GAZE),
        *points.mean(axis=0), *euler(reading.angles),
        *reading.face.landmarks[LANDMARK68, :2].T.ravel(), *points.T.ravel(), *[np.nan] * len(_MODEL),
        *strength, *present,
    ]  # fmt: skip


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """The table in OpenFace's `COLUMNS`."""
    numbers = np.array([_numbers(row) for row in rows], dtype=np.float64).reshape(len(rows), len(COLUMNS))
    return pd.DataFrame(numbers, columns=list(COLUMNS)).astype({"frame": np.int64, "success": np.int64})
