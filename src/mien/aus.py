"""Facial action units: names, axes, and the arithmetic of measured values and changes.

An *action unit* (AU) is a numbered facial movement of FACS (Ekman, Friesen & Hager 2002). Its intensity runs from 0 (absent) to
5 (FACS letter E), linearly. Left and right are the **subject's**.

An *axis* is what can move on its own: ``AU12L`` and ``AU12R`` for a unit whose sides move separately, ``AU17`` for one in the
middle of the face. `AUVector` is a measurement along the axes and `AUShift` a change, as `datetime` and `timedelta` are.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from mien.errors import EditError, one_of

MAX_INTENSITY = 5.0

NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "Inner brow raiser", 2: "Outer brow raiser", 4: "Brow lowerer", 5: "Upper lid raiser", 6: "Cheek raiser",
        7: "Lid tightener", 9: "Nose wrinkler", 10: "Upper lip raiser", 11: "Nasolabial deepener", 12: "Lip corner puller",
        13: "Sharp lip puller", 14: "Dimpler", 15: "Lip corner depressor", 16: "Lower lip depressor", 17: "Chin raiser",
        18: "Lip pucker", 20: "Lip stretcher", 22: "Lip funneler", 23: "Lip tightener", 24: "Lip pressor", 25: "Lips part",
        26: "Jaw drop", 27: "Mouth stretch", 28: "Lip suck", 29: "Jaw thrust", 30: "Jaw sideways", 33: "Cheek blow",
        34: "Cheek puff", 35: "Cheek suck", 39: "Nostril compressor", 41: "Lid droop", 42: "Slit", 43: "Eyes closed",
        44: "Squint", 45: "Blink", 46: "Wink", 61: "Eyes turn left", 62: "Eyes turn right", 63: "Eyes up", 64: "Eyes down",
    }
)  # fmt: skip

#: Units whose left and right move separately. AU30 (jaw sideways) and AU46 (wink) exist only as a left or a right.
SIDED: frozenset[int] = frozenset({1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 20, 30, 33, 34, 35, 39, 41, 42, 43, 44, 45, 46})

REGIONS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "brows": (1, 2, 4),
        "eyes": (5, 6, 7, 41, 42, 43, 44, 45, 46, 61, 62, 63, 64),
        "nose": (9, 11, 39),
        "cheeks": (33, 34, 35),
        "mouth": (10, 12, 13, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 28),
        "jaw": (26, 27, 29, 30),
    }
)

#: What ``--only`` of a transfer moves: the regions of the tables, as people speak of them.
PARTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "brows": REGIONS["brows"],
        "eyes": REGIONS["eyes"],
        "mouth": REGIONS["nose"] + REGIONS["cheeks"] + REGIONS["mouth"] + REGIONS["jaw"],
    }
)

#: Emotions as AU intensities 0..5, after the usual EMFACS prototypes (Ekman & Friesen 1983); the weights are a choice.
TOGETHER: tuple[frozenset[int], ...] = tuple(map(frozenset, ((25, 26, 27), (41, 42, 43, 45, 46), (1, 2), (6, 7), (9, 10))))
"""Units that are one movement more or less, or of one muscle (Ekman & Friesen 1978): that one rises with the other is no leak. 26 and 27
part the lips; lids fall by degrees; frontalis raises the brows, orbicularis oculi narrows the eyes, levator labii superioris the lip."""

EMOTIONS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "neutral": {},
        "happiness": {"AU06": 4.0, "AU12": 4.5, "AU25": 2.5},
        "surprise": {"AU01": 4.5, "AU02": 4.5, "AU05": 4.0, "AU25": 1.5, "AU26": 4.5},
        "sadness": {"AU01": 4.5, "AU04": 3.0, "AU15": 4.0, "AU17": 1.5},
        "anger": {"AU04": 5.0, "AU05": 2.0, "AU07": 3.5, "AU23": 4.0, "AU24": 1.5},
        "disgust": {"AU09": 4.0, "AU10": 2.0, "AU15": 2.0, "AU17": 2.0},
        "fear": {"AU01": 4.5, "AU02": 3.0, "AU04": 3.5, "AU05": 4.5, "AU20": 3.5, "AU25": 2.0},
        "contempt": {"AU12R": 3.5, "AU14R": 3.5},
    }
)


def _axes_of(unit: int) -> tuple[str, ...]:
    return (f"AU{unit:02d}L", f"AU{unit:02d}R") if unit in SIDED else (f"AU{unit:02d}",)


#: Every axis, in the order of all AU arrays in mien.
AXES: tuple[str, ...] = tuple(axis for unit in NAMES for axis in _axes_of(unit))
_INDEX = {axis: i for i, axis in enumerate(AXES)}
_AU = re.compile(r"^AU\s?0*(\d{1,2})([LR]?)$", re.IGNORECASE)


def axes(name: str) -> tuple[str, ...]:
    """The axes that an AU name stands for.

    >>> axes("AU12"), axes("au1l"), axes("AU017")
    (('AU12L', 'AU12R'), ('AU01L',), ('AU17',))

    Raises `EditError` for a unit that FACS or mien does not know, and for a side of a unit in the middle of the face.
    """
    match = _AU.match(name.strip())
    if match is None:
        raise EditError(f"{name!r} is not an action unit: write it like AU12, AU1 or AU12L")
    unit, side = int(match[1]), match[2].upper()
    if unit not in NAMES:
        known = ", ".join(str(u) for u in NAMES)
        raise EditError(f"AU{unit} is not an action unit that mien knows; it knows {known}")
    if not side:
        return _axes_of(unit)
    if unit not in SIDED:
        raise EditError(f"AU{unit} ({NAMES[unit]}) moves the middle of the face and has no left or right: write AU{unit}")
    return (f"AU{unit:02d}{side}",)


@cache
def _places(name: str) -> tuple[int, ...]:
    return tuple(_INDEX[axis] for axis in axes(name))


def unit_of(axis: str) -> int:
    """The FACS number of an axis: ``unit_of("AU12L") == 12``."""
    return int(axis[2:4])


def column(unit: int) -> str:
    """The table column of a unit: ``column(1) == "AU01"``."""
    return f"AU{unit:02d}"


def columns(axes: Collection[str]) -> list[str]:
    """The table columns of axes, each once, in their order."""
    return list(dict.fromkeys(column(unit_of(axis)) for axis in AXES if axis in axes))


def written(axes: Collection[str]) -> str:
    """Axes as a user would write them, in their order: a unit once where all of it is there, else the side that is.

    >>> written(["AU25", "AU12R", "AU12L", "AU46L"])
    'AU12, AU25, AU46L'
    """
    there = [tuple(axis for axis in _axes_of(unit) if axis in axes) for unit in NAMES]
    return ", ".join(column(unit) if part == _axes_of(unit) else ", ".join(part) for unit, part in zip(NAMES, there, strict=True) if part)


def together(one: int, other: int) -> bool:
    """Whether two units move together, see `TOGETHER`."""
    return any({one, other} <= group for group in TOGETHER)


def mirror(axis: str) -> str:
    """The same movement on the other side: ``mirror("AU12L") == "AU12R"``; gaze left and right swap."""
    swapped = {"AU61": "AU62", "AU62": "AU61"}
    return swapped.get(axis, axis.translate(str.maketrans("LR", "RL")) if axis[-1] in "LR" else axis)


@dataclass(frozen=True, eq=False)
class _Axial:
    """Numbers along `AXES`; the shared part of a measurement and a change."""

    values: Float[np.ndarray, " axes"]

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.shape != (len(AXES),):
            raise ValueError(f"{type(self).__name__} needs {len(AXES)} numbers, one per axis; got shape {values.shape}")
        values = values.copy()
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def __getitem__(self, name: str) -> float:
        """The value of an axis, or the mean of both sides: ``v["AU12L"]``, ``v["AU12"]``."""
        places = _places(name)
        return float(sum(self.values[place] for place in places) / len(places))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and np.array_equal(self.values, other.values, equal_nan=True)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.values.tobytes())

    def items(self) -> Iterator[tuple[str, float]]:
        """Axis and value, for every axis whose value is neither 0 nor unknown."""
        return ((a, float(v)) for a, v in zip(AXES, self.values, strict=True) if v != 0 and not np.isnan(v))

    def __repr__(self) -> str:
        inside = ", ".join(f"{axis}={value:+.2f}" for axis, value in self.items())
        return f"{type(self).__name__}({inside})"


def _fill(pairs: Mapping[str, float] | Iterable[tuple[str, float]], start: float) -> Float[np.ndarray, " axes"]:
    values = np.full(len(AXES), start)
    for name, value in dict(pairs).items():
        for axis in axes(name):
            values[_INDEX[axis]] = value
    return values


@dataclass(frozen=True, eq=False, repr=False)
class AUShift(_Axial):
    """A change of expression: steps along `AXES`, of either sign."""

    @staticmethod
    def of(pairs: Mapping[str, float]) -> "AUShift":
        """``AUShift.of({"AU12": 2, "AU04L": -1})``."""
        return AUShift(_fill(pairs, 0.0))

    def __add__(self, other: "AUShift") -> "AUShift":
        return AUShift(self.values + other.values)

    def __sub__(self, other: "AUShift") -> "AUShift":
        return AUShift(self.values - other.values)

    def __neg__(self) -> "AUShift":
        return AUShift(-self.values)

    def __mul__(self, factor: float) -> "AUShift":
        return AUShift(self.values * factor)

    __rmul__ = __mul__

    def only(self, part: str) -> "AUShift":
        """The change inside one of `PARTS`, nothing elsewhere."""
        if part not in PARTS:
            raise EditError(f"part {one_of(part, PARTS)}")
        keep = np.array([unit_of(axis) in PARTS[part] for axis in AXES])
        return AUShift(np.where(keep, self.values, 0.0))

    def within(self, axes: Collection[str]) -> "AUShift":
        """The change along these axes, nothing along others."""
        return AUShift(np.where([axis in axes for axis in AXES], self.values, 0.0))

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes that this change touches."""
        return tuple(axis for axis, _ in self.items())


@dataclass(frozen=True, eq=False, repr=False)
class AUVector(_Axial):
    """A measured expression: intensities 0..5 along `AXES`; NaN where the reader does not measure the axis."""

    @staticmethod
    def of(pairs: Mapping[str, float], *, others: float = 0.0) -> "AUVector":
        """``AUVector.of({"AU12": 3})``; axes not named get `others` (NaN: not measured)."""
        return AUVector(_fill(pairs, others))

    @staticmethod
    def neutral() -> "AUVector":
        """Nothing moves."""
        return AUVector(np.zeros(len(AXES)))

    @property
    def known(self) -> "AUVector":
        """The same with 0 for what was not measured."""
        return AUVector(np.nan_to_num(self.values, nan=0.0))

    def __add__(self, shift: AUShift) -> "AUVector":
        """The expression after a change, kept within 0..5."""
        return AUVector(np.clip(self.values + shift.values, 0.0, MAX_INTENSITY))

    def __sub__(self, other: "AUVector") -> AUShift:
        """The change that leads from `other` to this; no change along axes that either does not measure."""
        return AUShift(np.nan_to_num(self.values - other.values, nan=0.0))


def emotion(name: str) -> AUVector:
    """The prototype of an emotion as AU intensities; raises `EditError` for an unknown one."""
    if name not in EMOTIONS:
        raise EditError(f"emotion {one_of(name, EMOTIONS)}")
    return AUVector.of(EMOTIONS[name])
