"""Changes of expression along time, and how to make, smooth and resample them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from scipy.signal import savgol_filter

from mien.aus import AXES, AUShift, AUVector
from mien.errors import DataError, UsageError

FPS = 25.0
LONGEST = 1_000_000  #: frames: eleven hours at 25 a second
#: Seconds of driver that a smoothed value looks at: longer than the jitter of landmarks, short enough to keep a blink (150 ms).
WINDOW = 0.2
_CALM = 0.2  # the share of a driver's frames, the calmest, that show the neutral face


@dataclass(frozen=True, eq=False)
class Motion:
    """Changes of expression, in FACS steps against the face's own expression, at rising times."""

    times: Float[np.ndarray, " t"]  #: seconds
    changes: Float[np.ndarray, "t axes"]  #: along `mien.aus.AXES`

    def __post_init__(self) -> None:
        if len(self.times) == 0 or self.changes.shape != (len(self.times), len(AXES)):
            raise ValueError(f"a motion needs a row of {len(AXES)} changes for each time; got {self.changes.shape} for {len(self.times)}")
        if not (np.isfinite(self.times).all() and np.isfinite(self.changes).all() and (np.diff(self.times) > 0).all()):
            raise ValueError("the times of a motion must rise, and all its numbers be finite")

    def __len__(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds from the first to the last frame."""
        return float(self.times[-1] - self.times[0])

    @property
    def fps(self) -> float:
        """Frames a second: the middle one of the gaps between frames decides."""
        return float(1.0 / np.median(np.diff(self.times))) if len(self) > 1 else FPS

    def shift(self, frame: int) -> AUShift:
        """The change that a frame shows."""
        return AUShift(self.changes[frame])

    def resample(self, fps: float) -> "Motion":
        """The same motion at a constant rate, from the first time to the last; between frames it is interpolated as by `through`.

        The last frame shows the end of the motion, also when the end falls between two frames. Raises `UsageError` for a rate
        that is not positive and for more than `LONGEST` frames.
        """
        if not 0 < fps < np.inf:
            raise UsageError(f"{fps:g} frames a second: give a rate above 0")
        if self.duration * fps > LONGEST:
            raise UsageError(
                f"{self.duration:g} s at {fps:g} frames a second are more than {LONGEST:,} frames: check the times or the rate"
            )
        steps = int(np.ceil(self.duration * fps - 1e-6))
        at = self.times[0] + np.arange(steps + 1) / fps
        return Motion(at, through(self.times, self.changes, at))

    def smoothed(self, window: float = WINDOW) -> "Motion":
        """The motion without its jitter: a parabola is fitted to the `window` seconds around each frame (Savitzky & Golay 1964).

        Nothing is delayed, a motion that is a parabola stays the same. The frames must come at a constant rate.
        """
        frames = 2 * round(window * self.fps / 2) + 1
        if frames < 5 or frames > len(self):
            return self
        return Motion(self.times, np.asarray(savgol_filter(self.changes, frames, polyorder=2, axis=0)))


def through(times: Float[np.ndarray, " t"], values: Float[np.ndarray, "t k"], at: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
    """Smooth curves through the known values of each column, held before the first and after the last; NaN marks the unknown.

    Piecewise cubic, monotone between neighbours, so it never overshoots them (PCHIP; Fritsch & Butland 1984). A column without a
    known value gives 0.
    """
    out = np.zeros((len(at), values.shape[1]))
    patterns, pattern = np.unique(np.isfinite(values), axis=1, return_inverse=True)
    for i, known in enumerate(patterns.T):  # columns with the same unknown rows together
        columns = pattern == i
        x, y = times[known], values[np.ix_(known, columns)]
        if len(x) > 1:
            with np.errstate(over="ignore"):  # 1 / slope, of a slope next to nothing
                out[:, columns] = PchipInterpolator(x, y)(np.clip(at, x[0], x[-1]))
        elif len(x) == 1:
            out[:, columns] = y
    return out


def between(start: AUShift, end: AUShift, seconds: float, fps: float = FPS) -> Motion:
    """From one change to another, easing in and out (3 t^2 - 2 t^3)."""
    if not 0 < seconds < np.inf:
        raise UsageError(f"{seconds:g} seconds: a motion needs a length above 0")
    times = Motion(np.array([0.0, seconds]), np.stack([start.values, end.values])).resample(fps).times
    t = np.minimum(times / seconds, 1.0)[:, None]
    return Motion(times, start.values + (end - start).values * (t * t * (3.0 - 2.0 * t)))


def follow(times: Sequence[float], expressions: Sequence[AUVector | None], fps: float = FPS) -> Motion:
    """The motion of a driver: how its face differs from its own neutral, at `fps`, without jitter.

    The neutral is the median of the calmest fifth of the frames. Frames where no face was read (None) are bridged. Axes that
    are not measured do not move. Raises `DataError` when no frame shows a face.
    """
    seen = np.array([e.values if e is not None else np.full(len(AXES), np.nan) for e in expressions]).reshape(-1, len(AXES))
    read = np.isfinite(seen).any(axis=1)
    if not read.any():
        raise DataError(f"the driver shows no face that can be read in any of its {len(seen)} frames: choose another video")
    at, first = np.unique(np.asarray(times, dtype=np.float64), return_index=True)  # a damaged video may repeat a time
    changes = (seen - neutral(seen[read]))[first]
    return Motion(at, through(at, changes, at)).resample(fps).smoothed()


def neutral(expressions: Float[np.ndarray, "t axes"]) -> Float[np.ndarray, " axes"]:
    """What a face shows at rest, from many frames of it: the median of the fifth with the smallest sum of intensities."""
    effort = np.nansum(expressions, axis=1)
    calm = np.argsort(effort, kind="stable")[: max(1, round(_CALM * len(expressions)))]
    return np.median(np.nan_to_num(expressions[calm], nan=0.0), axis=0)
