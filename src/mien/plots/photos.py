"""A photo and what was read of its faces."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mien.plots.bars import bars, told, width
from mien.plots.style import INK, PAPER
from mien.tables import LANDMARK68, Row
from mien.types import Reading

_FACES = ("#ffb000", "#3ddbd9", "#ff7eb6", "#a7f070", "#be95ff", "#ff832b")
#: The iBUG-68 points as curves, first to last; True: closed.
_CURVES = (
    (0, 16, False), (17, 21, False), (22, 26, False), (27, 30, False), (31, 35, False), (36, 41, True), (42, 47, True),
    (48, 59, True), (60, 67, True),
)  # fmt: skip
_COLUMNS = 3  # panels side by side


def photo(rgb: UInt8[np.ndarray, "h w 3"], rows: Sequence[Row]) -> Figure:
    """The picture with box and points of each face, and a panel of action units for each."""
    seen = [row for row in rows if row.reading is not None]
    readings = [row.reading for row in rows if row.reading is not None]
    units = len({unit for reading in readings for unit in told(reading)})
    columns, lines = min(len(seen), _COLUMNS), -(-len(seen) // _COLUMNS)
    height = max(4.2, lines * (0.9 + 0.185 * units))
    shown = min(1.6 * height, height * rgb.shape[1] / rgb.shape[0])
    panel = max((width(reading) for reading in readings), default=0.0)
    figure = Figure(figsize=(shown + panel * columns, height), layout="constrained", facecolor=PAPER)
    grid = figure.add_gridspec(max(lines, 1), 1 + columns, width_ratios=[shown] + [panel] * columns)
    _picture(figure.add_subplot(grid[:, 0]), rgb, seen)
    for number, (row, reading) in enumerate(zip(seen, readings, strict=True)):
        place = grid[number // _COLUMNS, 1 + number % _COLUMNS]
        title = f"face {row.face} · {_title(reading)}" if len(seen) > 1 else _title(reading)
        bars(figure, place, reading, title, _FACES[row.face % len(_FACES)])
    return figure


def _title(reading: Reading) -> str:
    pitch, yaw, roll = reading.angles
    name = max(reading.emotions, key=lambda n: reading.emotions[n], default="")
    feeling = f"{name} {reading.emotions[name]:.0%} · " if name else ""
    return f"{feeling}pitch {pitch:+.0f}° yaw {yaw:+.0f}° roll {roll:+.0f}°"


def _picture(axes: Axes, rgb: np.ndarray, rows: Sequence[Row]) -> None:
    axes.imshow(rgb, interpolation="antialiased")
    axes.set_axis_off()
    for row in rows:
        if row.reading is None:
            continue
        face, color = row.reading.face, _FACES[row.face % len(_FACES)]
        x, y, width, height = face.box
        axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=1.6))
        points = face.landmarks[LANDMARK68, :2]
        curves = [points[[*range(first, last + 1), *([first] if closed else [])]] for first, last, closed in _CURVES]
        axes.add_collection(LineCollection(curves, colors=color, linewidths=0.9, alpha=0.9))
        axes.plot(*points.T, ".", color=PAPER, markersize=1.8)
        if len(rows) > 1:
            axes.annotate(str(row.face), (x, y), color=INK, fontsize=9, va="bottom", bbox={"fc": color, "ec": "none", "pad": 1.5})
    axes.set_xlim(-0.5, rgb.shape[1] - 0.5)
    axes.set_ylim(rgb.shape[0] - 0.5, -0.5)
    if not rows:
        axes.set_title("no face found", loc="left", color=INK, fontsize=11)
