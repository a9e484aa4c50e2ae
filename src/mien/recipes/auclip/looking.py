"""How a mapper of the recipe `auclip` does on faces not learned from, and which of its weights are kept."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from mien import weights
from mien.errors import MienError
from mien.losses.imitation import Imitation
from mien.metrics.agreement import correlations
from mien.nn.mapper import LevelsMapper
from mien.recipes.auclip.options import AUCLIPConfig
from mien.recipes.auclip.tasks import Task
from mien.training import Learner, Run
from mien.training.config import to_toml

KIND = "auclip"
VALIDATED, _SHOWN = 128, 8  # samples
_BEST = "best"  # in `Run.numbers`: the least loss on faces not learned from


def keep(network: LevelsMapper, path: Path, config: AUCLIPConfig, made_for: str, **calibrated: Sequence[float]) -> None:
    """Write a mapper and the `gains` that it was given; `made_for` is the fingerprint of its generator."""
    held, recipe = {"kind": KIND, **network.config, **calibrated}, to_toml(config, folders=False)
    weights.save(path, network.state_dict(), held, recipe=recipe, made_for=made_for)


def weighed(config: AUCLIPConfig, terms: Mapping[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """The loss."""
    return torch.stack([getattr(config, name) * term for name, term in terms.items()]).sum()


@torch.no_grad()
def look(run: Run, config: AUCLIPConfig, task: Task, learner: Learner, path: Path) -> None:
    """Tell how the mapper does on faces not learned from, and show some; it is kept if it was never better.

    Raises `MienError` when the loss is no number: nothing good comes after.
    """
    lesson, mapper = task.lesson, cast(LevelsMapper, learner.average)
    batches = DataLoader(Subset(task.unseen, range(VALIDATED)), config.batch, generator=torch.Generator())
    sums: dict[str, float] = {}
    sheet: list[Tensor] = []
    readings: list[tuple[Tensor, Tensor]] = []
    for each in batches:
        batch = cast(Any, run.fabric.to_device(each))
        moved = lesson.moved(mapper, batch)
        with run.fabric.autocast():
            terms = lesson(batch, moved)
            if len(sheet) * config.batch < _SHOWN:
                sheet.append(torch.stack(lesson.shown(batch, moved), 1).flatten(0, 1).float())
            if isinstance(lesson, Imitation):
                readings.append(lesson.read(batch, moved))
        share = len(moved) / VALIDATED
        for name, term in {**terms, "loss": weighed(config, terms)}.items():
            sums[name] = sums.get(name, 0.0) + share * float(term)
    told = {"val_followed": followed(readings)} if readings else {}
    run.log(**{f"val_{name}": value for name, value in sums.items()}, **told)
    if not math.isfinite(sums["loss"]):
        grown = f"take a lower --rate than {config.rate:g}, and --resume never"
        begun = "leave --start out, or take lower weights of the losses"
        raise MienError(f"at step {run.step} the loss on faces not learned from is {sums['loss']:g}: {grown if run.step else begun}")
    run.pictures("faces", torch.cat(sheet)[: 3 * _SHOWN].cpu() / 2 + 0.5, columns=6)
    if sums["loss"] < run.numbers.get(_BEST, float("inf")):
        run.numbers[_BEST] = sums["loss"]
        if run.fabric.global_rank == 0:
            keep(mapper, path, config, task.made_for)


def followed(readings: Sequence[tuple[Float[Tensor, "_ n"], Float[Tensor, "_ n"]]]) -> float:
    """Pearson's correlation of the changes that are read with those that were asked for, the mean over units of which any was; else 0."""
    read, asked = (torch.cat(part).double().cpu().numpy() for part in zip(*readings, strict=True))
    right = correlations(read, asked)
    return float(right[np.isfinite(right)].mean()) if np.isfinite(right).any() else 0.0
