"""Two codes of one person and the steps between their expressions, without end: what a mapper of action units learns from."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.expressions import Expressions
from mien.losses.imitation import Changed


class Changes(Dataset[Changed]):
    """Sample n is the same in every run: a person, by some pairs of expressions; the pictures of the first pair come along."""

    def __init__(self, faces: Expressions, codes: Float[Tensor, "n l d"], size: int, pairs: int, seed: int) -> None:
        """`codes` of all the pictures; `size` of the pictures in pixels."""
        self.faces, self.codes, self._size, self._pairs, self._seed = faces, codes, size, pairs, seed
        self._people = faces.of_person()

    def __getitem__(self, number: int) -> Changed:
        """A sample."""
        before, after = self.indices(number).T
        change = torch.from_numpy(self.faces.shown[after] - self.faces.shown[before])
        real, changed = (self.faces.picture(int(pictures[0]), self._size) for pictures in (before, after))
        return Changed(self.codes[before], self.codes[after], change, real, changed)

    def indices(self, number: int) -> np.ndarray:
        """The pictures of a sample's pairs, [k, 2]; no picture is paired with itself."""
        draw = np.random.default_rng([self._seed, number])
        person = self._people[draw.integers(len(self._people))]
        return np.stack([draw.choice(person, 2, replace=False) for _ in range(self._pairs)])

    def spread(self) -> float:
        """The mean squared difference of two codes of a person."""
        apart = [self.codes[person].var(0, unbiased=True).mean() for person in self._people]
        return 2 * float(torch.stack(apart).mean())
