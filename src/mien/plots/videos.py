"""A person in a video over time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien import aus
from mien.plots.style import INK, PALE, PAPER, by_region, measured, plain, present
from mien.tables import Row

_LINES = ("#1f4e9c", "#c8394b", "#2a9d8f", "#e08a2e", "#7b5ea7", "#5a6472", "#b0307a", "#7d8f2b")
_MOVES = 0.5  # steps: a unit that never gets there is not drawn over time
_FELT = 0.05  # an emotion whose score never gets there is not drawn either
_LANES = 0.042  # of the height of a panel: the least distance of two names


_Tracks = Mapping[str, Float[np.ndarray, " t"]]


def video(rows: Sequence[Row], face: int = 0) -> Figure:
    """The action units of one face over time, region by region, with emotions above and the pose of the head below.

    Times without the face are gaps. Units that stay below half a step are left out, and probabilities of units that are never there.
    """
    mine = sorted((row for row in rows if row.face == face or row.reading is None), key=lambda row: row.time)
    times = np.array([row.time for row in mine])
    drawn = {name: (tracks, limits) for name, tracks, limits in _panels(mine) if any(np.isfinite(t).any() for t in tracks.values())}
    figure = Figure(figsize=(11, 0.8 + 1.55 * max(len(drawn), 1)), layout="constrained", facecolor=PAPER)
    for number, (name, (tracks, limits)) in enumerate(drawn.items()):
        axes = figure.add_subplot(len(drawn), 1, number + 1)
        _tracks(axes, times, tracks, name, limits)
        axes.set_xlabel("seconds" if number == len(drawn) - 1 else "")
    name = Path(rows[0].file).name if rows else ""
    figure.suptitle(f"{name} · face {face}", x=0.01, ha="left", color=INK, fontsize=12, fontweight="bold")
    return figure


def _panels(rows: Sequence[Row]) -> Iterator[tuple[str, _Tracks, tuple[float, float] | None]]:
    """Name, lines and limits of each panel; a line may be unknown at all times."""
    feelings = {name: _over(rows, lambda r, n=name: r.emotions.get(n, np.nan)) for name in aus.EMOTIONS}
    yield "emotions", {name: t for name, t in feelings.items() if np.nanmax(t, initial=0) >= _FELT}, (0.0, 1.0)
    readings = [row.reading for row in rows if row.reading is not None]
    strong, there = ({unit for reading in readings for unit in of(reading)} for of in (measured, present))
    for region, units in by_region(strong | there).items():
        tracks = {aus.column(u): _over(rows, lambda r, u=u: r.aus[aus.column(u)]) for u in units if u in strong}
        yield region, {name: t for name, t in tracks.items() if np.nanmax(t, initial=0) >= _MOVES}, (0.0, aus.MAX_INTENSITY)
        names = [aus.column(unit) for unit in units if unit in there]
        yield f"{region}, probability", {name: _over(rows, lambda r, n=name: r.presence[n].probability) for name in names}, (0.0, 1.0)
    yield "head", {name: _over(rows, lambda r, i=i: r.angles[i]) for i, name in enumerate(("pitch", "yaw", "roll"))}, None


def _over(rows: Sequence[Row], value: Any) -> Float[np.ndarray, " t"]:
    """A number of each reading; NaN where there is none."""
    return np.array([np.nan if row.reading is None else value(row.reading) for row in rows], dtype=np.float64)


def _tracks(axes: Axes, times: np.ndarray, tracks: _Tracks, name: str, limits: tuple[float, float] | None) -> None:
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
    axes.set_title(name, loc="left", fontsize=9, color=INK, pad=3)
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    plain(axes)
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
