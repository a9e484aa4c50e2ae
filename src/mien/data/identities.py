"""People who do not exist, each in endless pictures: what a network for identity learns from.

Drawn people keep their build and colours, and change expression, camera, light and background. Photographed ones (SFHQ) change expression
as the engine ``mesh`` draws it: `photograph` makes a folder of those once.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.augment import degraded
from mien.data.crops import open_crops
from mien.data.labelled import jittered
from mien.data.sources import open_source
from mien.data.synth import making
from mien.data.synth.drawing import renderer
from mien.data.synth.making import Settings
from mien.data.synth.scenes import scene
from mien.data.synth.store import SynthFaces
from mien.faces.align import five_points, sample
from mien.faces.templates import arcface_square
from mien.geometry import head
from mien.training.progress import bar

SIZE = 128  # pixels of a picture before the face is cut out of it
_SHIFT, _STRETCH, _TURN = 0.03, 0.04, 0.04  # of the crop: half sides, natural logarithm, radians; landmarks are not better

Picture = UInt8[np.ndarray, "h w 3"]
Sample = tuple[Float[Tensor, "3 s s"], Int[Tensor, ""]]


@dataclass(frozen=True, eq=False)
class Photographed:
    """The pictures of photographed people."""

    faces: SynthFaces
    pictures: Sequence[Int[np.ndarray, " _"]]  #: of each person, by their numbers in `faces`


class People(Dataset[Sample]):
    """Endless aligned pictures (-1..1) of people, with the number of the person: photographed ones first, then drawn ones."""

    def __init__(self, drawn: int, size: int, seed: int, photographed: Photographed | None = None) -> None:
        """`drawn` people besides those of photos; other seeds draw other people. Crops are of `size` x `size` pixels."""
        self.photographed, self.size, self.seed = photographed, size, seed
        self.photos = len(photographed.pictures) if photographed else 0  #: people of photos
        self.count = self.photos + drawn  #: people

    def __getitem__(self, number: int) -> Sample:
        """Sample `number` is the same in every run."""
        rng = np.random.default_rng([self.seed, number])
        who = int(rng.integers(self.count))
        return self.picture(who, rng), torch.tensor(who)

    def picture(self, who: int, rng: np.random.Generator) -> Float[Tensor, "3 s s"]:
        """A random picture of a person."""
        rgb, landmarks = self._photo(who, rng) if who < self.photos else self._drawing(who - self.photos, rng)
        square = jittered(arcface_square(five_points(landmarks)), rng, shift=_SHIFT, stretch=_STRETCH, turn=_TURN)
        crop = degraded(sample(rgb, square, self.size), rng)
        if rng.random() < 0.5:
            crop = np.ascontiguousarray(crop[:, ::-1])
        return torch.from_numpy(crop).permute(2, 0, 1) / 127.5 - 1

    def _photo(self, who: int, rng: np.random.Generator) -> tuple[Picture, Float[np.ndarray, "468 3"]]:
        assert self.photographed is not None
        index = int(rng.choice(self.photographed.pictures[who]))
        return self.photographed.faces.picture(index), self.photographed.faces.label(index)["landmarks"].astype(np.float64)

    def _drawing(self, who: int, rng: np.random.Generator) -> tuple[Picture, Float[np.ndarray, "468 3"]]:
        build = head.bundled().identity.shape[0]
        person, moment = scene(SIZE, self.seed, who, build), scene(SIZE, int(rng.integers(2**31)), 0, build)
        (drawn,) = renderer(SIZE).draw([replace(moment, shape=person.shape, look=person.look)])
        return drawn.rgb, drawn.landmarks.astype(np.float64)


def photograph(crops: Path, folder: Path, *, each: int, workers: int) -> None:
    """Draw `each` expressions (a power of 2) of everybody in a crop set into a folder; what is there already stays.

    Raises `DataError` when the set is missing, or the folder holds something else or is being filled.
    """
    settings = Settings(each * len(open_crops(crops)), SIZE, photos=os.fspath(crops.absolute()))
    with bar("photos", total=settings.count) as show:
        done = 0

        def tell(step: int) -> None:
            nonlocal done
            show(done := done + step, "")

        making.make(folder, settings, workers, tell)


def photographed(crops: Path, folder: Path, split: str) -> Photographed:
    """The people of a split whom `photograph` drew into a folder; whoever has fewer than two pictures there is left out."""
    faces, splits = SynthFaces(folder), np.array(open_crops(crops).splits)
    source = [int(Path(name).stem) for name in open_source(crops).names]
    owners = np.array([source[int(faces.label(i)["photo"])] for i in range(len(faces))])
    kept = [np.flatnonzero(owners == who) for who in np.unique(owners) if splits[who] == split]
    return Photographed(faces, [pictures for pictures in kept if len(pictures) > 1])
