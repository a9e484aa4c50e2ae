"""Texts to edits: what words say that a face should be.

Three ways. ``units``: the small CLIP that ships understands words in action units, which any engine moves. ``directions`` and ``optimise``
move the codes of a generator, with any CLIP (StyleCLIP, Patashnik et al. 2021).
"""

import warnings
from pathlib import Path
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from mien import weights
from mien.faces import identity
from mien.losses import clip
from mien.losses.likeness import Likeness
from mien.nn.stylegan2 import Generator
from mien.text.directions import direction
from mien.text.optimising import optimised
from mien.text.understanding import expression, understands

By = Literal["units", "directions", "optimise"]

_STRENGTH = 3.0  #: deviations of its most relevant channel by which a direction moves a code


def default(path: Path | None = None, *, codes: bool = True) -> By:
    """The best way: ``units`` where the CLIP that is used understands them, or there are no `codes` to be moved, else ``directions``."""
    return "units" if not codes or understands(path) else "directions"


def move(
    words: str,
    code: Float[Tensor, "1 l d"],
    generator: Generator,
    *,
    by: Literal["directions", "optimise"] = "directions",
    path: Path | None = None,
) -> Float[Tensor, "1 l d"]:
    """How a code in W+ moves for what words say; nothing is random. Warns in one line of the CLIP that ships, which sees too little for it.

    Raises `WeightsError` without a CLIP, or one that reads no text; `EditError` for a text that is too long, or of which no word is known.
    """
    file = clip.chosen(path)
    if file.parent == weights.assets():
        warnings.warn(
            f"the small CLIP that ships sees too little for moves by {by}: they hardly change a face, or spoil it; `mien weights get "
            "clip-vit-b32` or `mien weights import clip FILE` brings in a better one",
            stacklevel=2,
        )
    comparer = clip.opened(file)
    if by == "directions":
        return _STRENGTH * direction(words, comparer, generator)
    return optimised(words, code, comparer, generator, Likeness(identity.recognizer().network))


__all__ = ["By", "default", "direction", "expression", "move", "optimised", "understands"]
