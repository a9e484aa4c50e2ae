"""Recipe `identity`: whose face it is, by the margin loss of ArcFace, learned from people who do not exist.

Drawn heads, each with a build and colours of its own, and photos of people who do not exist with other expressions, all as other cameras,
lights and files would have them (`mien.data.identities`). Without photos (no --data) of drawn heads alone.
"""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.data.folder import need
from mien.data.identities import People, photograph, photographed
from mien.faces.identity import KIND
from mien.metrics.verification import verify
from mien.nn.irse import IRSE
from mien.training import Run, RunOptions, launch
from mien.training.config import to_toml

_UNITS, _WIDER = (1, 2, 4, 1), (1, 2, 4, 8)  # of the stages; widths as multiples of the first
_PHOTOS = "sfhq_256.npz"
_VALIDATED = 128  # people of a kind, two pictures each


@dataclass(frozen=True)
class IdentityConfig:
    """Options of `mien train identity`."""

    data: Path | None = Path(os.environ["MIEN_DATA"]) if os.environ.get("MIEN_DATA") else None
    """Folder with the photos (sfhq_256.npz); drawn people alone without one."""
    out: Path = Path("runs/identity")
    """Folder for checkpoints, metrics and the trained weights (identity.safetensors)."""
    cache: Path = Path("runs/identity-faces")
    """Folder for the photos with other expressions: 30 kB each, made once."""
    each: int = 8
    """Expressions of each photo, a power of 2."""
    drawn: int = 2_000
    """Drawn people."""
    size: int = 64
    """Pixels of the crops, a multiple of 16."""
    width: int = 32
    """Channels of the first stage; the later ones have 2, 4 and 8 times as many."""
    code: int = 128
    """Numbers that describe a face."""
    scale: float = 24.0
    """Of the cosines before the softmax."""
    margin: float = 0.3
    """Radians by which a face must be nearer to its own person."""
    steps: int = 20_000
    """Training steps."""
    batch: int = 128
    """Faces a step and device."""
    rate: float = 1e-3
    """Highest learning rate."""
    decay: float = 0.05
    """Weight decay."""
    memory: float = 100_000
    """Half-life of the averaged weights, in faces seen."""
    options: RunOptions = field(default_factory=RunOptions)


class Centres(nn.Module):
    """A network and a direction for each person it learns from."""

    def __init__(self, network: IRSE, people: int) -> None:
        super().__init__()
        self.network = network
        self.centres = nn.Parameter(nn.init.normal_(torch.empty(people, network.config["code"])))

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b n"]:
        """Cosines between faces and people."""
        return self.network(pictures) @ F.normalize(self.centres).T


def margin_loss(cosines: Float[Tensor, "b n"], who: Int[Tensor, " b"], *, scale: float, margin: float) -> Float[Tensor, ""]:
    """Deng et al. 2019, equation 3: the softmax of ``s cos`` with ``s cos(theta + m)`` for the face's own person.

    Where theta + m would pass pi the cosine would rise again: there it goes on along ``cos(theta) - m sin(m)``.
    """
    own = cosines.gather(1, who[:, None]).float()
    sine = (1 - own.square()).clamp(min=1e-7).sqrt()
    moved = torch.where(own > -math.cos(margin), own * math.cos(margin) - sine * math.sin(margin), own - margin * math.sin(margin))
    return F.cross_entropy(scale * cosines.float().scatter(1, who[:, None], moved), who)


@torch.no_grad()
def validate(network: nn.Module, people: People) -> dict[str, float]:
    """Area under the ROC curve of pairs of pictures of people not trained on, two of each: of photographed and of drawn ones."""
    device, found = next(network.parameters()).device, dict[str, float]()
    for kind, start, end in (("photos", 0, people.photos), ("drawn", people.photos, people.count)):
        who = np.arange(start, min(end, start + _VALIDATED)).repeat(2)
        if len(who):
            pictures = torch.stack([people.picture(int(w), np.random.default_rng([people.seed, i])) for i, w in enumerate(who)])
            codes = torch.cat([network(part.to(device)).cpu() for part in pictures.split(64)])
            found[f"auc_{kind}"] = verify(codes.double().numpy(), who).auc
    return found


def train(config: IdentityConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    fabric = launch(options)
    if config.data is not None and fabric.global_rank == 0:
        photograph(need(config.data, _PHOTOS) / _PHOTOS, config.cache, each=config.each, workers=max(1, options.workers))
    fabric.barrier()
    people = {split: _people(config, split) for split in ("train", "val")}
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = IRSE(config.size, _UNITS, [times * config.width for times in _WIDER], config.code)
        whole = Centres(network, people["train"].count)
    optimizer = torch.optim.AdamW(whole.parameters(), lr=config.rate, weight_decay=config.decay)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(whole, optimizer, memory=config.memory)
    kept = cast(Centres, learner.average).network
    run.resume(options.resume)
    for pictures, who in run.steps(run.batches(people["train"], workers=options.workers), what="identity"):
        cosines = learner.network(pictures)
        loss = margin_loss(cosines, who, scale=config.scale, margin=config.margin)
        learner.learn(loss, clip=5.0)
        if run.due(50):
            run.log(loss=loss.detach(), right=(cosines.argmax(1) == who).float().mean())
        if run.due(options.every):
            run.log(**validate(kept, people["val"]))
            run.save()
    path = config.out / "identity.safetensors"
    if fabric.global_rank == 0:
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in kept.state_dict().items()}
        weights.save(path, tensors, {"kind": KIND, **network.config}, recipe=to_toml(config, folders=False))
    return path


def _people(config: IdentityConfig, split: str) -> People:
    """Endless pictures of the people of a split; a quarter as many drawn ones to validate."""
    learns = split == "train"
    drawn, seed = (config.drawn, config.options.seed) if learns else (max(2, config.drawn // 4), config.options.seed + 1)
    photos = None if config.data is None else photographed(config.data / _PHOTOS, config.cache, split)
    return People(drawn, config.size, seed, photos)
