"""What the recipe `autoencoder` tells of people whom it has not learned from."""

import torch
from torch import nn
from torch.utils.data import default_collate

from mien.data.pairs import Pair, Pairs
from mien.data.squares import Squares, open_squares
from mien.losses.likeness import Likeness
from mien.nn.stylegan2.generator import drawn
from mien.recipes.autoencoder.lesson import Together
from mien.recipes.autoencoder.options import AutoencoderConfig
from mien.training import Run

_SHOWN, _VALIDATED = 16, 128  # pictures


def held(config: AutoencoderConfig, photos: Squares) -> Squares:
    """Photos to look at: of a crop set those that nothing learns from."""
    if config.data is None or config.data.suffix.lower() != ".npz":
        return photos
    return open_squares(config.data, config.size, flips=False, seed=0, split="val")


def unseen(run: Run, pairs: Pairs) -> Pair:
    """Samples that nothing learns from."""
    return Pair(*run.fabric.to_device(default_collate([pairs[number] for number in range(_VALIDATED)])))


@torch.no_grad()
def look(run: Run, network: Together, pair: Pair, likeness: Likeness) -> None:
    """How near people not learned from are drawn again, and how a change of theirs is; pictures of both, and of random codes."""
    generator, real = network.generator, pair.photo
    again = generator(network.encoder(real)).clamp(-1, 1)
    distance, error = likeness(again, real), (again - real).square().mean((1, 2, 3))
    codes = network.encoder(pair.before)
    before, after = generator(codes), generator(network.mapper.move(codes, pair.change))
    follows = nn.functional.cosine_similarity((after - before).flatten(1), (pair.after - pair.before).flatten(1)).mean()
    run.log(val_psnr=10 * torch.log10(4 / error).mean(), val_grids=distance.grids, val_identity=1 - distance.identity, val_follows=follows)
    w = generator.map(drawn(range(_SHOWN), generator.code).to(real.device))
    made = generator(generator.spread(w)).clamp(-1, 1)
    twice = torch.stack([real[:_SHOWN], again[:_SHOWN]], 1).flatten(0, 1)
    moved = torch.stack([pair.before, pair.after, before, after], 1)[: _SHOWN // 2].flatten(0, 1)
    run.pictures("faces", torch.cat([twice, moved, made]).clamp(-1, 1).cpu() / 2 + 0.5)
