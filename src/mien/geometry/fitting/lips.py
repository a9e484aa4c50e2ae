"""What the lips tell the fit: whether they touch is seen directly, and says which muscles can be at work.

1. **Lips part by action units alone.** People's lips differ in all but this: at rest they touch. So nothing of the seen gap belongs to who
   somebody is: ``g'(q - N) = g'B a + e`` with a small ``e``, one more equation beside those of the prior.
2. **Lips press, roll in and tighten against each other** (AU24, AU28, AU23: orbicularis oris closes the mouth like a purse) only where they
   touch; where teeth are bared these muscles are slack.
3. **Lips are drawn together into a funnel or a pucker** (AU22, AU18: the same ring muscle narrows the mouth) only in a mouth that is not
   pulled wider than it is at rest: zygomaticus and risorius pull against them.
4. **Lips that are apart are parted** (AU25), whatever else lowers the jaw: FACS scores AU25 with AU26 and AU27.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.geometry.fitting.measured import SOLVED

NOISE = 0.05  #: cm: standard deviation of the gap between two lips that touch
_CLOSED = 0.08  # cm: between the inner outlines of lips that touch, as landmark networks draw them
_APART = 0.35  # cm: no doubt that they are
_PARTING = 0.25  # of a full AU25: what lips do at least that are as far apart as it parts them
_WIDER = 2.0  # standard deviations above people's resting width: no doubt that the mouth is pulled
_UPPER, _LOWER = [82, 13, 312], [87, 14, 317]  # middle of the inner outlines
_CORNERS = [61, 291]  # subject's right and left
_PRESSED = np.array([axis in {"AU23", "AU24", "AU28"} for axis in SOLVED])
_ROUNDED = np.array([axis in {"AU18", "AU22"} for axis in SOLVED])
_PARTED = SOLVED.index("AU25")


def gap(points: Float[np.ndarray, "n 468 3"]) -> Float[np.ndarray, " n"]:
    """Height of the opening between the lips, cm in head space."""
    return points[:, _UPPER, 1].mean(axis=1) - points[:, _LOWER, 1].mean(axis=1)


def parted(frontal: Float[np.ndarray, "468 3"]) -> float:
    """How far a face's lips are apart, cm beyond lips that touch."""
    return float(gap(frontal[None])[0]) - _CLOSED


def width(points: Float[np.ndarray, "n 468 3"]) -> Float[np.ndarray, " n"]:
    """From one corner of the mouth to the other, cm in head space."""
    return points[:, _CORNERS[1], 0] - points[:, _CORNERS[0], 0]


@dataclass(frozen=True, eq=False)
class Lips:
    """The lips of a head model and of people at rest."""

    parting: Float[np.ndarray, " s"]  #: cm that each axis at intensity 5 parts them
    width: float  #: cm, at rest
    spread: float  #: cm, standard deviation of it between people

    @staticmethod
    def of(at_rest: Float[np.ndarray, "468 3"], units: Float[np.ndarray, "s 468 3"], factors: Float[np.ndarray, "1404 r"]) -> "Lips":
        """From the landmarks of a resting face, the axes at intensity 5 and the factors in which people differ."""
        people = np.linalg.norm(width(factors.T.reshape(-1, 468, 3)))
        return Lips(gap(units), float(width(at_rest[None])[0]), float(people))

    def limits(
        self, frontal: Float[np.ndarray, "468 3"], rest: Float[np.ndarray, " s"]
    ) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, " s"]]:
        """Least and greatest activation of each axis that a face's lips leave possible."""
        apart = parted(frontal)
        wider = (float(width(frontal[None])[0]) - self.width) / (_WIDER * self.spread)
        least, most = np.zeros_like(rest), 1.0 + rest
        most[_PRESSED] *= 1.0 - _share(apart / (_APART - _CLOSED))
        most[_ROUNDED] *= 1.0 - _share(wider)
        least[_PARTED] = (rest[_PARTED] + _PARTING) * _share(apart / float(self.parting[_PARTED]))
        return least, most


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
