"""How well edits do what they command: a dose and response for each action unit.

A unit is set to 0, 1, .. 5 on many faces, and the reader measures each edited picture against the photo, once on each judge's landmarks.
*r* is Pearson's correlation of measured with commanded intensity over all faces and doses, *within* its median over single faces, *slope*
the steps measured for a step commanded, *rmse* the root of the mean squared difference of both, in steps. The reader follows the pixels
from the photo to the edit as well; *landmarks* are the same numbers of how far the bare landmarks of the first judge go along the unit's
direction of the head model. *Leak* is how much each other unit changes, on average, from the lowest to the highest dose; its worst names
the unit. What an edit must keep is measured at the highest dose, as a mean over faces.

A reader that cannot compare pictures reads each edited one on its own. Of a unit whose intensity it does not measure its *probability*
counts, 0..1 and no steps: its correlation with the command, its mean at the lowest and the highest dose, and how far the others' went.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
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
COMPARING = ("teacher", "own")  #: judges whose reader compares each picture with its photo, by whose landmarks they see; others are readers

_UNITS = list(aus.NAMES)


@dataclass(frozen=True, eq=False)
class Response:
    """What was measured when one unit was set to each dose."""

    unit: int
    moved: Float[np.ndarray, "faces doses"]  #: steps along the unit's direction; NaN where no face was found
    measured: Mapping[str, Float[np.ndarray, "faces doses units"]]  #: judge -> intensities along `aus.NAMES`; NaN where no face was found
    kept: Mapping[str, Float[np.ndarray, "faces doses"]] = field(default_factory=dict)  #: what an edit must keep, by name; NaN if not known
    likely: Mapping[str, Float[np.ndarray, "faces doses units"]] = field(default_factory=dict)  #: judge -> probabilities, where it says any


def movable(moves: Collection[str], wanted: str = "") -> tuple[int, ...]:
    """Those of `UNITS` whose every axis an engine moves; of the `wanted` ones, such as "1,2,12", if any are named.

    Raises `UsageError` for a name that is not of one of them.
    """
    can = tuple(unit for unit in UNITS if all(axis in moves for axis in aus.axes(aus.column(unit))))
    return named(wanted, can)


def table(responses: Sequence[Response], doses: Sequence[float] = DOSES) -> pd.DataFrame:
    """A row for each unit: `au, faces`; `r`, `within`, `slope` and `rmse` of bare landmarks and of each judge; `leak, most`; the same of
    probabilities, which have a `p` in their names; what must be kept: see the module.
    """
    commanded = np.asarray(doses, dtype=np.float64)
    return _rows(responses, _bare, _followed, _leaked, _likely, _kept, doses=commanded)


def solved(responses: Sequence[Response], doses: Sequence[float]) -> pd.DataFrame:
    """A row for each unit: `au, faces`; for each judge the share of faces and doses that are `met`, and the median `error` in steps, or of
    probabilities what `table` says; what must be kept.
    """
    return _rows(responses, _counted, _met, _likely, _kept, doses=np.asarray(doses, dtype=np.float64))


Doses = Float[np.ndarray, " doses"]
Columns = Mapping[str, object]


def _rows(responses: Sequence[Response], *parts: Callable[[Response, Doses], Columns], doses: Doses) -> pd.DataFrame:
    """The columns of one part after the other; what a unit has nothing in is empty."""
    return pd.concat([pd.DataFrame([part(response, doses) for response in responses]) for part in parts], axis=1)


def _bare(response: Response, doses: Doses) -> Columns:
    """How the landmarks follow the command, of faces that were found at every dose."""
    moved = response.moved[np.isfinite(response.moved).all(axis=1)]
    return {"au": aus.column(response.unit), "faces": len(moved)} | _steps("landmarks", doses, moved)


def _counted(response: Response, doses: Doses) -> Columns:
    return {"au": aus.column(response.unit), "faces": len(response.moved)}


def _followed(response: Response, doses: Doses) -> Columns:
    """How the intensities of each judge follow the command."""
    found: dict[str, object] = {}
    for judge in _graded(response):
        name = f"{judge} + pixels" if judge in COMPARING else judge
        found |= _steps(name, doses, _of(response.unit, _seen(response.measured[judge], response.unit)))
    return found


def _steps(name: str, doses: Doses, steps: Float[np.ndarray, "n doses"]) -> dict[str, object]:
    """How measured steps follow the command."""
    commanded = np.broadcast_to(doses, steps.shape).ravel()
    return _rising(name, doses, steps) | {
        f"{name} slope": slope(commanded, steps.ravel()),
        f"{name} rmse": float(np.sqrt(np.mean((steps.ravel() - commanded) ** 2))) if steps.size else float("nan"),
    }


def _rising(name: str, doses: Doses, numbers: Float[np.ndarray, "n doses"]) -> dict[str, object]:
    """How any numbers rise with the command."""
    commanded = np.broadcast_to(doses, numbers.shape).ravel()
    return {f"{name} r": pearson(numbers.ravel(), commanded), f"{name} within": _within(doses, numbers)}


def _leaked(response: Response, doses: Doses) -> Columns:
    """How far the other units went, as the first judge sees it."""
    judge = next(iter(_graded(response)), None)
    return {} if judge is None else _leak(response.measured[judge], response.unit)


def _likely(response: Response, doses: Doses) -> Columns:
    """How probabilities follow the command, of judges that say no intensity of the unit."""
    found: dict[str, object] = {}
    for judge, values in response.likely.items():
        if judge not in _graded(response):
            numbers = _of(response.unit, _seen(values, response.unit))
            low, high = numbers[:, [0, -1]].mean(axis=0).tolist() if len(numbers) else (float("nan"),) * 2
            found |= _rising(f"{judge} p", doses, numbers) | {f"{judge} p low": low, f"{judge} p high": high}
            found |= {f"{judge} p {name}": value for name, value in _leak(values, response.unit, digits=2).items()}
    return found


def _kept(response: Response, doses: Doses) -> Columns:
    """What must be kept, at the highest dose; NaN where it is known of no face."""
    last = {name: values[:, -1] for name, values in response.kept.items()}
    return {name: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan") for name, values in last.items()}


def _met(response: Response, doses: Doses) -> Columns:
    """How often commands are met."""
    found: dict[str, object] = {}
    for judge in _graded(response):
        error = np.abs(_of(response.unit, response.measured[judge]) - doses)
        found |= {f"{judge} met": float((error <= MET).mean()), f"{judge} error": float(np.nanmedian(error))}
    return found


def curves(response: Response) -> dict[str, Any]:
    """All numbers behind a row, for JSON, by face and dose: `moved`, what each judge `measured` of the unit itself and how `likely` it is
    to it, what was `kept`.
    """
    return {
        "au": aus.column(response.unit),
        "moved": response.moved.tolist(),
        "measured": {judge: _of(response.unit, values).tolist() for judge, values in response.measured.items()},
        "likely": {judge: _of(response.unit, values).tolist() for judge, values in response.likely.items()},
        "kept": {name: values.tolist() for name, values in response.kept.items()},
    }


def _graded(response: Response) -> list[str]:
    """The judges that say how strong the unit is, and not only how likely."""
    told = {judge: np.isfinite(_of(response.unit, values)).any() for judge, values in response.measured.items()}
    return [judge for judge in told if told[judge] or judge not in response.likely]


def _of(unit: int, values: Float[np.ndarray, "n doses units"]) -> Float[np.ndarray, "n doses"]:
    return values[:, :, _UNITS.index(unit)]


def _seen(values: Float[np.ndarray, "faces doses units"], unit: int) -> Float[np.ndarray, "seen doses units"]:
    """Those of the faces on which a unit was read at every dose."""
    return values[np.isfinite(_of(unit, values)).all(axis=1)]


def _within(doses: Doses, faces: Float[np.ndarray, "n doses"]) -> float:
    """The median correlation of single faces; NaN without faces."""
    return float(np.median([pearson(face, doses) for face in faces])) if len(faces) else float("nan")


def _leak(values: Float[np.ndarray, "faces doses units"], unit: int, *, digits: int = 1) -> dict[str, object]:
    read = _seen(values, unit)
    apart = [place for place, other in enumerate(_UNITS) if other != unit and not aus.together(other, unit)]
    others = [place for place in apart if np.isfinite(read[..., place]).all()]
    if not len(read) or not others:
        return {"leak": float("nan"), "most": ""}
    change = np.abs(read[:, -1, others] - read[:, 0, others]).mean(axis=0)
    worst = int(change.argmax())
    return {"leak": float(change.mean()), "most": f"{aus.column(_UNITS[others[worst]])} {change[worst]:.{digits}f}"}


def slope(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Steps of `y` for a step of `x`, by least squares; NaN without numbers."""
    return float(np.polyfit(x, y, 1)[0]) if len(x) else float("nan")


def plot(responses: Sequence[Response], path: Path, doses: Sequence[float] = DOSES) -> Path:
    """Draw dose against what the first judge measured, a panel for each unit: every face thin, their mean thick, the command dashed; of
    probabilities as their titles say.
    """
    from matplotlib.figure import Figure

    columns = 5
    likely = [not _graded(response) for response in responses]
    figure = Figure(figsize=(2.2 * columns, 2.2 * -(-len(responses) // columns)), layout="constrained")
    panels = figure.subplots(-(-len(responses) // columns), columns, sharex=True, sharey=not any(likely), squeeze=False).ravel()
    for panel, response, is_likely in zip(panels, responses, likely, strict=False):
        first = next(iter((response.likely if is_likely else response.measured).values()))
        own = _of(response.unit, _seen(first, response.unit))
        panel.plot(doses, own.T, color="tab:blue", alpha=0.2, linewidth=0.8)
        panel.plot(doses, own.mean(axis=0), color="tab:blue", linewidth=2)
        if is_likely:
            panel.set_ylim(0, 1)
        else:
            panel.plot([0, 5], [0, 5], color="grey", linestyle="--", linewidth=0.8)
        title = f"AU{response.unit} {aus.NAMES[response.unit]}"
        panel.set_title(f"{title}, probability" if is_likely else title, fontsize=8)
    for panel in panels[len(responses) :]:
        panel.set_axis_off()
    figure.supxlabel("commanded intensity")
    figure.supylabel("measured intensity, or probability" if any(likely) else "measured intensity")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
