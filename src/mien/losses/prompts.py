"""What AU-CLIP tells CLIP of the face that is wanted: a class of expression, and up to three action units.

`of_units` in its own words has its slips too (``as_published``): "outter", a list that begins with a comma where no unit is shown, and
two full stops where the mouth is closed.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

#: In the order of `mien.nn.mapper.UNITS`.
PUBLISHED = (
    "inner brow raise",
    "outter brow raise",
    "brow lower",
    "cheek raise",
    "nose wrinkle",
    "lip corner raise up",
    "mouth open",
    "jaw drop",
)
_NAMES = tuple(name.replace("outter", "outer") for name in PUBLISHED)
_OPEN, _CLOSED = "mouth open", ("mouth closed", "lips closed")
_SHOWN, _MOST = 0.5, 3  # the score from which a unit is there, and units at most

#: The seven classes of the network that AU-CLIP was trained with (RMN, Pham et al. 2021), by mien's names of emotions.
CLASSES = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happiness": "happy", "sadness": "sad", "surprise": "surprise",
    "neutral": "neutral",
}  # fmt: skip


def of_class(name: str) -> str:
    """``happy human face picture.``; for an unknown class ``human face picture.``."""
    return f"{name} human face picture.".lstrip()


def of_units(scores: Float[np.ndarray, " 8"], *, as_published: bool = False) -> str:
    """``human face with mouth open, jaw drop.``: the strongest first; that the mouth is closed, unless it is said to be open."""
    names = PUBLISHED if as_published else _NAMES
    strongest: Sequence[int] = np.argsort(-scores, kind="stable")[:_MOST].tolist()
    shown = [names[unit] for unit in strongest if scores[unit] > _SHOWN]
    if as_published:
        closed = "" if _OPEN in shown else f", {', '.join(_CLOSED)}."
        return f"human face with {', '.join(shown)}{closed}."
    return f"human face with {', '.join(shown if _OPEN in shown else [*shown, *_CLOSED])}."
