"""Where a network sees action units in a face."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float32, UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure

from mien import aus
from mien.faces.align import Square, sample
from mien.plots.style import INK, PAPER
from mien.types import Presence

_SIZE = 192  # pixels of a face
_TILE = 1.75  # inches
_COLUMNS = 7
_ABSENT, _SEEN = "#0072b2", "#e69f00"  # blue and orange: told apart by all eyes (Okabe & Ito 2008)
_COVER = 0.8  # how much of the face the strongest colour covers


def heatmaps(
    rgb: UInt8[np.ndarray, "h w 3"], square: Square, maps: Mapping[str, Float32[np.ndarray, "c c"]], presence: Mapping[str, Presence]
) -> Figure:
    """The face in a square of a photo, and again for each unit with its heatmap over it: orange where it is seen, blue where it is absent.

    Maps go from -1 to 1 and cover the square. Names have what the reader says of the unit, those of present ones are bold.
    """
    face, count = sample(rgb, square, _SIZE), 1 + len(maps)
    lines = -(-count // _COLUMNS)
    columns = -(-count // lines)
    figure = Figure(figsize=(_TILE * columns, (_TILE + 0.36) * lines + 0.5), layout="constrained", facecolor=PAPER)
    tiles = figure.subplots(lines, columns, squeeze=False)
    for axes in tiles.flat:
        axes.set_axis_off()
    first, *others = tiles.flat
    first.imshow(face)
    grey = np.repeat(face.mean(axis=2, keepdims=True), 3, axis=2) / 255
    for axes, (unit, heatmap) in zip(others, maps.items(), strict=False):
        _tile(axes, grey, heatmap)
        _name(axes, unit, presence.get(unit))
    scale = ScalarMappable(Normalize(-1, 1), LinearSegmentedColormap.from_list("seen", [_ABSENT, "#b5b5b5", _SEEN]))
    bar = figure.colorbar(scale, ax=tiles, location="bottom", ticks=[-1, 0, 1], fraction=0.04, aspect=40, shrink=0.5, pad=0.02)
    bar.ax.set_xticklabels(["absent", "0", "seen"], fontsize=7, color=INK)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] - typed as what it is not
    return figure


def _tile(axes: Axes, grey: Float[np.ndarray, "s s 3"], heatmap: Float32[np.ndarray, "c c"]) -> None:
    """A grey face under the colours of a map, which are the denser the further from 0."""
    axes.imshow(grey, extent=(0, 1, 1, 0))
    colors = np.where(heatmap[..., None] > 0, to_rgb(_SEEN), to_rgb(_ABSENT))
    density = _COVER * np.clip(np.abs(heatmap), 0, 1)
    axes.imshow(np.dstack([colors, density]), extent=(0, 1, 1, 0), interpolation="bilinear")


def _name(axes: Axes, unit: str, said: Presence | None) -> None:
    name = f"{unit} {aus.NAMES.get(aus.unit_of(unit), '')}".strip()
    verdict = "" if said is None else f"\n{'present' if said.present else 'absent'}, {said.probability:.0%}"
    axes.set_title(f"{name}{verdict}", fontsize=7, color=INK, loc="left", pad=3, fontweight="bold" if said and said.present else "normal")
