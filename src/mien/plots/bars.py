"""The action units of one face: how strong each is, and beside it whether it is there, where the reader says so."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from mien import aus
from mien.plots.style import INK, PALE, REGION_COLORS, by_region, detected, measured, named, plain
from mien.types import Reading

_WIDTH, _BESIDE = 4.4, 2.0  # inches of a panel with names and bars, and of bars beside it
_FULL, _GAP = 0.8, 0.45  # of a line: the bars of a unit, and the space before the next region


def told(reading: Reading) -> set[int]:
    """The units that have a line."""
    return measured(reading) | detected(reading)


def width(reading: Reading) -> float:
    """Inches of a panel."""
    return _WIDTH + _BESIDE * bool(measured(reading) and detected(reading))


def bars(figure: Figure, place: SubplotSpec, reading: Reading, title: str, mark: str) -> None:
    """A line for each unit: a bar; two thinner ones, left above right, for a unit whose sides are told."""
    lines, end = _lines(by_region(told(reading)))
    kinds = [*([_intensities] if measured(reading) else []), *([_presence] if detected(reading) else [])] or [_intensities]
    grid = place.subgridspec(1, len(kinds), width_ratios=[_WIDTH - _BESIDE, _BESIDE][: len(kinds)])
    for number, draw in enumerate(kinds):
        axes = figure.add_subplot(grid[number])
        draw(axes, reading, lines)
        axes.set_yticks([y for y, _ in lines.values()], [named(unit) if number == 0 else "" for unit in lines], fontsize=7, color=INK)
        axes.set_ylim(end, -0.7)
        plain(axes)
        if number == 0:
            axes.set_title(title, loc="left", fontsize=8.5, color=INK, pad=8)
            axes.plot([0, 1], [1.006, 1.006], transform=axes.transAxes, color=mark, linewidth=2.5, clip_on=False)


def _lines(regions: Mapping[str, Sequence[int]]) -> tuple[dict[int, tuple[float, str]], float]:
    """Where the line of each unit is and its colour, and where they end."""
    y, lines = 0.0, dict[int, tuple[float, str]]()
    for region, units in regions.items():
        for unit in units:
            lines[unit] = y, REGION_COLORS[region]
            y += 1.0
        y += _GAP
    return lines, y - 0.7


def _intensities(axes: Axes, reading: Reading, lines: Mapping[int, tuple[float, str]]) -> None:
    """Bars to 5, with the deviation between readers where it is known."""
    known = measured(reading)
    for unit, (y, color) in lines.items():
        if unit not in known:
            continue
        sides = aus.axes(aus.column(unit))
        values = [reading.aus[axis] for axis in sides]
        places, height = _places(y, len(sides))
        _groove(axes, places, height, aus.MAX_INTENSITY)
        axes.barh(places, np.nan_to_num(values), height=height, color=color, linewidth=0)
        _whiskers(axes, places, values, [reading.spread.get(axis, np.nan) for axis in sides])
        axes.text(aus.MAX_INTENSITY + 0.12, y, f"{np.mean(values):.1f}", va="center", fontsize=7, color=INK)
    axes.set_xlim(0, aus.MAX_INTENSITY)
    axes.set_xticks(range(6))
    axes.set_xlabel("upper bar: the subject's left, lower bar: right", fontsize=7, color=INK)


def _presence(axes: Axes, reading: Reading, lines: Mapping[int, tuple[float, str]]) -> None:
    """Bars to 1, filled where the unit is present, with the deviation between readers where it is known."""
    for unit, (y, color) in lines.items():
        whole = aus.column(unit)
        sides = [side for side in (f"{whole}L", f"{whole}R") if side in reading.presence] or [whole]
        said = [reading.presence[side] for side in sides if side in reading.presence]
        if not said:
            continue
        places, height = _places(y, len(said))
        _groove(axes, places, height, 1.0)
        values, fills = [each.probability for each in said], [color if each.present else "none" for each in said]
        axes.barh(places, values, height=height, color=fills, edgecolor=color, linewidth=0.7)
        _whiskers(axes, places, values, [each.spread for each in said])
        own = reading.presence.get(whole)
        probability, there = (own.probability, own.present) if own else (np.mean(values), any(each.present for each in said))
        axes.text(1.03, y, f"{probability:.0%}", va="center", fontsize=7, color=INK, fontweight="bold" if there else "normal")
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1])
    axes.set_xlabel("probability; filled: present", fontsize=7, color=INK)


def _places(y: float, count: int) -> tuple[list[float], float]:
    """The middles of the bars of a unit, and how thick they are."""
    step = _FULL / count
    return [y + (number - (count - 1) / 2) * step for number in range(count)], 0.86 * step


def _groove(axes: Axes, places: Sequence[float], height: float, end: float) -> None:
    axes.barh(places, end, height=height, color=PALE, alpha=0.45, linewidth=0)


def _whiskers(axes: Axes, places: Sequence[float], values: Sequence[float], spread: Sequence[float]) -> None:
    known = [each for each in zip(values, places, spread, strict=True) if np.isfinite(each[2])]
    for value, y, deviation in known:
        axes.plot([value - deviation, value + deviation], [y, y], color=INK, linewidth=0.9, solid_capstyle="butt")
