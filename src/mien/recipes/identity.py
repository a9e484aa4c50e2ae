"""Recipe `identity`: whose face it is, by the margin loss of ArcFace, learned from people who do not exist.

A batch shows two pictures of each of many people (`mien.data.identities`): the one is to be nearer to the other than to those of
everybody else, and both to what the person looks like at rest and from the front (`mien.data.gradients`). At the end the last linear
map is solved for in closed form. People are photos of faces that a generator made up, drawn heads, and mixtures of two; without photos
(no --data) drawn heads alone.
"""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from mien import weights
from mien.data import sitters
from mien.data.folder import need
from mien.data.identities import People
from mien.errors import UsageError
from mien.faces.identity import KIND
from mien.metrics.verification import verify
from mien.nn.irse import IRSE
from mien.training import Run, RunOptions, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive

_UNITS, _WIDER = (1, 2, 4, 1), (1, 2, 4, 8)  # of the stages; widths as multiples of the first
_PHOTOS = "sfhq_128.npz"
_VALIDATED = 128  # people
_SHOWN = 24  # people


@dataclass(frozen=True)
class IdentityConfig(Checked):
    """Options of `mien train identity`."""

    data: Path | None = Path(os.environ["MIEN_DATA"]) if os.environ.get("MIEN_DATA") else None
    """Folder with the photos (sfhq_128.npz); drawn people alone without one."""
    out: Path = Path("runs/identity")
    """Folder for checkpoints, metrics and the trained weights (identity.safetensors)."""
    drawn: Annotated[int, Limits(2)] = 200
    """Drawn heads among the people."""
    size: Annotated[int, Limits(16, multiple=16)] = 48
    """Pixels of the crops."""
    width: Count = 32
    """Channels of the first stage; the later ones have 2, 4 and 8 times as many."""
    code: Count = 512
    """Numbers that describe a face."""
    looks: NotNegative = 1.0
    """Weight of the loss on what people look like, beside that on pairs of pictures."""
    scale: Positive = 20.0
    """Of the cosines before the softmax."""
    margin: Annotated[float, Limits(0, 1.5)] = 0.2
    """Radians by which a picture must be nearer to the other one of its own person."""
    steps: Count = 1_500
    """Training steps."""
    batch: Count = 64
    """People a step and device, two pictures of each."""
    rate: Positive = 2e-3
    """Highest learning rate."""
    decay: NotNegative = 0.05
    """Weight decay."""
    memory: NotNegative = 4_000
    """Half-life of the averaged weights, in people seen."""
    settled: Annotated[int, Limits(2)] = 6_000
    """People by whose pictures the last linear map is solved for."""
    ridge: Positive = 2.0
    """Of that: how much is added to how pictures of a person differ, as a share of its mean over the features."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be; a code is no longer than what it is made of."""
        super().__post_init__()
        if self.code > (most := _WIDER[-1] * self.width * (self.size // 16) ** 2):
            raise UsageError(f"code = {self.code} is not allowed: at most {most} at width {self.width} and size {self.size}")


def margin_loss(cosines: Float[Tensor, "b n"], who: Int[Tensor, " b"], *, scale: float, margin: float) -> Float[Tensor, ""]:
    """Deng et al. 2019, equation 3: the softmax of ``s cos`` with ``s cos(theta + m)`` for the face's own person.

    Where theta + m would pass pi the cosine would rise again: there it goes on along ``cos(theta) - m sin(m)``.
    """
    own = cosines.gather(1, who[:, None]).float()
    sine = (1 - own.square()).clamp(min=1e-7).sqrt()
    moved = torch.where(own > -math.cos(margin), own * math.cos(margin) - sine * math.sin(margin), own - margin * math.sin(margin))
    return F.cross_entropy(scale * cosines.float().scatter(1, who[:, None], moved), who)


def both_ways(
    codes: Float[Tensor, "b d"], others: Float[Tensor, "b d"], *, scale: float, margin: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The margin loss with a batch's codes of the same people for centres; and the share that are nearest to their own.

    The paper's centres, learned for each person, would be seen too seldom: hardly anybody comes twice.
    """
    cosines, who = codes @ others.T, torch.arange(len(codes), device=codes.device)
    loss = (margin_loss(cosines, who, scale=scale, margin=margin) + margin_loss(cosines.T, who, scale=scale, margin=margin)) / 2
    return loss, (cosines.argmax(1) == who).float().mean()


class Looks(nn.Module):
    """Descriptions of faces as directions: their principal components, the strong ones held back by the root of their strength."""

    def __init__(self, described: Float[np.ndarray, "n k"], code: int) -> None:
        """Learn `code` components from people; where there are fewer the rest is 0."""
        super().__init__()
        self.mean: Tensor
        self.basis: Tensor
        mean = described.mean(axis=0)
        _, strength, components = np.linalg.svd(described - mean, full_matrices=False)
        kept = (components / np.sqrt(strength + 1e-3 * strength[0])[:, None])[:code]
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("basis", torch.from_numpy(np.pad(kept, ((0, code - len(kept)), (0, 0))).T.copy()))

    def forward(self, described: Float[Tensor, "b k"]) -> Float[Tensor, "b d"]:
        """Directions of length 1."""
        return F.normalize((described - self.mean) @ self.basis)


def discriminants(features: Float[Tensor, "n 2 k"], count: int, *, ridge: float) -> tuple[Float[Tensor, "count k"], Float[Tensor, " k"]]:
    """The directions in which people differ most, where two pictures of one differ by 1 in each (Fisher 1936); and the mean.

    A cosine then counts every direction by what it tells: as a network's last map is learned by steps, it counts a few too much.
    """
    features = features.double()
    mean = features.mean((0, 1))
    within = torch.cov((features[:, 0] - features[:, 1]).T / math.sqrt(2))
    within += ridge * within.diagonal().mean() * torch.eye(len(within), dtype=within.dtype)
    lengths, axes = torch.linalg.eigh(within)
    white = axes / lengths.sqrt()
    _, most = torch.linalg.eigh(torch.cov(((features - mean).flatten(0, 1) @ white).T))
    return (white @ most[:, -count:]).T.float(), mean.float()


@torch.no_grad()
def settle(network: IRSE, samples: Iterable[tuple[Tensor, Tensor]], *, ridge: float) -> None:
    """Solve for the last linear map, by pictures of people."""
    device = next(network.parameters()).device
    seen = [network.features(pictures.flatten(0, 1).to(device)).float().cpu().unflatten(0, (-1, 2)) for pictures, _ in samples]
    network.conclude(*(part.to(device) for part in discriminants(torch.cat(seen), network.config["code"], ridge=ridge)))


@torch.no_grad()
def validate(network: nn.Module, people: People) -> float:
    """Area under the ROC curve of pairs of pictures of people not trained on."""
    device = next(network.parameters()).device
    pictures = torch.stack([people[number][0] for number in range(_VALIDATED)]).flatten(0, 1)
    codes = torch.cat([network(part.to(device)).cpu() for part in pictures.split(64)])
    return verify(codes.double().numpy(), np.arange(_VALIDATED).repeat(2)).auc


@torch.no_grad()
def shown(network: nn.Module, people: People, count: int) -> Float[Tensor, "n 3 s s"]:
    """By threes, of people not trained on: a picture, the other one of the same person, and the one of somebody else taken for nearest."""
    device = next(network.parameters()).device
    one, other = torch.stack([people[number][0] for number in range(count)]).unbind(1)
    cosines = network(one.to(device)).float() @ network(other.to(device)).float().T
    stranger = cosines.cpu().fill_diagonal_(-2).argmax(1)
    return torch.stack([one, other, other[stranger]], dim=1).flatten(0, 1) / 2 + 0.5


def train(config: IdentityConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    fabric = launch(options)
    people = {split: _people(config, split) for split in ("train", "val")}
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = IRSE(config.size, _UNITS, [times * config.width for times in _WIDER], config.code)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(network, optimizer, memory=config.memory)
    looks = fabric.to_device(Looks(people["train"].sitters.described, config.code))
    run.resume(options.resume)
    for pictures, described in run.steps(run.batches(people["train"], workers=options.workers), what="identity"):
        codes = learner.network(pictures.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        one, other = codes.float().unflatten(0, (-1, 2)).unbind(1)
        loss, right = both_ways(one, other, scale=config.scale, margin=config.margin)
        directions = looks(described)
        for code in (one, other):
            loss = loss + config.looks / 2 * both_ways(code, directions, scale=config.scale, margin=config.margin)[0]
        learner.learn(loss, clip=5.0)
        if run.due(50):
            run.log(loss=loss.detach(), right=right)
        if run.due(options.every):
            run.log(auc=validate(learner.average, people["val"]))
            run.pictures("threes", shown(learner.average, people["val"], _SHOWN), columns=12)
            run.save()
    path = config.out / "identity.safetensors"
    if fabric.global_rank == 0:
        kept = cast(IRSE, learner.average)
        unseen = Subset(people["train"], range(first := run.images, first + config.settled))
        with fabric.autocast():
            settle(kept, DataLoader(unseen, config.batch, num_workers=options.workers, generator=torch.Generator()), ridge=config.ridge)
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in kept.state_dict().items()}
        weights.save(path, tensors, {"kind": KIND, **network.config}, recipe=to_toml(config, folders=False))
    return path


def _people(config: IdentityConfig, split: str) -> People:
    """The people of a split; a quarter as many drawn heads to validate."""
    learns = split == "train"
    drawn, seed = (config.drawn, config.options.seed) if learns else (max(2, config.drawn // 4), config.options.seed + 1)
    known = sitters.drawn(drawn, seed)
    if config.data is not None:
        known = sitters.photographed(need(config.data, _PHOTOS) / _PHOTOS, split).with_others(known)
    return People(known, config.size, seed)
