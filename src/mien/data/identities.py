"""People who do not exist, in pairs of pictures: what a network for identity learns from.

Each is one of the sitters, or a mixture of two: half the face of one and half that of another make a third. So there are as many as
anybody asks for, and no two pictures of one have camera, light, expression, hair, background or file in common.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.augment import degraded
from mien.data.portraits import Layer, Portrait, paint
from mien.data.sitters import Sitters

_MIXED = 0.7  # share of people who are mixtures
_LESSER = (0.25, 0.5)  # share of the second sitter in one
_CUT = 0.6  # share of portraits whose hair and neck are gone
_NARROWEST, _SOFT = 0.7, 0.25  # where they are cut off, and over how much of the ring
_PATCH = (8, 64)  # pixels of another picture that are the background

Sample = tuple[Float[Tensor, "2 3 s s"], Float[Tensor, " 968"]]


class People(Dataset[Sample]):
    """Endless people: two aligned pictures (RGB in -1..1) of each, and what they look like (`Sitters.described`)."""

    def __init__(self, sitters: Sitters, size: int, seed: int) -> None:
        """Crops are of `size` x `size` pixels."""
        self.sitters, self.size, self.seed = sitters, size, seed

    def __getitem__(self, number: int) -> Sample:
        """Person `number` is the same, in the same pictures, in every run."""
        rng, known = np.random.default_rng([self.seed, number]), self.sitters
        parts = self._parts(rng)
        layers = [Layer(known.pictures[who], known.landmarks[who], share) for who, share in parts]
        rested, described = (np.add.reduce([share * of[who] for who, share in parts]) for of in (known.rested, known.described))
        pictures = [self._picture(paint(layers, rested, self.size, rng), rng) for _ in range(2)]
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 127.5 - 1, torch.from_numpy(described)

    def _parts(self, rng: np.random.Generator) -> list[tuple[int, float]]:
        """The sitters of a person, and their shares."""
        one, other = (int(i) for i in rng.integers(len(self.sitters), size=2))
        share = float(rng.uniform(*_LESSER)) if rng.random() < _MIXED else 0.0
        return [(one, 1 - share), (other, share)] if share else [(one, 1.0)]

    def _picture(self, portrait: Portrait, rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
        """A portrait before a background, as some camera and file have it."""
        front = portrait.covered
        if rng.random() < _CUT:
            front = np.clip((portrait.inner - rng.uniform(0, _NARROWEST)) / _SOFT, 0, 1)
        front = cv2.GaussianBlur(front, (0, 0), 0.7)[..., None]
        picture = front * portrait.rgb + (1 - front) * self._background(rng)
        picture = degraded(np.clip(picture + 0.5, 0, 255).astype(np.uint8), rng)
        return np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else picture

    def _background(self, rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
        """A patch of somebody's picture."""
        picture, side = self.sitters.pictures[int(rng.integers(len(self.sitters)))], int(rng.integers(*_PATCH))
        left, top = rng.integers(0, picture.shape[0] - side, size=2)
        return cv2.resize(np.ascontiguousarray(picture[top : top + side, left : left + side]), (self.size, self.size))
