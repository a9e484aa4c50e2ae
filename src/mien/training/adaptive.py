"""An augmentation as strong as a discriminator needs it."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from mien.training.run import Run

_STRENGTH, _SIGNS, _SEEN = "augmentation", "augmentation_signs", "augmentation_seen"  # in `Run.numbers`


class AdaptiveStrength:
    """The probability of an augmentation, raised while a discriminator overfits and lowered while it does not.

    How far it overfits shows in ``r = E[sign D(real)]``: 0 where it cannot tell real pictures from made ones, 1 where it knows all real
    ones by heart. Karras et al. 2020, section 3.2 and equation 1. All that is remembered is in `Run.numbers`, and so in checkpoints.
    """

    def __init__(self, run: Run, *, target: float = 0.6, every: int = 4, swing: float = 500_000) -> None:
        """`target` of r, steps from one change to the next, real pictures that it takes from 0 to 1."""
        self._run, self.target, self.every, self.swing = run, target, every, swing

    @property
    def p(self) -> float:
        """The probability now, 0 at first."""
        return self._run.numbers.get(_STRENGTH, 0.0)

    def see(self, scores: Float[Tensor, "*n"]) -> float:
        """What the discriminator says of this step's augmented real pictures; returns their r. All devices must call it, each step."""
        here = torch.stack([scores.detach().sign().float().sum(), scores.new_tensor(scores.numel(), dtype=torch.float32)])
        signs, seen = cast(Tensor, self._run.fabric.all_reduce(here, reduce_op="sum")).tolist()
        known = self._run.numbers
        known[_SIGNS], known[_SEEN] = known.get(_SIGNS, 0.0) + signs, known.get(_SEEN, 0.0) + seen
        if self._run.step % self.every == 0:
            over = known[_SIGNS] / known[_SEEN] - self.target
            change = (over > 0) - (over < 0)
            known[_STRENGTH] = min(max(self.p + change * known[_SEEN] / self.swing, 0.0), 1.0)
            known[_SIGNS] = known[_SEEN] = 0.0
        return signs / seen
