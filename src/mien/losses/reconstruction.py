"""How far pictures of faces are from those that they are to be: in their colours, to a network that sees, and as persons.

The three terms of Richardson et al. 2021 (pSp, equations 1 to 3). What sees is LPIPS where it was imported, else the grids inside the
network for identity; every report says which.
"""

from copy import deepcopy
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from mien.errors import WeightsError
from mien.faces import identity
from mien.faces.identity import Recognizer
from mien.losses.likeness import Likeness
from mien.metrics import perceptual
from mien.metrics.perceptual import Perceptual
from mien.nn import lpips
from mien.nn.sizing import sized

_LEAST, _MOST = 32, 256  # pixels of the pictures that LPIPS sees: those of published losses; more of them say no more of faces

Pictures = Float[Tensor, "b 3 s s"]
Seeing = Literal["auto", "lpips", "identity"]


class Terms(NamedTuple):
    """Each a mean over the batch, 0 for equal pictures; to be summed with weights."""

    colours: Float[Tensor, ""]  #: the mean squared difference
    perceptual: Float[Tensor, ""]  #: LPIPS, or the distance of the grids, the mean over stages: about as large
    identity: Float[Tensor, ""]  #: 1 - cosine of the codes


class Reconstruction(nn.Module):
    """The terms, for pictures in FFHQ's framing, -1..1."""

    def __init__(self, recognizer: Recognizer, seeing: Perceptual | None = None) -> None:
        """Copies of the networks, which others have too; they do not learn."""
        super().__init__()
        self.likeness = Likeness(recognizer.network)
        self.trunk, self.linear = (deepcopy(seeing.network), deepcopy(seeing.linear)) if seeing else (None, None)
        self.identity_network = recognizer.name  #: what a report calls it
        self.perceptual_network = seeing.name if seeing else f"grids of {recognizer.name}"  #: what a report calls it

    def forward(self, made: Pictures, real: Pictures) -> Terms:
        """With gradients for what was made."""
        distance = self.likeness(made, real)
        seen = distance.grids / len(self.likeness.taps) if self.trunk is None else self._lpips(made, real)
        return Terms((made - real).square().mean(), seen, distance.identity)

    def _lpips(self, made: Pictures, real: Pictures) -> Float[Tensor, ""]:
        assert self.trunk is not None and self.linear is not None
        side = min(max(made.shape[2], _LEAST), _MOST)
        return lpips.distance(self.trunk, self.linear, sized(made, side), sized(real, side)).mean()


def installed(seeing: Seeing = "auto") -> Reconstruction:
    """By the networks of this machine: the first for identity, and the first of LPIPS unless only that for `identity` is to see.

    Raises `WeightsError` that says how to get a network that is asked for and not there.
    """
    found = [] if seeing == "identity" else perceptual.installed()
    if seeing == "lpips" and not found:
        raise WeightsError(perceptual.NONE)
    return Reconstruction(identity.recognizer(), found[0] if found else None)
