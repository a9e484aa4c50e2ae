"""What FG-Net learns to draw (Yin et al. 2024): for each action unit two round hills on the landmarks where it is seen, up or down.

A unit that is present has hills up to 1, one that is absent has them down to -1, and there is 0 elsewhere. The units of BP4D and DISFA have
the published centres. Those of the others are a choice of mien's, by the muscles and the skin that FACS (Ekman, Friesen & Hager 2002) says
they move: on the landmarks that travel, or where those that travel are the same as a published unit's, on its centres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from mien import aus
from mien.errors import DataError, one_of

SEEN = 256  #: pixels a side of the published crops
_SPREAD = 20 / 128  # of a hill, as a share of the side
_LOWEST = 0.01  # of a hill: below this it is flat
_INNER_EYES = [39, 42]


@dataclass(frozen=True)
class Centres:
    """Where two hills stand, in iBUG's 68 points: on the mean of some, or below it."""

    first: Sequence[int]
    second: Sequence[int]
    down: float = 0.0  #: distances between the inner corners of the eyes


_UPPER_LIDS = Centres((37, 38), (43, 44))
_EYES = Centres(range(36, 42), range(42, 48))
_LIP_CORNERS = Centres((48,), (54,))
_LIPS = Centres((51,), (57,))  # upper and lower
_LOWER_LIP = Centres((56,), (58,))
_CHIN = Centres((56,), (58,), down=0.5)
_CHEEKS = Centres((3, 48), (13, 54))  # between the jaw line above the height of the mouth and its corner

PUBLISHED: Mapping[int, Centres] = {
    1: Centres((21,), (22,)),
    2: Centres((17,), (26,)),
    4: Centres(range(17, 22), range(22, 27)),
    6: Centres(range(36, 42), range(42, 48), down=1.0),
    7: Centres((38,), (43,)),
    9: Centres((39,), (42,)),
    10: Centres((50,), (52,)),
    12: _LIP_CORNERS,
    14: _LIP_CORNERS,
    15: _LIP_CORNERS,
    17: _CHIN,
    23: _LIPS,
    24: _LIPS,
    25: _LIPS,
    26: _LOWER_LIP,
}
CHOSEN: Mapping[int, Centres] = {
    5: _UPPER_LIDS,  # levator palpebrae lifts them
    11: Centres((31, 48), (35, 54)),  # zygomaticus minor deepens the upper furrow between nostril and lip corner
    13: _LIP_CORNERS,  # levator anguli oris
    16: _LOWER_LIP,  # depressor labii inferioris
    18: _LIPS,  # orbicularis oris and what draws the lips to the middle
    20: _LIP_CORNERS,  # risorius draws them back
    22: _LIPS,  # orbicularis oris turns them out
    27: _LOWER_LIP,  # the jaw of 26, further down
    28: _LIPS,  # both vanish over the teeth
    29: _CHIN,
    30: _CHIN,
    33: _CHEEKS,  # buccinator lets go, or draws in
    34: _CHEEKS,
    35: _CHEEKS,
    39: Centres((31,), (35,)),  # the wings of the nose
    41: _UPPER_LIDS,
    42: _EYES,  # orbicularis oculi and a lid that falls: the whole opening
    43: _EYES,
    44: _EYES,
    45: _EYES,
    46: _EYES,
    61: _EYES,  # gaze
    62: _EYES,
    63: _EYES,
    64: _EYES,
}
CENTRES: Mapping[str, Centres] = {aus.column(unit): centres for unit, centres in sorted({**PUBLISHED, **CHOSEN}.items())}


def targets(
    points: Float[np.ndarray, "68 2"], present: Bool[np.ndarray, " n"], units: Sequence[str], size: int, *, seen: int = SEEN
) -> Float32[np.ndarray, "n {size} {size}"]:
    """Heatmaps of `size` x `size` cells, -1..1, for `units` such as ``AU12``.

    `points` are iBUG's 68 in pixels of a crop of `seen` pixels a side (of mien's landmarks ``landmarks[mien.tables.LANDMARK68, :2]``);
    `present` says of each unit whether the face shows it. Centres may lie outside. Cell (x, y) is pixel ``(x, y) * seen / size``, and a
    hill's spread is 20 cells of 128, as published for 128 and 64. Raises `DataError` for what is no whole unit of `CENTRES`.
    """
    cells = np.arange(size, dtype=np.float64)
    apart = (centres(points, units) * size / seen)[..., None] - cells  # n, hill, (x, y), cell
    across, down = np.moveaxis(np.exp(-(apart**2) / (2 * (_SPREAD * size) ** 2)), 2, 0)
    hills = down[..., :, None] * across[..., None, :]
    both = np.where(hills < _LOWEST, 0.0, hills).sum(1)
    return np.clip(np.where(present[:, None, None], both, -both), -1.0, 1.0).astype(np.float32)


def centres(points: Float[np.ndarray, "68 2"], units: Sequence[str]) -> Float[np.ndarray, "n 2 2"]:
    """Where the two hills of each unit stand, in the pixels of the points; raises `DataError` as `targets` does."""
    one = np.array([0.0, np.linalg.norm(np.subtract(*points[_INNER_EYES]))])
    found = [_of(unit) for unit in units]
    return np.array([[points[list(part)].mean(0) + each.down * one for part in (each.first, each.second)] for each in found])


def _of(unit: str) -> Centres:
    if unit not in CENTRES:
        raise DataError(f"a heatmap's unit {one_of(unit, CENTRES)}")
    return CENTRES[unit]
