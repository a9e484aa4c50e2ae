"""Recipe `fgnet`: a reader of action units out of a generator of faces and its encoder (FG-Net, Yin et al. 2024).

The encoder finds the code of a face, the generator grows its picture from it, and an interpreter makes a heatmap for each unit of the
features on the way. All three learn, at the published rates. After every epoch faces of people are read who are not learned from: the
weights that do best are kept, and it ends once some epochs have brought nothing better. On the same faces probabilities are calibrated
and thresholds set. Whom the fold of a corpus tests has no part in any of it.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.heatmap_views import Stills, View, Views
from mien.losses import occurrence
from mien.nn.fgnet import Told
from mien.recipes.fgnet.looking import finish, look, path_of, settled
from mien.recipes.fgnet.options import FGNetConfig
from mien.recipes.fgnet.starting import faces, fresh, parts
from mien.training import Run, constant, launch
from mien.training.config import to_toml

__all__ = ["FGNetConfig", "train"]


def terms(told: Told, view: View) -> Mapping[str, Float[Tensor, ""]]:
    """What is learned from: the mean over units, as far as they are known, of the squared difference of heatmaps; and intensities."""
    known = ~view.present.isnan()
    apart = (told.heatmaps.float() - view.targets).square().mean((2, 3)).where(known, 0.0)
    found = {"heatmaps": apart.sum() / known.sum().clamp_min(1)}
    return found | ({"strength": occurrence.strength(told.intensities.float(), view.intensities)} if told.intensities.shape[1] else {})


def train(config: FGNetConfig) -> Path:
    """Run the recipe; returns the path of the best weights."""
    with torch.random.fork_rng():  # what is left out of features is drawn from the state of all
        torch.random.default_generator.manual_seed(config.options.seed)
        return _train(config)


def _train(config: FGNetConfig) -> Path:
    options = config.options
    fabric = launch(options)
    begun = parts(config)
    known = faces(config, int(begun.encoder.config["size"]), fabric)
    mended = config.mode == "corrected"
    graded = known.learned.graded if mended else ()
    network = fresh(config, begun, known.learned.units, graded)
    learned, unseen = (Stills(of, graded, network.config["size"]) for of in (known.learned, known.unseen))
    views = Views(learned, options.seed, flips=mended)
    epoch = config.epoch(len(learned), config.batch * fabric.world_size)
    run = Run(fabric, config.out, total=config.epochs * epoch, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    adam = torch.optim.AdamW(learning, lr=config.rate, weight_decay=config.decay)
    learner = run.learner(network, adam, warmup=1, schedule=constant, wrapped=False)
    run.resume(options.resume)
    patience = config.patience * epoch
    for each in run.steps(() if settled(run, patience) else run.batches(views, workers=options.workers), what="fgnet"):
        view = View(*each)
        with fabric.autocast():
            told = network.tell(view.picture)
        found = terms(told, view)
        loss = found["heatmaps"] + config.strength * found.get("strength", 0.0)
        learner.learn(loss, clip=config.clip)
        if run.due(50):
            run.log(loss=loss.detach(), **{name: term.detach() for name, term in found.items()})
        if run.due(epoch):
            look(run, network, unseen, config, known.corpus)
            run.save()
            if settled(run, patience):
                break
    if fabric.global_rank == 0:
        finish(run, unseen, config, known.corpus)
    fabric.barrier()
    return path_of(config)
