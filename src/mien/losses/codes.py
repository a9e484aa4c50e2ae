"""What keeps codes in W+ near those of W, where edits work (Tov et al. 2021, section 3.2): rows alike, and none that gives itself away."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.nn.latent import LatentDiscriminator

_TINY = 1e-12  # under the root, whose slope at 0 has no end


def deltas(codes: Float[Tensor, "b l d"]) -> Float[Tensor, ""]:
    """How long the differences of the rows from the first are, in all; the mean over the batch (equation 3)."""
    return (codes[:, 1:] - codes[:, :1]).square().sum(2).add(_TINY).sqrt().mean(0).sum()


class Pool(nn.Module):
    """Codes of before: once it is full, half of those that come are kept and older ones given in their place.

    So what tells codes apart does not forget what it was shown (Shrivastava et al. 2017, section 2.3). Its state is that of a network:
    checkpoints hold it.
    """

    codes: Tensor
    held: Tensor

    def __init__(self, size: int, code: int) -> None:
        """Holds at most `size` codes."""
        super().__init__()
        self.register_buffer("codes", torch.zeros(size, code))
        self.register_buffer("held", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, codes: Float[Tensor, "b d"], draws: torch.Generator) -> Float[Tensor, "b d"]:
        """As many codes, without gradients."""
        size, given = len(self.codes), codes.detach().clone()
        kept = torch.rand(len(codes), generator=draws, device=draws.device).tolist()
        places = torch.rand(len(codes), generator=draws, device=draws.device).tolist()
        for number, code in enumerate(codes.detach()):
            if (held := int(self.held)) < size:
                self.codes[held] = code
                self.held += 1
            elif kept[number] < 0.5 and size:
                place = int(places[number] * size)
                given[number] = self.codes[place]
                self.codes[place] = code
        return given


class Critic(nn.Module):
    """Tells codes that a mapping made from those that were found in pictures, and remembers some of both."""

    def __init__(self, code: int, pool: int) -> None:
        """`pool` codes of each kind are remembered."""
        super().__init__()
        self.judge = LatentDiscriminator(code)
        self.made, self.found = Pool(pool, code), Pool(pool, code)

    def forward(self, codes: Float[Tensor, "b d"]) -> Float[Tensor, "b 1"]:
        """Logits: above 0 for those taken for made."""
        return self.judge(codes)
