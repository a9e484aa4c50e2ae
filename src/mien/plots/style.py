"""What all figures have in common."""

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes

from mien import aus
from mien.types import Reading

INK, PALE, PAPER = "#22262b", "#d9dde2", "#ffffff"
REGION_COLORS: Mapping[str, str] = {
    "brows": "#3b6fb6", "eyes": "#2a9d8f", "nose": "#7b5ea7", "cheeks": "#e08a2e", "mouth": "#c8394b", "jaw": "#7d6550",
    "others": "#5a6472",
}  # fmt: skip


def plain(axes: Axes) -> None:
    """Small letters, and no lines around."""
    axes.tick_params(length=0, labelsize=7, labelcolor=INK)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def by_region(units: Collection[int]) -> Mapping[str, list[int]]:
    """Units region by region, those of the face's own regions first; what networks tell beyond, such as the tongue, are `others`."""
    regions = {region: [unit for unit in there if unit in units] for region, there in aus.REGIONS.items()}
    regions["others"] = sorted(unit for unit in units if unit not in aus.NAMES)
    return {region: there for region, there in regions.items() if there}


def measured(reading: Reading) -> set[int]:
    """The units whose intensity a reading tells."""
    return {unit for unit in aus.NAMES if not np.isnan(reading.aus[aus.column(unit)])}


def detected(reading: Reading) -> set[int]:
    """The units whose presence it tells."""
    return {aus.unit_of(name) for name in reading.presence}


def present(reading: Reading) -> set[int]:
    """The units that it says are there, of whole faces."""
    return {aus.unit_of(name) for name, said in reading.presence.items() if said.present and name[-1] not in "LR"}


def named(unit: int) -> str:
    """``Lip corner puller  AU12``."""
    return f"{aus.NAMES.get(unit, '')}  {aus.column(unit)}".strip()
