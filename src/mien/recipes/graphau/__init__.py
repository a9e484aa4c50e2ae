"""Recipe `graphau`: which action units a face shows, by a network that knows how units go together (ME-GraphAU, Luo et al. 2022).

It learns from DISFA or BP4D, with the published options, or from synthetic faces (`mien data synth`), whose sides and intensities it learns
too. In stage 1 each unit hears of those that look alike in the face; stage 2 goes on from there with a relation for each pair. Faces of
other people say how it does, and at the end how its scores become probabilities, and from which one on a unit counts as present.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.sided import open_sided
from mien.data.unit_views import Stills, View, Views
from mien.losses import occurrence
from mien.nn.graphau import GraphAU, Told
from mien.recipes.graphau.finishing import calibrated, keep
from mien.recipes.graphau.looking import look, seen
from mien.recipes.graphau.options import GraphAUConfig
from mien.recipes.graphau.starting import fresh
from mien.training import Run, launch, say
from mien.training.config import to_toml

__all__ = ["GraphAUConfig", "train"]


def terms(told: Told, view: View, rare: Float[Tensor, " units"]) -> Mapping[str, Float[Tensor, ""]]:
    """What is learned from; `rare` weighs units."""
    found = {"presence": occurrence.asymmetric(told.scores, view.present, rare)}
    if told.pairs is not None:
        main = math.isqrt(told.pairs.shape[1])
        found["relations"] = occurrence.together(told.pairs, view.present[:, :main])
    if told.intensities.shape[1]:
        found["strength"] = occurrence.strength(told.intensities, view.intensities)
    return found


def weighed(config: GraphAUConfig, found: Mapping[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """The loss."""
    weight = {"presence": 1.0, "relations": config.relations, "strength": config.strength}
    return torch.stack([weight[name] * term for name, term in found.items()]).sum()


def train(config: GraphAUConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    fabric = launch(options)
    with fabric.rank_zero_first():
        known = open_sided(config.data, config.cache, config.size, fold=config.fold, pictures=config.pictures)
    if known.left_out and fabric.global_rank == 0:
        say(known.left_out)
    learned, graded = known.learned, known.learned.graded
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = fresh(config, learned.units, graded)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    adam = torch.optim.AdamW(network.parameters(), lr=config.rate, betas=(0.9, 0.999), weight_decay=config.decay)
    total = math.ceil(config.epochs * len(learned) / (config.batch * fabric.world_size))
    run = Run(fabric, config.out, total=total, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(network, adam, memory=config.memory, warmup=1, wrapped=False)
    rare = fabric.to_device(occurrence.rarity(torch.from_numpy(learned.present)))
    views, unseen = Views(learned, graded, config.size, options.seed), Stills(known.unseen, graded, config.size)
    kept = cast(GraphAU, learner.average)
    run.resume(options.resume)
    for each in run.steps(run.batches(views, workers=options.workers), what="graphau"):
        view = View(*each)
        with fabric.autocast():
            told = network.tell(view.picture.contiguous(memory_format=torch.channels_last))
        found = terms(told, view, rare)
        loss = weighed(config, found)
        learner.learn(loss, clip=None)
        if run.due(50):
            run.log(loss=loss.detach(), **{name: term.detach() for name, term in found.items()})
        if run.due(options.every):
            look(run, kept, unseen, config)
            run.save()
    path = config.out / "graphau.safetensors"
    if fabric.global_rank == 0:
        keep(path, kept, calibrated(seen(run, kept, unseen, range(len(unseen)), config)), config, known.corpus)
    fabric.barrier()
    return path
