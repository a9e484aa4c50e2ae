"""How a network of the recipe `graphau` does on faces of people not learned from."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from mien.data.unit_views import Stills, View
from mien.metrics.detection.judged import Seen, judged
from mien.nn import graphau
from mien.nn.graphau import GraphAU
from mien.recipes.graphau.options import GraphAUConfig
from mien.training import Run

_HALF = 0.5  # the published threshold of scores
_LOOKED, _SHOWN = 1024, 8  # faces; of each unit


@torch.no_grad()
def seen(run: Run, network: GraphAU, faces: Stills, places: Sequence[int], config: GraphAUConfig) -> Seen:
    """Read the faces at some places as the reader does."""
    learns = network.training
    loader = DataLoader(Subset(faces, places), config.batch, num_workers=config.options.workers, generator=torch.Generator())
    told: list[tuple[Tensor, ...]] = []
    network.eval()
    for each in loader:
        view = View(*cast(Any, run.fabric.to_device(each)))
        with run.fabric.autocast():
            read = graphau.read(network, view.picture.contiguous(memory_format=torch.channels_last))
        told.append((read.scores, read.intensities, view.present, view.intensities))
    network.train(learns)
    return Seen(*(torch.cat(part).float().cpu() for part in zip(*told, strict=True)))


def look(run: Run, network: GraphAU, faces: Stills, config: GraphAUConfig) -> None:
    """Tell how a network does on some faces, and show those in which it sees each unit most clearly."""
    places = np.unique(np.linspace(0, len(faces) - 1, _LOOKED).round().astype(int)).tolist()
    found = seen(run, network, faces, places, config)
    run.log(**{f"val_{name}": value for name, value in judged(found, network.units, _HALF).items()})
    clearest = found.scores.topk(min(_SHOWN, len(places)), dim=0).indices.T  # a row for each unit
    sheet = [torch.from_numpy(faces.picture(places[place])) for place in clearest.flatten().tolist()]
    run.pictures("clearest", torch.stack(sheet).permute(0, 3, 1, 2) / 255, columns=clearest.shape[1])
