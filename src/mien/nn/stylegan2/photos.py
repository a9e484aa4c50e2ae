"""Where the codes of photos lie in W+, as a normal distribution: what random faces of a generator with an encoder are drawn from.

A generator that was learned from drawing photos again draws well where its encoder's codes are. How these lie is estimated once both have
learned (Ghosh et al., "From Variational to Deterministic Autoencoders", 2020, section 4), by principal components.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Codes = Float[Tensor, "b l d"]


class PhotoCodes(NamedTuple):
    """A normal distribution of codes."""

    mean: Float[Tensor, "l d"]
    axes: Float[Tensor, "k l d"]  #: principal ones, the longest first, each as long as a standard deviation

    def drawn(self, z: Float[Tensor, "b n"], psi: float = 1.0) -> Codes:
        """The codes of vectors from N(0, 1), of whose entries the first k count; `psi` below 1 draws them towards the mean."""
        return self.mean + psi * torch.einsum("bk,kld->bld", z[:, : len(self.axes)], self.axes)


def fitted(codes: Codes, count: int) -> PhotoCodes:
    """The mean of codes, and at most `count` of their principal axes."""
    mean = codes.mean(0)
    _, lengths, axes = torch.linalg.svd((codes - mean).flatten(1), full_matrices=False)
    kept = min(count, len(codes) - 1)
    axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()  # else rounding decides which way an axis points
    spread = lengths[:kept, None] / (len(codes) - 1) ** 0.5
    return PhotoCodes(mean, (spread * axes[:kept]).reshape(kept, *mean.shape))


def kept(found: PhotoCodes, codes: Codes) -> float:
    """The share of how far other codes are from the mean, squared, that lies along the axes."""
    away = (codes - found.mean).flatten(1)
    axes = torch.nn.functional.normalize(found.axes.flatten(1), dim=1)
    return float((away @ axes.T).square().sum() / away.square().sum())
