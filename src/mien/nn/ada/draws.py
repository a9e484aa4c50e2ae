"""Random numbers for a batch: a row for each picture, and whether a change comes at all."""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LN2 = log(2.0)


@dataclass(frozen=True, eq=False)
class Draws:
    """`count` rows, drawn where `generator` lives; each change comes with `probability`."""

    count: int
    probability: Float[Tensor, ""]
    generator: torch.Generator

    def uniform(self, low: float, high: float) -> Float[Tensor, " n"]:
        """Uniform between the bounds."""
        return low + (high - low) * torch.rand(self.count, generator=self.generator, device=self.generator.device)

    def normal(self, deviation: float) -> Float[Tensor, " n"]:
        """Normal about 0."""
        return deviation * torch.randn(self.count, generator=self.generator, device=self.generator.device)

    def factor(self, deviation: float) -> Float[Tensor, " n"]:
        """Lognormal about 1; `deviation` of the natural logarithm."""
        return self.normal(deviation).exp()

    def below(self, count: int) -> Float[Tensor, " n"]:
        """One of 0, 1 .. count - 1, all alike."""
        return self.uniform(0, count).floor().clamp(max=count - 1)

    def happens(self, probability: Float[Tensor, ""] | None = None) -> Bool[Tensor, " n"]:
        """Whether a change comes to each picture."""
        return self.uniform(0, 1) < (self.probability if probability is None else probability)

    def sometimes(self, value: Float[Tensor, " n"], otherwise: float, probability: Float[Tensor, ""] | None = None) -> Float[Tensor, " n"]:
        """The value where the change comes, what changes nothing elsewhere."""
        return torch.where(self.happens(probability), value, otherwise)
