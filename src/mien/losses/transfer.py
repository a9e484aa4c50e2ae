"""The terms of AU-CLIP: a face with the action units of another one, as a text says them too, and still the same person."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien.losses import clip, units
from mien.losses.clip import Comparer
from mien.losses.likeness import Likeness
from mien.losses.units import Reader
from mien.nn.mapper import LevelsMapper
from mien.nn.stylegan2 import Generator

_WITHOUT_FINE = 8  # rows of the coarse and the middle level

Codes = Float[Tensor, "b l d"]


class Wanted(NamedTuple):
    """Faces, and what they are to become."""

    codes: Codes
    targets: Codes  #: of the faces whose action units they are to have
    change: Float[Tensor, "b n"]  #: of the units' scores, -1..1
    classes: Sequence[str]  #: prompts that say the targets' expressions,
    shown: Sequence[str]  #: and their units


class Transfer(nn.Module):
    """Frozen networks, and what they say of moved codes; those that are not there give no term."""

    def __init__(
        self,
        generator: Generator,
        likeness: Likeness | None,
        comparer: Comparer | None,
        reader: Reader | None,
        *,
        reach: float,
        as_published: bool = False,
    ) -> None:
        """`reach`: how far a row moves for what a mapper says; `as_published`: see `length`."""
        super().__init__()
        self.generator, self.likeness, self.reader = generator.requires_grad_(False), likeness, reader
        self.comparer, self.seeing = comparer, comparer.network if comparer else None  # as a module, it goes to the device with the others
        self.reach, self.as_published = reach, as_published

    def moved(self, mapper: LevelsMapper, wanted: Wanted) -> Codes:
        """What a mapper moves the codes by."""
        return self.reach * mapper(mapper.repeated(wanted.change))

    def forward(self, wanted: Wanted, moved: Codes) -> Mapping[str, Float[Tensor, ""]]:
        """The terms."""
        made = self.generator(wanted.codes + moved)
        terms = {"length": length(moved, as_published=self.as_published)}
        if self.likeness is not None:
            with torch.no_grad():
                who = self.likeness.codes(self.generator(wanted.codes))
            terms["identity"] = 1 - (self.likeness.codes(made) * who).sum(1).mean()
        if self.comparer is not None:
            seen = self.comparer.codes(made)
            prompts = (self.comparer.texts(each) for each in (wanted.classes, wanted.shown))
            terms["clip"] = torch.stack([clip.away(seen, texts) for texts in prompts]).mean()
        if self.reader is not None:
            with torch.no_grad():
                goal = self.reader(self.generator(wanted.targets))
            terms["units"] = units.apart(self.reader(made), goal)
        return terms

    def shown(self, wanted: Wanted, moved: Codes) -> list[Float[Tensor, "b 3 s s"]]:
        """The faces, as they were moved, and those whose expression they were to have, -1..1."""
        return [self.generator(codes) for codes in (wanted.codes, wanted.codes + moved, wanted.targets)]


def length(moved: Codes, *, as_published: bool = False) -> Float[Tensor, ""]:
    """The mean square of what codes are moved by, over the rows that move at all.

    Published is the mean over all rows, where a level is left out times as much as if only eight rows moved: right without the fine one.
    """
    still = (moved == 0).all(dim=2).all(dim=0)
    rows = int((~still).sum())
    if not rows:
        return moved.square().mean()
    return moved.square().mean() * len(still) / (rows if not as_published else _WITHOUT_FINE if rows < len(still) else rows)
