"""How well a head is fitted to landmarks: on drawn heads, of which identity, expression and pose are known.

Twice: on the landmarks that were drawn, which shows the fit alone, and on those that mien's network finds in the picture.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float

from mien.aus import MAX_INTENSITY, AUVector, unit_of
from mien.data.renders import Render, render
from mien.faces import landmarks
from mien.geometry import head, rotation
from mien.geometry.fitting import fit, neutral
from mien.geometry.fitting.measured import IMITATED, SOLVED, SOLVED_ROWS
from mien.metrics.timing import one_thread, timed

_TURNS = np.array([8.0, 15.0, 8.0])  # degrees, standard deviation of pitch, yaw, roll
_MOST_TURN = 35.0
_BUILD = 0.7  # standard deviation of identity coefficients
_UNITS = 3  # units that a face shows, both sides alike
_REPEATS = 5  # of a timing; the fastest counts

Landmarks = Float[np.ndarray, "n 468 3"]


def score_fit(count: int = 40, *, seed: int = 0) -> pd.DataFrame:
    """A row for each measure: `what`, and its value on `true` landmarks and on mien's `own`."""
    rng = np.random.default_rng(seed)
    drawn = [_drawn(rng) for _ in range(count)]
    true = np.stack([_usual(face) for face in drawn])
    found = [landmarks.track(face.photo, face.face) for face in drawn]
    seen = [i for i, face in enumerate(found) if face is not None]
    own = np.stack([face.landmarks for face in found if face is not None]).astype(np.float64)
    columns = {"true": _measures(true, drawn), "own": _measures(own, [drawn[i] for i in seen])}
    return pd.DataFrame(columns).rename_axis("what").reset_index()


def _drawn(rng: np.random.Generator) -> Render:
    """Somebody with a few units at random strength, turned a little."""
    model = head.bundled()
    able = sorted({unit_of(axis) for axis in SOLVED} - set(IMITATED))
    shown = {f"AU{unit:02d}": float(rng.uniform(1.0, MAX_INTENSITY)) for unit in rng.choice(able, _UNITS, replace=False)}
    pitch, yaw, roll = np.clip(rng.normal(size=3) * _TURNS, -_MOST_TURN, _MOST_TURN).tolist()
    who = _BUILD * rng.normal(size=len(model.identity))
    return render(model, AUVector.of(shown), shape=who, angles=(pitch, yaw, roll), seed=int(rng.integers(2**31)))


def _usual(face: Render) -> Float[np.ndarray, "468 3"]:
    """The landmarks that were drawn, put where a landmark network has those of people: a model's mean is nobody's average."""
    offset = face.pose.scale * neutral.bundled().offset @ face.pose.rotation.T
    return face.face.landmarks.astype(np.float64) + offset * np.array([1.0, -1.0, -1.0])


def _measures(points: Landmarks, drawn: list[Render]) -> dict[str, float]:
    basis, prior = fit.landmark_basis(head.bundled()), neutral.bundled()
    solution = fit.solve(points, basis, prior)
    measured, shown = fit.beyond_rest(solution, prior), np.stack([face.aus.values[SOLVED_ROWS] for face in drawn])
    turned = rotation.to_angles(solution.placement.rotation) - rotation.to_angles(np.stack([face.pose.rotation for face in drawn]))
    active = shown > 0
    return {
        "distance of the drawn head to the landmarks, % of the outer eye distance (median)": float(
            100 * np.median(fit.errors(solution, points, basis))
        ),
        "units shown: error, steps (median)": float(np.median(np.abs(measured - shown)[active])),
        "units shown: correlation over faces and units": float(np.corrcoef(measured[active], shown[active])[0, 1]),
        "units not shown: intensity, steps (mean)": float(measured[~active].mean()),
        "angles: error, degrees (median)": float(np.median(np.abs(turned))),
        "a face, milliseconds of one processor (fastest)": _fastest(points[:1]),
    }


def _fastest(points: Landmarks) -> float:
    with one_thread():
        return min(timed(lambda: fit.fit(points, head.bundled(), neutral.bundled()))[1] for _ in range(_REPEATS))
