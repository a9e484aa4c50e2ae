"""mien's own columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from mien import aus
from mien.protocols import Reader
from mien.tables.beyond import Beyond
from mien.types import Reading

#: The face-mesh index of each iBUG-68 point: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, lips 48-67.
LANDMARK68 = np.array(
    [
        162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
        71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
        33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
        61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
    ]
)  # fmt: skip

BOX = ("x", "y", "width", "height", "score")
ANGLES = ("pitch", "yaw", "roll")
POINTS = tuple(f"{axis}_{i}" for axis in "xy" for i in range(68))
UNITS = tuple(aus.column(unit) for unit in aus.NAMES if unit <= 45)
SIDES = tuple(axis for axis in aus.AXES if axis[-1] in "LR")
AU_COLUMNS = UNITS + SIDES
MEASURED = BOX + ANGLES + POINTS + AU_COLUMNS + tuple(aus.EMOTIONS)
COLUMNS = ("file", "frame", "time", "face", *MEASURED)


@dataclass(frozen=True, eq=False)
class Row:
    """What was read of one face in one picture."""

    file: str
    size: tuple[int, int]  #: width and height of the picture
    reading: Reading | None  #: None: the picture has no face
    frame: int = 0
    time: float = 0.0  #: seconds
    face: int = 0


def measured(reading: Reading | None) -> Float[np.ndarray, " n"]:
    """The numbers of a reading in the order of `MEASURED`; all NaN without a face."""
    if reading is None:
        return np.full(len(MEASURED), np.nan)
    points = reading.face.landmarks[LANDMARK68, :2]
    intensities = [reading.aus[name] for name in AU_COLUMNS]
    emotions = [reading.emotions.get(name, np.nan) for name in aus.EMOTIONS]
    return np.array([*reading.face.box, reading.face.score, *reading.angles, *points.T.ravel(), *intensities, *emotions], dtype=np.float64)


def frame_of(rows: Sequence[Row], reader: Reader | None = None) -> pd.DataFrame:
    """The table in mien's `COLUMNS`, and those of what the reader says beyond."""
    where = pd.DataFrame(
        {
            "file": pd.Series([row.file for row in rows], dtype=object),
            "frame": np.array([row.frame for row in rows], dtype=np.int64),
            "time": np.array([row.time for row in rows], dtype=np.float64),
            "face": np.array([row.face for row in rows], dtype=np.int64),
        }
    )
    beyond = Beyond.of(reader, AU_COLUMNS)
    names = [*MEASURED, *beyond.columns]
    numbers = np.array([[*measured(row.reading), *beyond.numbers(row.reading)] for row in rows]).reshape(len(rows), len(names))
    return pd.concat([where, pd.DataFrame(numbers, columns=names)], axis=1)
