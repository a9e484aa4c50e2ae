"""AU-CLIP's training samples: a face's code, and that of another one whose expression it is to have."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from mien import registry
from mien.data.layouts.auclip import Latents
from mien.data.layouts.corpus import below
from mien.errors import DataError, one_of
from mien.faces import align, landmarks
from mien.losses.prompts import CLASSES, of_class, of_units
from mien.losses.transfer import Wanted
from mien.types import CropSpec, Photo


class Classes:
    """The class of expression of each rendering: as it was told, else as mien's reader sees it."""

    def __init__(self, latents: Latents, told: Mapping[int, str]) -> None:
        """`told` by number, one of `mien.losses.prompts.CLASSES`."""
        self._told, self._pictures = told, latents.pictures
        self._places = {int(Path(name).stem): place for place, name in enumerate(latents.pictures.names)} if latents.pictures else {}
        self.of = cache(self._of)

    def _of(self, number: int) -> str:
        """Of a latent; "" where no face is seen. Raises `DataError` where there is neither a class nor a rendering."""
        if number in self._told:
            return self._told[number]
        if self._pictures is None or number not in self._places:
            raise DataError(
                f"{number:05d} has no rendering to see its expression in: name its class in train_classes.csv (test_), or say --clip 0"
            )
        photo = Photo(self._pictures.read(self._places[number]))
        if not (faces := landmarks.find(photo)):
            return ""
        (reading,) = registry.reader(registry.READER).measure([align.cut(photo, faces[0], CropSpec())])
        return CLASSES[max(CLASSES, key=lambda emotion: reading.emotions[emotion])]


def told_classes(root: Path, split: str) -> dict[int, str]:
    """What ``train_classes.csv`` says, ``00012,happy`` a row without a heading; nothing where it is not there.

    Raises `DataError` for a row of something else.
    """
    found = dict[int, str]()
    if (path := below(root, f"{split}_classes.csv")) is None:
        return found
    for line, row in enumerate(csv.reader(path.read_text(encoding="utf-8", errors="replace").splitlines()), 1):
        if len(row) != 2 or not row[0].strip().isdigit():
            raise DataError(f"{path}, line {line}: it is {','.join(row)!r}, not a number and a class such as 00012,happy")
        if (name := row[1].strip()) not in CLASSES.values():
            raise DataError(f"{path}, line {line}: the class {one_of(name, CLASSES.values())}")
        found[int(row[0])] = name
    return found


class Transfers(Dataset[Wanted]):
    """Sample n is the same in every run: one of those that are trained on, and any other one that has scores."""

    def __init__(self, latents: Latents, classes: Classes | None, *, as_published: bool, seed: int) -> None:
        """Without `classes` there are no prompts."""
        self.latents, self._classes, self._as_published, self._seed = latents, classes, as_published, seed
        self._scored = np.flatnonzero(~np.isnan(latents.scores[:, 0]))
        if len(self._scored) < 2 or not len(latents.chosen):
            raise DataError(f"{len(self._scored)} latents with scores, {len(latents.chosen)} of them to train on: two are needed, and one")

    def __getitem__(self, number: int) -> Wanted:
        """A sample, without its first axis."""
        draw = np.random.default_rng([self._seed, number])
        source = int(draw.choice(self.latents.chosen))
        target = int(draw.choice(self._scored[self._scored != source]))
        scores = self.latents.scores[target]
        change = torch.from_numpy(scores - self.latents.scores[source]).float()
        of_target = "" if self._classes is None else of_class(self._classes.of(target))
        shown = "" if self._classes is None else of_units(scores, as_published=self._as_published)
        return Wanted(self.latents.codes[source], self.latents.codes[target], change, of_target, shown)
