"""Recipe `auclip`: a mapper that moves the codes of a generator of faces by action units.

A `calibrated` one learns from two pictures of each person whose expressions differ by known steps (`mien data synth --photos`): from the
code of the one it is to reach that of the other, and the generator is to draw there what the other one shows. From AU-CLIP's data, latents
with scores of action units, either mode learns as AU-CLIP does: towards the expression of another face, by CLIP, a network for identity,
and a reader of action units, with AU-CLIP's defaults. A `compatible` one is AU-CLIP's throughout; a `calibrated` one hears how strong a
change of scores is, its rate falls, and its gains are measured on what the generator draws of the calmest faces of the test split.
"""

from pathlib import Path
from typing import cast

import torch

from mien.data.synth.store import ABOUT
from mien.nn.mapper import LevelsMapper
from mien.recipes.auclip.finishing import finish
from mien.recipes.auclip.looking import look, weighed
from mien.recipes.auclip.options import AUCLIPConfig
from mien.recipes.auclip.tasks import of_expressions, of_latents
from mien.training import Ranger, Run, constant, cosine, launch, say
from mien.training.config import to_toml

__all__ = ["AUCLIPConfig", "train"]


def train(config: AUCLIPConfig) -> Path:
    """Run the recipe; returns the path of the best weights."""
    options = config.options
    fabric = launch(options)
    with torch.random.fork_rng():  # networks are made with numbers in them
        torch.random.default_generator.manual_seed(options.seed)
        task = of_latents(config) if config.of_latents and not (config.data / ABOUT).is_file() else of_expressions(config, fabric)
    mapper, calibrated = task.mapper, config.mode == "calibrated"
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    adam = torch.optim.Adam if config.optimizer == "adam" else Ranger
    learner = run.learner(
        mapper,
        adam(mapper.parameters(), lr=config.rate),
        memory=config.memory,
        warmup=1,
        schedule=cosine if calibrated else constant,
        wrapped=False,
    )
    lesson = task.lesson
    fabric.to_device(lesson)
    run.resume(options.resume)
    path = config.out / "auclip.safetensors"
    if run.step == 0:
        look(run, config, task, learner, path)
    for batch in run.steps(run.batches(task.learned, workers=options.workers), what="auclip"):
        moved = lesson.moved(cast(LevelsMapper, learner.network), batch)
        with fabric.autocast():
            terms = lesson(batch, moved)
        loss = weighed(config, terms)
        learner.learn(loss, clip=None)
        if run.due(50):
            run.log(loss=loss.detach(), **{name: term.detach() for name, term in terms.items()})
        if run.due(options.every):
            look(run, config, task, learner, path)
            run.save()
    if calibrated and not task.sitters and fabric.global_rank == 0:
        say("the generator draws no face of the data that is found: no gains are measured, steps are taken as they are")
    if task.sitters and fabric.global_rank == 0:
        finish(path, config, task)
    fabric.barrier()
    return path
