"""What the recipe `fgnet` begins with: faces, and the network before the first step."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from lightning_fabric import Fabric

from mien import weights
from mien.data.heatmap_views import Wide
from mien.data.keptfaces import Framing
from mien.data.occurrences import Known, open_known
from mien.data.sided import synthetic
from mien.inversion import choosing
from mien.nn import encoders, pyramid, stylegan2
from mien.nn.encoders import Inverter
from mien.nn.fgnet import FGNet
from mien.nn.stylegan2 import Generator
from mien.recipes.fgnet.options import FGNetConfig
from mien.training import say

_FRAME = "ffhq"
_LARGEST, _OUTPUTS = 128, 32  # cells a side of published heatmaps, and how many there are


class Parts(NamedTuple):
    """What knows faces already, but no units."""

    encoder: Inverter
    generator: Generator


def parts(config: FGNetConfig) -> Parts:
    """Those that are named, or here."""
    found = choosing.files(config.generator)
    return Parts(encoders.of(weights.load(found.encoder)), stylegan2.generator(weights.load(found.generator)))


def faces(config: FGNetConfig, size: int, fabric: Fabric) -> Known:
    """The faces, `size` pixels a side, that are learned from, and those that are validated on."""
    folders = synthetic(config.data)
    framing = Wide(_FRAME, size) if folders else Framing(_FRAME, size)
    with fabric.rank_zero_first():
        known = open_known(
            folders or [config.data],
            framing,
            config.cache,
            fold=config.fold,
            samples=config.samples,
            pictures=config.pictures,
            seed=config.options.seed,
        )
    if known.left_out and fabric.global_rank == 0:
        say(known.left_out)
    return known


def fresh(config: FGNetConfig, begun: Parts, units: Sequence[str], graded: Sequence[str]) -> FGNet:
    """The network, all of which learns; of it the interpreter alone begins with random numbers."""
    network = FGNet(
        *begun,
        units,
        min(_LARGEST, begun.generator.size),
        outputs=max(_OUTPUTS, len(units)) if config.mode == "compatible" else None,
        dropout=config.dropout,
        mode=config.mode,
        graded=graded,
    )
    pyramid.initialise(network.interpreter, torch.Generator().manual_seed(config.options.seed))
    return network.train()
