"""The table of a paper as a picture: F1 of every unit, of readers in each fold and of published methods."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from mien import aus
from mien.metrics.detection.published import Published
from mien.metrics.detection.scores import Detection
from mien.metrics.detection.table import f1_of, units_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GROUP = 0.8  # of the distance of two units: how wide their bars are together
_GREYS = ("lightgrey", "darkgrey", "grey", "dimgrey")
_MARKS = {"read": "o", "consistent": "s", "recalled": "^", "doubtful": "x"}


def plot(tests: Sequence[Detection], peers: Sequence[Published], path: Path) -> Path:
    """Draw `figure` into a file, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure(tests, peers).savefig(path, dpi=110)
    return path


def figure(tests: Sequence[Detection], peers: Sequence[Published]) -> "Figure":
    """F1 in percent by unit, their mean last: each reader's as bars with a line for each fold, published methods as marks whose shape says
    how certain they are.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    units = units_of(tests)
    places = np.arange(len(units) + 1)
    sheet = Figure(figsize=(5 + 0.7 * len(places), 4.5), layout="constrained")
    axes = sheet.subplots()
    width = _GROUP / len(tests)
    for number, found in enumerate(tests):
        _bars(axes, found, units, places + (number + 0.5) * width - _GROUP / 2, width=width, colour=_GREYS[number % len(_GREYS)])
    for peer, colour in zip(peers, colormaps["turbo"].resampled(max(2, len(peers)))(range(len(peers))), strict=True):
        values, average = f1_of(peer, units)
        label = f"{peer.method} ({peer.certainty})"
        axes.scatter(places, [*values.values(), average], color=colour, marker=_MARKS[peer.certainty], s=22, alpha=0.8, label=label)
    axes.set_xticks(places, [*map(aus.column, units), "mean"])
    axes.set_ylim(0, 102)
    plan = tests[0].plan
    readers = ", ".join(found.plan.reader for found in tests)
    axes.set_title(f"{readers} on {plan.coded.name}" + (f", trained on {plan.train}" if plan.train else ""))
    axes.set_ylabel("F1, percent")
    axes.grid(axis="y", alpha=0.3)
    sheet.legend(loc="outside right upper", fontsize=7)
    return sheet


def _bars(axes: "Axes", found: Detection, units: Sequence[int], places: Float[np.ndarray, " n"], *, width: float, colour: str) -> None:
    """One reader."""
    numbers = [*(100 * found.unit(unit, "f1") for unit in units), 100 * found.mean("f1")]
    axes.bar(places, numbers, color=colour, width=width, label=found.plan.reader)
    for fold in found.folds:
        numbers = [*(100 * fold.units[unit].f1 if unit in fold.units else np.nan for unit in units), 100 * fold.mean("f1")]
        label = "its folds" if fold is found.folds[0] else None
        axes.scatter(places, numbers, color="black", marker="_", s=200 * width / _GROUP, linewidth=0.8, label=label)
