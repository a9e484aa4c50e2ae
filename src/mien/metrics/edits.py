"""How well edits do what they command: a dose and response for each action unit.

A unit is set to 0, 1, .. 5 on many faces; the landmarks of each edited picture are measured twice. *Moved* is how far they have gone
since dose 0 along the unit's own direction of the head model, in steps; *read* is the intensity that a reader gives the unit, which may
also explain the change by other units, or by who it is. *Leak* is how much the reader sees each other unit change, on average, from dose
0 to dose 5; its worst names the unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from mien import aus

UNITS = (1, 2, 4, 5, 6, 9, 10, 12, 15, 17, 20, 25, 26, 27, 43)
DOSES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)

#: Units that share a movement by definition: that one rises with the other is no leak (26 and 27 part the lips; 43 is a long 45).
TOGETHER = ({25, 26, 27}, {43, 45, 42, 41, 46}, {1, 2}, {6, 12, 7}, {9, 10, 4})


@dataclass(frozen=True, eq=False)
class Response:
    """What was measured when one unit was set to each dose."""

    unit: int
    moved: Float[np.ndarray, "faces doses"]  #: steps along the unit's direction; NaN where no face was found
    measured: Float[np.ndarray, "faces doses units"]  #: intensities along `aus.NAMES`; NaN where no face was found


def table(responses: Sequence[Response], doses: Sequence[float] = DOSES) -> pd.DataFrame:
    """A row for each unit: `au, faces`; Pearson's correlation and slope of `moved` and of `read` against the dose, over all faces
    and doses; the median correlation `within` single faces; `leak` and where it goes `most`.
    """
    return pd.DataFrame([_row(response, np.asarray(doses)) for response in responses])


def _row(response: Response, doses: Float[np.ndarray, " doses"]) -> dict[str, object]:
    units = list(aus.NAMES)
    seen = np.isfinite(response.moved).all(axis=1)
    read, moved = response.measured[seen], response.moved[seen]
    own = read[:, :, units.index(response.unit)]
    others = [i for i, unit in enumerate(units) if unit != response.unit and not _together(unit, response.unit)]
    change = np.abs(read[:, -1, others] - read[:, 0, others]).mean(axis=0) if len(read) else np.zeros(len(others))
    worst = int(np.nan_to_num(change).argmax())
    return {
        "au": aus.column(response.unit),
        "faces": len(moved),
        "moved": correlation(np.broadcast_to(doses, moved.shape).ravel(), moved.ravel()),
        "within": float(np.median([correlation(doses, face) for face in moved])) if len(moved) else float("nan"),
        "slope": slope(np.broadcast_to(doses, moved.shape).ravel(), moved.ravel()),
        "read": correlation(np.broadcast_to(doses, own.shape).ravel(), own.ravel()),
        "read slope": slope(np.broadcast_to(doses, own.shape).ravel(), own.ravel()),
        "leak": float(np.nanmean(change)),
        "most": f"{aus.column(units[others[worst]])} {change[worst]:.1f}",
    }


def slope(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Steps of `y` for a step of `x`, by least squares; NaN without numbers."""
    return float(np.polyfit(x, y, 1)[0]) if len(x) else float("nan")


def _together(a: int, b: int) -> bool:
    return any({a, b} <= group for group in TOGETHER)


def correlation(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Pearson's correlation; 0 when either does not vary, NaN without numbers."""
    if len(x) == 0:
        return float("nan")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def plot(responses: Sequence[Response], path: Path, doses: Sequence[float] = DOSES) -> Path:
    """Draw dose against `moved`, a panel for each unit: every face thin, their mean thick, the command dashed."""
    from matplotlib.figure import Figure

    columns = 5
    figure = Figure(figsize=(2.2 * columns, 2.2 * -(-len(responses) // columns)), layout="constrained")
    panels = figure.subplots(-(-len(responses) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, response in zip(panels, responses, strict=False):
        own = response.moved
        panel.plot(doses, own.T, color="tab:blue", alpha=0.2, linewidth=0.8)
        panel.plot(doses, np.nanmean(own, axis=0), color="tab:blue", linewidth=2)
        panel.plot([0, 5], [0, 5], color="grey", linestyle="--", linewidth=0.8)
        panel.set_title(f"AU{response.unit} {aus.NAMES[response.unit]}", fontsize=8)
    for panel in panels[len(responses) :]:
        panel.set_axis_off()
    figure.supxlabel("commanded intensity")
    figure.supylabel("steps that the landmarks have moved")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
