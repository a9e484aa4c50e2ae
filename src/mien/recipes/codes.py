"""Recipe `codes`: how the codes of photos lie, so that random faces of a generator with an encoder are drawn from there.

It writes the generator's file again with it; no network changes. Faces of `mien generate stylegan` are drawn from it where a file has
it, and else from what the mapping makes of random numbers.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from mien import weights
from mien.data.sources import has_splits
from mien.data.squares import Squares, open_squares
from mien.errors import DataError
from mien.inversion import choosing
from mien.inversion.encoding import encoded_each
from mien.nn.encoders import Inverter
from mien.nn.stylegan2 import PHOTOS
from mien.nn.stylegan2.photos import fitted, kept
from mien.training import Run, RunOptions, launch, say
from mien.training.config import to_toml
from mien.training.limits import Checked


@dataclass(frozen=True)
class CodesConfig(Checked):
    """Options of `mien train codes`."""

    data: Path = Path("runs/faces")
    """Photos in FFHQ's framing: a crop set, or a folder, .zip, LMDB or .tar shards of `mien data faces` or FFHQ."""
    generator: Path | None = None
    """Weights of StyleGAN2, with an encoder beside them; without, those that `mien edit --engine stylegan` takes."""
    out: Path = Path("runs/codes")
    """Folder for metrics and the generator with its codes (stylegan2.safetensors)."""
    options: RunOptions = field(default_factory=RunOptions)


def train(config: CodesConfig) -> Path:
    """Run the recipe; returns the path of the generator's file. Raises `DataError` for fewer than two photos."""
    fabric = launch(config.options)
    files = choosing.files(config.generator)
    stored, (found, _, _) = weights.load(files.generator), choosing.networks(replace(files, mapper=None, redrawer=None))
    size = int(found.encoder.config["size"])
    learned = open_squares(config.data, size, flips=False, seed=config.options.seed)
    if len(learned) < 2:
        raise DataError(f"{config.data} has {len(learned)} photos to learn from: give at least 2")
    run = Run(fabric, config.out, total=1, batch=2 * len(learned), config=to_toml(config), tensorboard=config.options.tensorboard)
    run.resume("never")
    photos = fitted(both_ways(learned, found.encoder, fabric), found.generator.code)
    run.step = 1
    run.log(photos=float(len(learned)), axes=float(len(photos.axes)))
    if has_splits(config.data):
        unseen = open_squares(config.data, size, flips=False, seed=config.options.seed, split="val")
        run.log(val_kept=kept(photos, both_ways(unseen, found.encoder, fabric)))
    path = config.out / "stylegan2.safetensors"
    if fabric.global_rank == 0:
        tensors = dict(zip(PHOTOS, (part.to(next(iter(stored.tensors.values())).dtype) for part in photos), strict=True))
        weights.save(path, {**stored.tensors, **tensors}, stored.config, recipe=stored.recipe, made_for=stored.made_for)
        say(f"{len(photos.axes)} axes of the codes of {len(learned)} photos and their mirror images")
    return path


def both_ways(photos: Squares, encoder: Inverter, fabric: Fabric) -> Float[Tensor, "n l d"]:
    """The codes of all photos, then those of their mirror images."""

    def picture(number: int) -> Float[Tensor, "3 s s"]:
        turn, index = divmod(number, len(photos))
        return photos.shown(index).flip(2) if turn else photos.shown(index)

    return encoded_each(picture, 2 * len(photos), encoder, fabric)
