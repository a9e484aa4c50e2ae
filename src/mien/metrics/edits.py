"""How well edits do what they command: a dose and response for each action unit.

A unit is set to 0, 1, .. 5 on many faces, and the reader measures each edited picture against the photo, once on each judge's landmarks.
*r* is Pearson's correlation of measured with commanded intensity over all faces and doses, *within* its median over single faces, *slope*
the steps measured for a step commanded, *rmse* the root of the mean squared difference of both, in steps. The reader follows the pixels
from the photo to the edit as well; *landmarks* are the same numbers of how far the bare landmarks of the first judge go along the unit's
direction of the head model. *Leak* is how much each other unit changes, on average, from the lowest to the highest dose; its worst names
the unit. What an edit must keep is measured at the highest dose, as a mean over faces.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from mien import aus
from mien.metrics.agreement import pearson
from mien.metrics.naming import named

UNITS = (1, 2, 4, 5, 6, 9, 10, 12, 15, 17, 20, 25, 26, 27, 43)
DOSES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
SOLVED = (1.0, 3.0, 5.0)  #: doses of edits that are corrected, which take several pictures each
MET = 0.5  #: steps: a command that is nearer than this is met

_UNITS = list(aus.NAMES)


@dataclass(frozen=True, eq=False)
class Response:
    """What was measured when one unit was set to each dose."""

    unit: int
    moved: Float[np.ndarray, "faces doses"]  #: steps along the unit's direction; NaN where no face was found
    measured: Mapping[str, Float[np.ndarray, "faces doses units"]]  #: judge -> intensities along `aus.NAMES`; NaN where no face was found
    kept: Mapping[str, Float[np.ndarray, "faces doses"]] = field(default_factory=dict)  #: what an edit must keep, by name; NaN if not known


def movable(moves: Collection[str], wanted: str = "") -> tuple[int, ...]:
    """Those of `UNITS` whose every axis an engine moves; of the `wanted` ones, such as "1,2,12", if any are named.

    Raises `UsageError` for a name that is not of one of them.
    """
    can = tuple(unit for unit in UNITS if all(axis in moves for axis in aus.axes(aus.column(unit))))
    return named(wanted, can)


def table(responses: Sequence[Response], doses: Sequence[float] = DOSES) -> pd.DataFrame:
    """A row for each unit: `au, faces`; `r`, `within`, `slope` and `rmse` of bare landmarks and of each judge; `leak, most`; what must be
    kept: see the module.
    """
    return pd.DataFrame([_row(response, np.asarray(doses)) for response in responses])


def _row(response: Response, doses: Float[np.ndarray, " doses"]) -> dict[str, object]:
    moved = response.moved[np.isfinite(response.moved).all(axis=1)]
    row: dict[str, object] = {"au": aus.column(response.unit), "faces": len(moved)} | _followed("landmarks", doses, moved)
    for judge in response.measured:
        row |= _followed(f"{judge} + pixels", doses, _seen(response, judge)[:, :, _UNITS.index(response.unit)])
    return row | _leak(response, next(iter(response.measured))) | _kept(response)


def _followed(name: str, doses: Float[np.ndarray, " doses"], steps: Float[np.ndarray, "n doses"]) -> dict[str, object]:
    """How measured steps follow the command."""
    commanded = np.broadcast_to(doses, steps.shape).ravel()
    return {
        f"{name} r": pearson(steps.ravel(), commanded),
        f"{name} within": _within(doses, steps),
        f"{name} slope": slope(commanded, steps.ravel()),
        f"{name} rmse": float(np.sqrt(np.mean((steps.ravel() - commanded) ** 2))) if steps.size else float("nan"),
    }


def _kept(response: Response) -> dict[str, object]:
    """What must be kept, at the highest dose; NaN where it is known of no face."""
    last = {name: values[:, -1] for name, values in response.kept.items()}
    return {name: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan") for name, values in last.items()}


def solved(responses: Sequence[Response], doses: Sequence[float]) -> pd.DataFrame:
    """A row for each unit: `au, faces`; for each judge the share of faces and doses that are `met`, and the median `error` in steps; what
    must be kept.
    """
    rows: list[dict[str, object]] = []
    for response in responses:
        row: dict[str, object] = {"au": aus.column(response.unit), "faces": len(response.moved)}
        for judge, measured in response.measured.items():
            error = np.abs(measured[:, :, _UNITS.index(response.unit)] - np.asarray(doses))
            row |= {f"{judge} met": float((error <= MET).mean()), f"{judge} error": float(np.nanmedian(error))}
        rows.append(row | _kept(response))
    return pd.DataFrame(rows)


def curves(response: Response) -> dict[str, Any]:
    """All numbers behind a row, for JSON, by face and dose: `moved`, what each judge `measured` of the unit itself, what was `kept`."""
    place = _UNITS.index(response.unit)
    return {
        "au": aus.column(response.unit),
        "moved": response.moved.tolist(),
        "measured": {judge: values[:, :, place].tolist() for judge, values in response.measured.items()},
        "kept": {name: values.tolist() for name, values in response.kept.items()},
    }


def _seen(response: Response, judge: str) -> Float[np.ndarray, "seen doses units"]:
    """What a judge measured on the faces that it found at every dose."""
    measured = response.measured[judge]
    return measured[np.isfinite(measured[:, :, _UNITS.index(response.unit)]).all(axis=1)]


def _within(doses: Float[np.ndarray, " doses"], faces: Float[np.ndarray, "n doses"]) -> float:
    """The median correlation of single faces; NaN without faces."""
    return float(np.median([pearson(face, doses) for face in faces])) if len(faces) else float("nan")


def _leak(response: Response, judge: str) -> dict[str, object]:
    read = _seen(response, judge)
    others = [i for i, unit in enumerate(_UNITS) if unit != response.unit and not aus.together(unit, response.unit)]
    change = np.abs(read[:, -1, others] - read[:, 0, others]).mean(axis=0) if len(read) else np.zeros(len(others))
    worst = int(np.nan_to_num(change).argmax())
    return {"leak": float(np.nanmean(change)), "most": f"{aus.column(_UNITS[others[worst]])} {change[worst]:.1f}"}


def slope(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Steps of `y` for a step of `x`, by least squares; NaN without numbers."""
    return float(np.polyfit(x, y, 1)[0]) if len(x) else float("nan")


def plot(responses: Sequence[Response], path: Path, doses: Sequence[float] = DOSES) -> Path:
    """Draw dose against what the first judge measured, a panel for each unit: every face thin, their mean thick, the command dashed."""
    from matplotlib.figure import Figure

    columns = 5
    figure = Figure(figsize=(2.2 * columns, 2.2 * -(-len(responses) // columns)), layout="constrained")
    panels = figure.subplots(-(-len(responses) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, response in zip(panels, responses, strict=False):
        own = _seen(response, next(iter(response.measured)))[:, :, _UNITS.index(response.unit)]
        panel.plot(doses, own.T, color="tab:blue", alpha=0.2, linewidth=0.8)
        panel.plot(doses, own.mean(axis=0), color="tab:blue", linewidth=2)
        panel.plot([0, 5], [0, 5], color="grey", linestyle="--", linewidth=0.8)
        panel.set_title(f"AU{response.unit} {aus.NAMES[response.unit]}", fontsize=8)
    for panel in panels[len(responses) :]:
        panel.set_axis_off()
    figure.supxlabel("commanded intensity")
    figure.supylabel("measured intensity")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
