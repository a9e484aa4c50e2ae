"""F1 of action units as published, with who published it, where it was taken from, and how certain it is: ``metrics/published/*.csv``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

import pandas as pd

from mien import aus

#: What is known of how a row came here.
CERTAINTY: Mapping[str, str] = MappingProxyType(
    {
        "read": "read in the source that is named",
        "consistent": "quoted without the publication at hand, and the mean of its units is the one printed",
        "recalled": "quoted without the publication at hand",
        "doubtful": "quoted so, and unsure",
    }
)
_ROUNDING = 0.1  # percent: units and averages are printed with one digit, 0.05 of each


@dataclass(frozen=True)
class Published:
    """One method on one corpus."""

    method: str
    citation: str
    source: str  #: where the numbers were taken from
    certainty: str  #: of `CERTAINTY`
    units: tuple[int, ...]  #: what the average is of
    f1: Mapping[int, float]  #: percent, of each of these units; {} when only the average is known
    average: float  #: as it was printed, percent

    @property
    def differs(self) -> bool:
        """Whether the average that was printed is not the mean of the units that were."""
        return bool(self.f1) and abs(sum(self.f1.values()) / len(self.f1) - self.average) > _ROUNDING


def published(test: str, train: str = "") -> Sequence[Published]:
    """The rows of a corpus, in three folds of which two were trained on; or of one that was tested by what was trained on another."""
    name = f"{train}-{test}.csv" if train not in ("", test) else f"{test}.csv"
    with resources.files("mien.metrics").joinpath("published", name).open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    units = [unit for unit in aus.NAMES if aus.column(unit) in table]
    return [
        Published(
            **{key: str(row[key]) for key in ("method", "citation", "source", "certainty")},
            units=tuple(units),
            f1={unit: float(row[aus.column(unit)]) for unit in units if not math.isnan(row[aus.column(unit)])},
            average=float(row["printed"]),
        )
        for row in table.to_dict("records")
    ]
