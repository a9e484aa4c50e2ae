"""What a calibrated mapper of the recipe `auclip` is given at the end: how far it moves a code at most, and its gains."""

from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset

from mien import weights
from mien.metrics.gains import gains
from mien.nn import mapper as mapping
from mien.nn.mapper import LevelsMapper, limit_of
from mien.recipes.auclip.looking import VALIDATED, keep
from mien.recipes.auclip.options import AUCLIPConfig
from mien.recipes.auclip.starting import ungained
from mien.recipes.auclip.tasks import Task


def finish(path: Path, config: AUCLIPConfig, task: Task) -> None:
    """Measure both for the mapper of a file, and write it anew."""
    mapper, stored = ungained(path), weights.load(path)
    limit = longest_move(mapper, config, task)
    held = mapping.of(replace(stored, config={**mapper.config, "kind": stored.config["kind"], "limit": limit}))
    keep(held, path, config, task.made_for, gains=gains(held, task.lesson.generator.cpu(), task.sitters, task.redrawer))


@torch.no_grad()
def longest_move(mapper: LevelsMapper, config: AUCLIPConfig, task: Task) -> float:
    """The limit by the changes that there are between faces not learned from."""
    batches = DataLoader(Subset(task.unseen, range(VALIDATED)), config.batch, generator=torch.Generator())
    return limit_of(torch.cat([task.lesson.moved(mapper, batch).flatten(0, -3) for batch in batches]))
