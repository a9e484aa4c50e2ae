"""A text in action units: what the small CLIP, which learned them with its captions, says that a face of these words shows.

A linear map tells the units from the vector of a text (``mien train clip``): their mean over faces that it holds of. What it tells beyond
a text that says nothing, and enough to be seen, is what the words ask for. Words for several parts of a face mean all of its expression:
they rule out what such faces show no more of than others. An edit so understood works in every engine.
"""

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from mien import weights
from mien.aus import AXES, EMOTIONS, MAX_INTENSITY, PARTS, AUVector, axes, unit_of
from mien.errors import EditError
from mien.losses import clip as losses
from mien.nn.clip import BESIDE

UNITS = f"{BESIDE}units."  #: how the tensors of the map begin
_NOTHING = ("a face", "a person", "a human face")  # said of every picture
_SEEN, _SHARE = 0.45, 0.45  # steps beyond those that are meant, and that as a share of the most
_RULED_OUT = 0.35  # steps below what faces usually show
_CLEARLY = 1.6  # faces that a text holds of show it by degrees; an edit is to show it clearly: so many times their mean
_FELT = np.isin(AXES, [axis for units in EMOTIONS.values() for unit in units for axis in axes(unit[:4])])  # units of emotions


def understands(path: Path | None = None) -> bool:
    """Whether the network that pictures are compared by, see `mien.losses.clip.chosen`, knows action units."""
    return f"{UNITS}weight" in _tensors(losses.chosen(path))


def expression(words: str, path: Path | None = None) -> AUVector:
    """What a face of these words shows: intensities 0..5, 0 for units that they rule out, NaN for those they say nothing about.

    By the file given, else the first network here that knows action units: an imported one knows more words, and none. Raises `EditError`
    for words of which none is known, or that ask for no unit.
    """
    path = next((file for file in losses.installed() if understands(file)), None) if path is None else path
    comparer, (weight, bias) = losses.opened(path), _map(losses.chosen(path))

    def units(text: str) -> Float[np.ndarray, " axes"]:
        return (comparer.texts([text])[0] @ weight.T + bias).double().numpy()

    usual, wanted = np.mean([units(text) for text in _NOTHING], axis=0), np.full(len(AXES), np.nan)
    for phrase in filter(str.strip, words.split(",")):  # each by itself: "smiling, eyes closed"
        said = asked(units(phrase), usual).values
        wanted = np.where(np.isnan(said), wanted, said)
    if np.isnan(wanted).all():
        raise EditError(f"{words!r} names no expression that this small CLIP knows: say 'an angry face', 'a big smile' or 'eyes closed'")
    return AUVector(wanted)


def asked(told: Float[np.ndarray, " axes"], usual: Float[np.ndarray, " axes"]) -> AUVector:
    """What a text asks for, by the units that it and texts of nothing tell of."""
    beyond = told - usual
    meant, ruled_out = (beyond > _SEEN) & (beyond > _SHARE * beyond.max()), beyond < -_RULED_OUT
    spoken_of = {part for part, units in PARTS.items() if any(unit_of(AXES[i]) in units for i in np.flatnonzero(meant | ruled_out))}
    if len(spoken_of) > 1:
        ruled_out = _FELT & (beyond <= 0)
    return AUVector(np.where(meant, np.clip(_CLEARLY * told, 0, MAX_INTENSITY), np.where(ruled_out, 0.0, np.nan)))


def _map(path: Path) -> tuple[Float[Tensor, "axes d"], Float[Tensor, " axes"]]:
    stored = _tensors(path)
    if f"{UNITS}weight" not in stored or len(stored[f"{UNITS}bias"]) != len(AXES):
        raise EditError(f"{path} knows no action units: leave it out, `mien train clip` makes one that does")
    return stored[f"{UNITS}weight"].float(), stored[f"{UNITS}bias"].float()


def _tensors(path: Path) -> dict[str, Tensor]:
    return _stored(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _stored(path: Path, written: int) -> dict[str, Tensor]:
    del written
    return {name: tensor for name, tensor in weights.load(path).tensors.items() if name.startswith(UNITS)}
