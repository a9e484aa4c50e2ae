"""How like two pictures of a face are to a network for identity: as a person, and in what its layers see.

The cosine of the codes is the identity loss of pSp and e4e. The distance of the grids on the way there, each cell made as long as 1, is
what LPIPS is with a network that knows objects (Zhang et al. 2018, equation 1, without its learned weights of channels).
"""

from copy import deepcopy
from itertools import accumulate
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien.nn import irse
from mien.nn.irse import IRSE

_SEEN = 0.75  # of the side of FFHQ's framing: what the networks of mien are shown
_EPSILON = 1e-10

Pictures = Float[Tensor, "b 3 s s"]


class Distance(NamedTuple):
    """Of two pictures, each a mean over the batch, 0 for equal ones."""

    identity: Float[Tensor, ""]  #: 1 - cosine of the codes
    grids: Float[Tensor, ""]  #: squared, of the features of all stages


class Likeness(nn.Module):
    """A network for identity, frozen, that looks at pictures in FFHQ's framing (`mien.faces.align.Square.of_five`), -1..1."""

    def __init__(self, network: IRSE) -> None:
        """A copy of the network, which others have too, in eval mode; it does not learn."""
        super().__init__()
        self.network = deepcopy(network).eval().requires_grad_(False)
        self.taps = {number - 1 for number in accumulate(network.config["units"])}  # the last unit of each stage

    def forward(self, made: Pictures, real: Pictures) -> Distance:
        """With gradients for what was made."""
        code, grids = self._seen(made)
        with torch.no_grad():
            goal, goals = self._seen(real)
        apart = sum((_apart(one, other) for one, other in zip(grids, goals, strict=True)), code.new_zeros(()))
        return Distance(1 - (code * goal).sum(1).mean(), apart)

    def codes(self, pictures: Pictures) -> Float[Tensor, "b d"]:
        """Codes of length 1."""
        return self._seen(pictures)[0]

    def train(self, mode: bool = True) -> "Likeness":
        """Stays in eval mode: a batch's statistics are no measure."""
        return super().train(False)

    def _seen(self, pictures: Pictures) -> tuple[Float[Tensor, "b d"], list[Float[Tensor, "b _ _ _"]]]:
        """Codes, and the grids after each stage."""
        x, grids = self.network.input_layer(self._framed(pictures)), []
        for number, unit in enumerate(self.network.body):
            x = unit(x)
            grids += [x] if number in self.taps else []
        return F.normalize(self.network.output_layer(x).float()), grids

    def _framed(self, pictures: Pictures) -> Float[Tensor, "b 3 _ _"]:
        """As the network was trained: the published one sees what published losses show it, ours the middle."""
        if self.network.size == irse.PUBLISHED["size"]:
            return irse.compatible(pictures)
        side = pictures.shape[2]
        margin = round(side * (1 - _SEEN) / 2)
        middle = pictures[:, :, margin : side - margin, margin : side - margin]
        size = self.network.size
        return middle if middle.shape[2] == size else F.interpolate(middle, (size, size), mode="bilinear", antialias=True)


def _apart(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    one, other = (grid.float() * torch.rsqrt(grid.float().square().sum(1, keepdim=True) + _EPSILON) for grid in (one, other))
    return (one - other).square().sum(1).mean()
