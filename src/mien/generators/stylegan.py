"""Generator `stylegan`: faces that StyleGAN2 makes up, by a network that was imported (``mien weights import stylegan2 FILE``) or trained.

One picture is drawn at a time: on a processor a batch is no faster, and a picture is bit for bit the same whatever it is asked for with.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mien import weights
from mien.errors import UsageError
from mien.inversion import choosing
from mien.nn import stylegan2
from mien.nn.levels import rounded
from mien.nn.stylegan2.generator import drawn, truncated
from mien.protocols import Mixed


class StyleGAN:
    """A network with its weights."""

    name = "stylegan"

    def __init__(self, path: Path) -> None:
        """Load a file; raises `WeightsError` when it has no generator of StyleGAN2."""
        stored = weights.load(path)
        self.path = path
        self.network = stylegan2.generator(stored).requires_grad_(False)
        self.mean, self.photos = stylegan2.mean_code(stored), stylegan2.photo_codes(stored)
        self.size = self.network.size

    def sample(self, seeds: Sequence[int], *, truncation: float = 1.0, mix: Mixed | None = None) -> list[UInt8[np.ndarray, "h w 3"]]:
        """A picture of each seed; raises `UsageError` for a truncation or a row that the network does not have."""
        if not 0 <= truncation <= 1:
            raise UsageError(f"truncation {truncation:g}: give 0 (everybody is the mean face) to 1 (all that the network draws)")
        if mix is not None and not 0 <= mix.row <= self.network.rows:
            raise UsageError(f"mix from row {mix.row}: the codes of {self.path.stem} have rows 0 to {self.network.rows - 1}")
        with torch.inference_mode():
            return [rounded(self.network(self._code(seed, truncation, mix))[0]) for seed in seeds]

    def _code(self, seed: int, truncation: float, mix: Mixed | None) -> Float[Tensor, "1 l d"]:
        code = self._drawn(seed, truncation)
        return code if mix is None else torch.cat([code[:, : mix.row], self._drawn(mix.seed, truncation)[:, mix.row :]], 1)

    def _drawn(self, seed: int, truncation: float) -> Float[Tensor, "1 l d"]:
        """A code as photos have them where that is known, else as the mapping makes them."""
        if not 0 <= seed < 2**63:
            raise UsageError(f"seed {seed}: give a whole number from 0 to 2^63 - 1")
        z = drawn([seed], self.network.code)
        if self.photos is not None:
            return self.photos.drawn(z, truncation)
        return self.network.spread(truncated(self.network.map(z), self.mean, truncation))


def build(path: Path | None = None) -> StyleGAN:
    """The network of a file, else the one that `mien.inversion.choosing` says; raises `WeightsError` when there is none."""
    return StyleGAN(choosing.generator(path))
