"""Recipe `landmarks`: 468 points on a face from 128 x 128 pixels, learned from a published network on faces of people who do not exist.

Faces and teacher: see `mien.data.labelled`. Stage one photographs each person many times: head turns, labelled by the teacher, and
expressions, labelled by the engine that draws them. Stage two trains on squares cut from those pictures as a detector (coarse) or an
earlier pass (fine) would.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.data.folder import need
from mien.data.labelled import NEEDED, label_faces, people
from mien.data.views import Views
from mien.faces.align import OUTER_EYES
from mien.geometry import facemesh
from mien.nn.landmarks import LandmarkNet
from mien.training import Run, RunOptions, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive, Share
from mien.training.marks import GREEN, RED, magnified, marked

#: Pairs of points whose distance is what an expression shows: the margins of lips and lids without their corners, brows over lids.
_PAIRS = (
    *zip(facemesh.LIP_UPPER[1:-1], facemesh.LIP_LOWER[1:-1], strict=True),
    *(pair for side in "RL" for pair in zip(facemesh.LID_UPPER[side][1:-1], facemesh.LID_LOWER[side][1:-1], strict=True)),
    *(pair for side in "RL" for pair in zip(facemesh.BROW[side], facemesh.LID_UPPER[side][::2], strict=True)),
)
_ABOVE, _BELOW = ([pair[end] for pair in _PAIRS] for end in (0, 1))


@dataclass(frozen=True)
class LandmarksConfig(Checked):
    """Options of `mien train landmarks`."""

    data: Path = Path(os.environ.get("MIEN_DATA", "data"))
    """Folder with the crop sets, the teacher and the head model."""
    out: Path = Path("runs/landmarks")
    """Folder for checkpoints, metrics and the trained weights (landmarks.safetensors)."""
    cache: Path = Path("runs/landmark-faces")
    """Folder for the labelled faces: 110 kB each, made once."""
    start: Path | None = None
    """Weights to start from, as another run left them; random ones without."""
    variants: Count = 12
    """Pictures of each person: the photo and its turns, each with three more expressions."""
    drawn: Annotated[int, Limits()] = 60
    """Drawn heads among the people."""
    steps: Count = 7_000
    """Training steps."""
    batch: Count = 48
    """Faces a step and device."""
    rate: Positive = 1.2e-3
    """Highest learning rate."""
    decay: NotNegative = 0.02
    """Weight decay."""
    memory: NotNegative = 33_000
    """Half-life of the averaged weights, in faces seen."""
    absent: Share = 0.1
    """Share of pictures without a face."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))


def point_loss(found: Float[Tensor, "b 468 3"], truth: Float[Tensor, "b 468 3"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Mean distance of the points in the picture, and mean error of their depth, in outer eye distances."""
    unit = (truth[:, OUTER_EYES[0], :2] - truth[:, OUTER_EYES[1], :2]).norm(dim=1)
    apart = found - truth
    return (apart[..., :2].square().sum(-1) + 1e-8).sqrt().mean(1) / unit, apart[..., 2].abs().mean(1) / unit


def gap_loss(found: Float[Tensor, "b 468 3"], truth: Float[Tensor, "b 468 3"]) -> Float[Tensor, " b"]:
    """Mean error in the picture of how lids and lips are parted and brows raised, in outer eye distances.

    A lid that shuts moves 3 % of the points by 3 % of the outer eye distance: unless its gap is asked for by itself, whatever misplaces
    the whole face drowns it.
    """
    unit = (truth[:, OUTER_EYES[0], :2] - truth[:, OUTER_EYES[1], :2]).norm(dim=1)
    apart = (found - truth)[..., :2]
    gaps = apart[:, _ABOVE] - apart[:, _BELOW]
    return (gaps.square().sum(-1) + 1e-8).sqrt().mean(1) / unit


def loss_of(network: nn.Module, pictures: Tensor, truth: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    """What is learned, and the mean distance of the points of faces alone."""
    found, logit = network(pictures.contiguous(memory_format=torch.channels_last))
    plane, depth = point_loss(found, truth)
    count = face.sum().clamp(min=1)
    distance, depth, gaps = ((part * face).sum() / count for part in (plane, depth, gap_loss(found, truth)))
    return distance + 0.5 * gaps + 0.2 * depth + 0.02 * F.binary_cross_entropy_with_logits(logit, face), distance


@torch.no_grad()
def validate(network: nn.Module, views: Views, count: int) -> float:
    """Median distance of the points over fresh squares of people not trained on, in outer eye distances."""
    errors: list[Tensor] = []
    for start in range(0, count, 64):
        pictures, truth, face = (torch.stack(part) for part in zip(*(views[i] for i in range(start, min(start + 64, count))), strict=True))
        found, _ = network(pictures.to(next(network.parameters()).device))
        errors.append(point_loss(found.cpu(), truth)[0][face > 0])
    return float(torch.cat(errors).median())


@torch.no_grad()
def shown(network: nn.Module, views: Views, count: int) -> Float[Tensor, "n 3 t t"]:
    """Squares of people not trained on: where the points are (green), and where they are found (red)."""
    pictures, truth, _ = (torch.stack(part) for part in zip(*(views[i] for i in range(count)), strict=True))
    found, _ = network(pictures.to(next(network.parameters()).device))
    return marked(marked(magnified(pictures, 2), truth, GREEN), found, RED)


def train(config: LandmarksConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    need(config.data, *NEEDED)
    fabric = launch(options)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = LandmarkNet()
    views = {split: _views(config, split, network.size) for split in ("train", "val")}
    _begin(network, config, views["train"])
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(network, optimizer, memory=config.memory)
    run.resume(options.resume)
    for pictures, truth, face in run.steps(run.batches(views["train"], workers=options.workers), what="landmarks"):
        loss, distance = loss_of(learner.network, pictures, truth, face)
        learner.learn(loss)
        if run.due(50):
            run.log(loss=loss.detach(), distance=distance.detach())
        if run.due(options.every):
            run.log(validation=validate(learner.average, views["val"], 256))
            run.pictures("points", shown(learner.average, views["val"], 8), columns=4)
            run.save()
    path = config.out / "landmarks.safetensors"
    if fabric.global_rank == 0:
        tensors = {name: _half(tensor) for name, tensor in learner.average.state_dict().items()}
        weights.save(path, tensors, network.config, recipe=to_toml(config, folders=False))
    return path


def _views(config: LandmarksConfig, split: str, size: int) -> Views:
    """Endless squares of the people of a split: of 8 pictures each without drawn heads, when they are to validate."""
    learns = split == "train"
    count, drawn, seed = config.variants if learns else 8, config.drawn if learns else 0, config.options.seed
    jobs = people(config.data, split, count=count, drawn=drawn, seed=seed)
    faces = label_faces(config.cache / f"{split}-{count}-{drawn}", jobs, what=f"label {split}", workers=max(1, config.options.workers))
    return Views(faces, size, config.absent, seed + (not learns))


def _begin(network: LandmarkNet, config: LandmarksConfig, views: Views) -> None:
    """Start at the mean face, or where another run ended."""
    if config.start:
        weights.fill(network, weights.load(config.start)).train()
    else:
        with torch.no_grad():
            network.points.bias.copy_(views.mean_points(256).flatten())
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor
