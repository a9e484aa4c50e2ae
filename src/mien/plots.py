"""Pictures of readings: a photo with what was read of its faces, and a video's action units over time."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mien import aus, files
from mien.errors import DataError
from mien.tables import LANDMARK68, Row
from mien.types import Reading

_INK, _PALE, _PAPER = "#22262b", "#d9dde2", "#ffffff"
_FACES = ("#ffb000", "#3ddbd9", "#ff7eb6", "#a7f070", "#be95ff", "#ff832b")
REGION_COLORS: Mapping[str, str] = {
    "brows": "#3b6fb6", "eyes": "#2a9d8f", "nose": "#7b5ea7", "cheeks": "#e08a2e", "mouth": "#c8394b", "jaw": "#7d6550",
}  # fmt: skip
_LINES = ("#1f4e9c", "#c8394b", "#2a9d8f", "#e08a2e", "#7b5ea7", "#5a6472", "#b0307a", "#7d8f2b")
#: The iBUG-68 points as curves, first to last; True: closed.
_CURVES = (
    (0, 16, False), (17, 21, False), (22, 26, False), (27, 30, False), (31, 35, False), (36, 41, True), (42, 47, True),
    (48, 59, True), (60, 67, True),
)  # fmt: skip
_COLUMNS = 3  # panels side by side
_MOVES = 0.5  # steps: a unit that never gets there is not drawn over time
_FELT = 0.05  # an emotion whose score never gets there is not drawn either
_LANES = 0.042  # of the height of a panel: the least distance of two names


def photo(rgb: UInt8[np.ndarray, "h w 3"], rows: Sequence[Row]) -> Figure:
    """The picture with box and points of each face, and a panel of action units for each."""
    seen = [row for row in rows if row.reading is not None]
    units = sum(len(u) for u in _measured(seen).values()) if seen else 0
    columns, lines = min(len(seen), _COLUMNS), -(-len(seen) // _COLUMNS)
    height = max(4.2, lines * (0.9 + 0.185 * units)) if seen else 4.2
    shown = min(1.6 * height, height * rgb.shape[1] / rgb.shape[0])
    figure = Figure(figsize=(shown + 4.4 * columns, height), layout="constrained", facecolor=_PAPER)
    grid = figure.add_gridspec(max(lines, 1), 1 + columns, width_ratios=[shown] + [4.4] * columns)
    _picture(figure.add_subplot(grid[:, 0]), rgb, seen)
    for number, row in enumerate(seen):
        axes = figure.add_subplot(grid[number // _COLUMNS, 1 + number % _COLUMNS])
        if row.reading is not None:
            title = f"face {row.face} · {_title(row.reading)}" if len(seen) > 1 else _title(row.reading)
            _bars(axes, row.reading, _measured([row]), title, _FACES[row.face % len(_FACES)])
    return figure


def video(rows: Sequence[Row], face: int = 0) -> Figure:
    """The action units of one face over time, region by region, with emotions above and the pose of the head below.

    Times without the face are gaps. Units that stay below half a step are left out.
    """
    mine = sorted((row for row in rows if row.face == face or row.reading is None), key=lambda row: row.time)
    times = np.array([row.time for row in mine])
    feelings = {n: _over(mine, lambda r, n=n: r.emotions.get(n, np.nan)) for n in aus.EMOTIONS}
    panels: dict[str, tuple[Mapping[str, np.ndarray], tuple[float, float] | None]] = {
        "emotions": ({n: t for n, t in feelings.items() if np.nanmax(t, initial=0) >= _FELT}, (0.0, 1.0)),
    }
    for region, units in _measured(mine).items():
        tracks = {aus.column(u): _over(mine, lambda r, u=u: r.aus[aus.column(u)]) for u in units}
        panels[region] = ({name: t for name, t in tracks.items() if np.nanmax(t, initial=0) >= _MOVES}, (0.0, aus.MAX_INTENSITY))
    panels["head"] = ({n: _over(mine, lambda r, i=i: r.angles[i]) for i, n in enumerate(("pitch", "yaw", "roll"))}, None)
    drawn = {name: (tracks, limits) for name, (tracks, limits) in panels.items() if any(np.isfinite(t).any() for t in tracks.values())}
    figure = Figure(figsize=(11, 0.8 + 1.55 * max(len(drawn), 1)), layout="constrained", facecolor=_PAPER)
    for number, (name, (tracks, limits)) in enumerate(drawn.items()):
        axes = figure.add_subplot(len(drawn), 1, number + 1)
        _tracks(axes, times, tracks, name, limits)
        axes.set_xlabel("seconds" if number == len(drawn) - 1 else "")
    name = Path(rows[0].file).name if rows else ""
    figure.suptitle(f"{name} · face {face}", x=0.01, ha="left", color=_INK, fontsize=12, fontweight="bold")
    return figure


def write(figure: Figure, path: Path | str, *, inputs: Iterable[Path] = ()) -> Path:
    """Write a figure as .png, .pdf or .svg, over none of the files `inputs`; the file appears whole or not at all."""
    path = Path(path)
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise DataError(f"cannot draw a plot to {path.name}: name it .png, .pdf or .svg")
    with files.replacing(path, inputs=inputs, error=DataError) as partial:
        figure.savefig(partial, dpi=150, format=path.suffix[1:].lower())
    return path


def _measured(rows: Sequence[Row]) -> Mapping[str, list[int]]:
    """The units of each region that the readings measure."""
    known = {unit for row in rows if row.reading for unit in aus.NAMES if not np.isnan(row.reading.aus[aus.column(unit)])}
    return {region: [u for u in units if u in known] for region, units in aus.REGIONS.items() if known & set(units)}


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
        axes.plot(*points.T, ".", color=_PAPER, markersize=1.8)
        if len(rows) > 1:
            axes.annotate(str(row.face), (x, y), color=_INK, fontsize=9, va="bottom", bbox={"fc": color, "ec": "none", "pad": 1.5})
    axes.set_xlim(-0.5, rgb.shape[1] - 0.5)
    axes.set_ylim(rgb.shape[0] - 0.5, -0.5)
    if not rows:
        axes.set_title("no face found", loc="left", color=_INK, fontsize=11)


def _bars(axes: Axes, reading: Reading, regions: Mapping[str, list[int]], title: str, mark: str) -> None:
    """A bar for each unit; two thinner ones, left above right, for a unit whose sides were measured."""
    y, ticks, names = 0.0, list[float](), list[str]()
    for region, units in regions.items():
        for unit in units:
            sides = [reading.aus[axis] for axis in aus.axes(aus.column(unit))]
            step = 0.8 / len(sides)
            places = y + (np.arange(len(sides)) - (len(sides) - 1) / 2) * step
            axes.barh(places, aus.MAX_INTENSITY, height=0.86 * step, color=_PALE, alpha=0.45, linewidth=0)
            axes.barh(places, np.nan_to_num(sides), height=0.86 * step, color=REGION_COLORS[region], linewidth=0)
            axes.text(aus.MAX_INTENSITY + 0.12, y, f"{np.mean(sides):.1f}", va="center", fontsize=7, color=_INK)
            ticks.append(y)
            names.append(f"{aus.NAMES[unit]}  {aus.column(unit)}")
            y += 1.0
        y += 0.45
    axes.set_yticks(ticks, names, fontsize=7, color=_INK)
    axes.set_ylim(y - 0.7, -0.7)
    axes.set_xlim(0, aus.MAX_INTENSITY)
    axes.set_xticks(range(6))
    axes.set_xlabel("upper bar: the subject's left, lower bar: right", fontsize=7, color=_INK)
    axes.set_title(title, loc="left", fontsize=8.5, color=_INK, pad=8)
    axes.plot([0, 1], [1.006, 1.006], transform=axes.transAxes, color=mark, linewidth=2.5, clip_on=False)
    _plain(axes)


def _over(rows: Sequence[Row], value: Any) -> Float[np.ndarray, " t"]:
    """A number of each reading; NaN where there is none."""
    return np.array([np.nan if row.reading is None else value(row.reading) for row in rows], dtype=np.float64)


def _tracks(axes: Axes, times: np.ndarray, tracks: Mapping[str, np.ndarray], name: str, limits: tuple[float, float] | None) -> None:
    """Lines over time, each named at its right end."""
    strong = sorted(tracks, key=lambda n: -np.nanmax(np.abs(tracks[n]), initial=0))[: len(_LINES)]
    ends: list[tuple[float, str, str]] = []
    for number, track in enumerate(n for n in tracks if n in strong):
        values = tracks[track]
        color = _LINES[number]
        axes.plot(times, values, color=color, linewidth=1.5, marker="." if len(times) == 1 else None, solid_capstyle="round")
        known = values[np.isfinite(values)]
        ends.append((float(known[-1]) if len(known) else 0.0, track, color))
    if limits is not None:
        axes.set_ylim(limits[0] - 0.02 * limits[1], limits[1] * 1.02)
    axes.set_xlim(times.min(), max(times.max(), times.min() + 1e-3))
    axes.set_title(name, loc="left", fontsize=9, color=_INK, pad=3)
    axes.grid(axis="y", color=_PALE, linewidth=0.6)
    _plain(axes)
    _name_ends(axes, ends)


def _name_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Write the names beside the ends of the lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * _LANES * 3.2
    ends = sorted(ends)
    places = np.array([value for value, _, _ in ends])
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    places -= max(0.0, places[-1] - high) if len(places) else 0.0
    for place, (_, name, color) in zip(places, ends, strict=True):
        axes.annotate(
            name, (1.008, place), xycoords=("axes fraction", "data"), color=color, fontsize=7.5, va="center", annotation_clip=False
        )


def _plain(axes: Axes) -> None:
    axes.tick_params(length=0, labelsize=7, labelcolor=_INK)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
