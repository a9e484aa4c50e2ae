"""How a network of the recipe `fgnet` does on faces of people not learned from, and which of its weights are kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from mien import weights
from mien.data.heatmap_views import Stills, View
from mien.metrics.detection.judged import Seen, judged
from mien.nn import calibration, fgnet
from mien.nn.calibration import Calibration
from mien.nn.fgnet import FGNet
from mien.recipes.fgnet.options import FGNetConfig
from mien.training import Run
from mien.training.config import to_toml

_LOOKED, _SHOWN = 2048, 4  # faces
_TILE, _INK = 96, 0.7  # pixels of a picture on the sheet, and how much of it a heatmap of 1 covers
_RED, _BLUE = (0.84, 0.15, 0.16), (0.12, 0.35, 0.75)  # where a unit is, and where it is not
_ABOVE = float(np.nextafter(0.0, 1.0))  # the published threshold of scores: above 0
_SLOPE = 2.0  # of the logit by the score, about the published threshold: as a score is taken that nothing is known of
_BEST, _BEST_STEP = "best", "best_step"  # in `Run.numbers`: the best F1, and when


@torch.no_grad()
def seen(run: Run, network: FGNet, faces: Stills, config: FGNetConfig) -> Seen:
    """Read some faces as the reader does."""
    places = np.unique(np.linspace(0, len(faces) - 1, _LOOKED).round().astype(int)).tolist()
    loader = DataLoader(Subset(faces, places), config.batch, num_workers=config.options.workers, generator=torch.Generator())
    each_batch: list[tuple[Tensor, ...]] = []
    for each in loader:
        view = View(*cast(Any, run.fabric.to_device(each)))
        with run.fabric.autocast():
            read = fgnet.read(network, view.picture)
        each_batch.append((fgnet.scores(read.heatmaps.float()), read.intensities.float(), view.present, view.intensities))
    return Seen(*(torch.cat(part).cpu() for part in zip(*each_batch, strict=True)))


def look(run: Run, network: FGNet, faces: Stills, config: FGNetConfig, corpus: str) -> None:
    """Tell how a network does, and show some heatmaps; it is kept if its mean F1, of units that somebody shows, was never better."""
    network.eval()
    numbers = told(network, seen(run, network, faces, config))
    run.log(**{f"val_{name}": value for name, value in numbers.items()})
    run.pictures("heatmaps", sheet(run, network, faces), columns=1 + len(network.units))
    network.train()
    found, best = run.fabric.broadcast(numbers.get("f1", 0.0)), run.numbers.get(_BEST, 0.0)  # all devices are to agree
    if found > best or not best:  # while nothing is detected, the last is the best
        run.numbers |= {_BEST: found, _BEST_STEP: run.step}
        if run.fabric.global_rank == 0:
            keep(network, config, corpus)


def told(network: FGNet, found: Seen) -> Mapping[str, float]:
    """F1, AUC and ICC of faces: F1 by the published threshold, or of a corrected network as it would be calibrated on them."""
    if network.mode == "compatible":
        return judged(found, network.units, _ABOVE)
    held = calibrated(found)
    return judged(found._replace(scores=held.probabilities(found.scores) - held.threshold), network.units, 0.0)


def calibrated(found: Seen) -> Calibration:
    """The calibration by some faces; a unit that they do not tell keeps the published threshold."""
    return calibration.fitted(found.scores, found.present, calibration.plain(found.scores.shape[1], slope=_SLOPE))


def settled(run: Run, steps: int) -> bool:
    """Whether the best weights are so many steps old."""
    return run.step - run.numbers.get(_BEST_STEP, run.step) >= steps


@torch.no_grad()
def sheet(run: Run, network: FGNet, faces: Stills) -> Float[Tensor, "n 3 t t"]:
    """Some faces, each with what was to be drawn of all units, and with what was drawn below."""
    tiles: list[Tensor] = []
    for place in range(0, len(faces), -(-len(faces) // _SHOWN)):
        view = faces[place]
        picture = run.fabric.to_device(view.picture)[None]
        drawn = fgnet.read(network, picture).heatmaps[0].cpu()
        tile = F.interpolate(view.picture[None] / 2 + 0.5, (_TILE, _TILE), mode="bilinear", antialias=True)
        tiles += [torch.cat([tile, laid_over(tile, heatmaps)]) for heatmaps in (view.targets, drawn)]
    return torch.cat(tiles)


def laid_over(picture: Float[Tensor, "1 3 t t"], heatmaps: Float[Tensor, "n h h"]) -> Float[Tensor, "n 3 t t"]:
    """A picture, 0..1, under each heatmap: red where it is above 0, blue where it is below."""
    maps = F.interpolate(heatmaps[:, None], picture.shape[2:], mode="bilinear")
    red, blue = (picture.new_tensor(colour)[:, None, None] for colour in (_RED, _BLUE))
    return torch.lerp(picture, torch.where(maps > 0, red, blue), _INK * maps.abs())


def path_of(config: FGNetConfig) -> Path:
    """The weight file."""
    return config.out / "fgnet.safetensors"


def keep(network: FGNet, config: FGNetConfig, corpus: str, further: Mapping[str, Tensor] = MappingProxyType({})) -> None:
    """Write the weight file; its recipe says of which corpus the network knows people, and by `fold` of whom it knows nothing."""
    tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in network.state_dict().items()}
    recipe = to_toml(config, folders=False) + (f"# What it was trained on.\ncorpus = {json.dumps(corpus)}\n" if corpus else "")
    weights.save(path_of(config), {**tensors, **further}, network.config, recipe=recipe)


def finish(run: Run, faces: Stills, config: FGNetConfig, corpus: str) -> None:
    """Calibrate the weights that were kept, and write them anew; a compatible network decides as published."""
    network = fgnet.of(weights.load(path_of(config)))
    if network.mode == "compatible":
        return
    found = seen(run, cast(FGNet, run.fabric.to_device(network)), faces, config)
    keep(network, config, corpus, calibration.stored(calibrated(found)))
