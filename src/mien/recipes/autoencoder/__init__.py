"""Recipe `autoencoder`: a generator, its encoder and its mapper learned together, where pictures are too few for a contest alone.

The encoder gives pictures their codes (as e4e does: one row for all, and small differences for each), the generator draws them again. Of
people who are known with two expressions, the second is never encoded: the mapper moves the code of the first by the change of action
units, and what is drawn there is to be the second picture. So expressions get directions of their own in the codes, which an encoder and a
mapper that come after a generator have to look for. From the first step on, the generator's mapping learns to make such codes out of random
numbers, against a network that tells both kinds apart; later a discriminator sees what is drawn of both kinds (Larsen et al. 2016;
Pidhorskyi et al. 2020, with two encoders less).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from jaxtyping import Float
from torch import Tensor

from mien import weights
from mien.data.expressions import open_expressions
from mien.data.pairs import Pair, Pairs
from mien.data.squares import open_squares
from mien.errors import DataError
from mien.inversion import choosing
from mien.nn import stylegan2
from mien.nn.encoders import Encoder4Editing, stretch
from mien.nn.mapper import limit_of
from mien.nn.stylegan2.generator import average_code
from mien.recipes.autoencoder.beginning import begun
from mien.recipes.autoencoder.lesson import Together
from mien.recipes.autoencoder.looking import held, look, unseen
from mien.recipes.autoencoder.options import AutoencoderConfig
from mien.training import Run, launch
from mien.training.config import to_toml

__all__ = ["AutoencoderConfig", "train"]


def train(config: AutoencoderConfig) -> Path:
    """Run the recipe; returns the path of the generator's weights."""
    options = config.options
    if config.data is None:
        raise DataError("no photos: name a folder, or a crop set such as sfhq_256.npz, with --data")
    photos = open_squares(config.data, config.size, flips=True, seed=options.seed)
    faces = {split: open_expressions(config.variants, split) for split in ("train", "val")}
    fabric = launch(options)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    lesson = begun(run, config)
    average = cast(Together, lesson.learner.average)
    samples = Pairs(photos, faces["train"], config.size, options.seed)
    pair = unseen(run, Pairs(held(config, photos), faces["val"], config.size, options.seed))
    stretch(cast(Encoder4Editing, cast(Together, lesson.learner.network).encoder.encoder), pair.photo)
    run.resume(options.resume)
    for batch in run.steps(run.batches(samples, workers=options.workers), what="autoencoder"):
        told = lesson.step(Pair(*batch), run.generator(options.seed))
        if run.due(50):
            run.log(**told)
        if run.due(options.every):
            look(run, average, pair, lesson.likeness)
            run.save()
    return _kept(config, average, pair.change, write=fabric.global_rank == 0)


def _kept(config: AutoencoderConfig, network: Together, changes: Float[Tensor, "n k"], *, write: bool) -> Path:
    """All three files, half as precise, which no picture shows; the limit of the mapper is that of `changes` not learned from."""
    path = config.out / "stylegan2.safetensors"
    if write:
        generator, encoder, mapper, recipe = network.generator, network.encoder, network.mapper, to_toml(config, folders=False)
        drawing = _halved(generator.state_dict())
        tensors = {f"generator.{name}": tensor for name, tensor in drawing.items()} | {stylegan2.MEAN: average_code(generator)}
        weights.save(path, tensors, {"kind": stylegan2.KIND, "generator": generator.config}, recipe=recipe)
        told = {"recipe": recipe, "made_for": weights.fingerprint(drawing)}
        weights.save(config.out / "e4e.safetensors", _halved(encoder.state_dict()), encoder.config, **told)
        held = {"kind": choosing.MAPPER, **mapper.config, "limit": limit_of(mapper.reach * mapper(mapper.repeated(changes)).detach())}
        weights.save(config.out / "auclip.safetensors", mapper.state_dict(), held, **told)
    return path


def _halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
