"""When it is true what captions say of a face, and how words of it are graded.

A meaning holds to a degree 0..1 of what a picture shows. That is computed from action units and the turn of the head, for many pictures at
once, so of any caption and any picture it is known whether they go together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from mien import aus
from mien.aus import AXES, EMOTIONS

Degrees = Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Shown:
    """What pictures show."""

    aus: Float[np.ndarray, "n axes"]  #: intensities 0..5 along `AXES`
    turn: Float[np.ndarray, "n 3"]  #: degrees: up, to the subject's own right, head tilted towards the subject's left shoulder
    drawn: Float[np.ndarray, " n"]  #: 1 of a drawn head, 0 of a photo

    def unit(self, name: str) -> Degrees:
        """The intensity along an axis, or the mean over both sides."""
        return self.aus[:, [AXES.index(axis) for axis in aus.axes(name)]].mean(axis=1)

    def most(self, *names: str) -> Degrees:
        """The intensity of the strongest."""
        return np.maximum.reduce([self.unit(name) for name in names])


@dataclass(frozen=True, eq=False)
class Meaning:
    """One thing that may be said."""

    name: str
    holds: Callable[[Shown], Degrees]
    adjectives: tuple[str, ...] = ()  #: "a {} face", "someone who is {}"
    nouns: tuple[str, ...] = ()  #: "a face with {}"
    weight: float = 1.0  #: how often it is said, beside others that hold


def rises(values: Degrees, low: float, high: float) -> Degrees:
    """0 up to `low`, 1 from `high` on, linear between."""
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def present(values: Degrees) -> Degrees:
    """An intensity that is seen."""
    return rises(values, 0.7, 2.0)


def absent(values: Degrees) -> Degrees:
    """One that is not."""
    return 1.0 - rises(values, 0.4, 1.2)


def slight(values: Degrees) -> Degrees:
    """One that is seen, and not much of it."""
    return rises(values, 0.4, 1.0) * (1.0 - rises(values, 1.9, 2.8))


def strong(values: Degrees) -> Degrees:
    """One that nobody overlooks."""
    return rises(values, 2.4, 3.6)


_GRADES: Mapping[str, tuple[Callable[[Degrees], Degrees], tuple[str, ...]]] = {
    "": (present, ("",)),
    "slight": (slight, ("slightly", "a little", "a bit", "somewhat", "mildly", "barely")),
    "strong": (strong, ("very", "strongly", "extremely", "really", "much")),
}
_BEFORE_NOUNS = {"": ("",), "slight": ("slight", "faint", "small", "weak"), "strong": ("strong", "extreme", "big", "intense")}


def graded(
    name: str,
    value: Callable[[Shown], Degrees],
    adjectives: str = "",
    nouns: str = "",
    *,
    slight: str = "",
    strong: str = "",
    weight: float = 1.0,
) -> list[Meaning]:
    """A meaning, and what it is when it shows slightly or strongly; words are divided by bars, `slight` and `strong` are adjectives."""
    made: list[Meaning] = []
    own = {"": (), "slight": split(slight), "strong": split(strong)}
    for grade, (holds, adverbs) in _GRADES.items():
        made.append(
            Meaning(
                f"{grade} {name}".strip(),
                lambda shown, holds=holds: holds(value(shown)),
                (*own[grade], *(f"{adverb} {word}".strip() for word in split(adjectives) for adverb in adverbs)),
                tuple(_with(word, before) for word in split(nouns) for before in _BEFORE_NOUNS[grade]),
                weight if grade == "" else weight / 2,
            )
        )
    return made


def split(words: str) -> tuple[str, ...]:
    """Words that are divided by bars."""
    return tuple(words.split("|")) if words else ()


def _with(noun: str, before: str) -> str:
    """``a smile`` with ``big``: ``a big smile``."""
    article, _, rest = noun.partition(" ")
    return noun if not before else f"{article} {before} {rest}" if article in ("a", "the") else f"{before} {noun}"


def units(*names: str) -> Callable[[Shown], Degrees]:
    """The strongest of some units."""
    return lambda shown: shown.most(*names)


def one_side(name: str, side: str) -> Callable[[Shown], Degrees]:
    """By how much one side of a unit outdoes the other."""
    other = "R" if side == "L" else "L"
    return lambda shown: shown.unit(name + side) - 1.5 * shown.unit(name + other)


def turned(axis: int, sign: float, low: float, high: float) -> Callable[[Shown], Degrees]:
    """A head turned by so many degrees, see `Shown`."""
    return lambda shown: rises(sign * shown.turn[:, axis], low, high)


@cache
def _prototypes() -> tuple[Float[np.ndarray, "e a"], Float[np.ndarray, " a"]]:
    """Directions of the emotions, and which axes count: gaze does not."""
    counts = np.array([aus.unit_of(axis) < 60 for axis in AXES], dtype=float)
    made = np.stack([aus.emotion(name).values for name in EMOTIONS])
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9), counts


def emotion(name: str) -> Callable[[Shown], Degrees]:
    """How strongly an emotion shows, 0..5: along its prototype, where the expression is like it and liker than to any other."""

    def value(shown: Shown) -> Degrees:
        prototypes, counts = _prototypes()
        seen = shown.aus * counts
        along = seen @ prototypes.T
        alike = along / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-9)
        this = list(EMOTIONS).index(name)
        others = np.delete(alike, this, axis=1).max(axis=1)
        sure = rises(alike[:, this], 0.45, 0.7) * rises(alike[:, this] - others, -0.05, 0.1)
        strongest = float(np.linalg.norm(aus.emotion(name).values))
        return aus.MAX_INTENSITY * np.clip(along[:, this] / strongest, 0.0, 1.0) * sure

    return value


def neutral(shown: Shown) -> Degrees:
    """Faces that show nothing."""
    _, counts = _prototypes()
    return 1.0 - rises(np.sqrt(((shown.aus * counts) ** 2).sum(axis=1)), 2.5, 5.0)


def closed(shown: Shown) -> Degrees:
    """Mouths that are shut."""
    return absent(shown.most("AU25", "AU26", "AU27"))
