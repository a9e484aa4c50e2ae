"""Recipe `landmarks`: 468 points on a face from 128 x 128 pixels, learned from a published network on faces of people who do not exist.

Faces and teacher: see `mien.data.labelled`. Stage one photographs each person many times: head turns, labelled by the teacher, and
expressions, labelled by the engine that draws them. Stage two trains on squares cut from those pictures as a detector (coarse) or an
earlier pass (fine) would.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.data.folder import need
from mien.data.labelled import NEEDED, label_faces, people
from mien.data.views import Views
from mien.data.warps import mirrored_landmarks
from mien.faces.align import OUTER_EYES
from mien.nn.landmarks import LandmarkNet
from mien.training import Resume, Run, launch


@dataclass(frozen=True)
class LandmarksConfig:
    """Options of `mien train landmarks`."""

    data: Path = Path(os.environ.get("MIEN_DATA", "data"))
    """Folder with the crop sets, the teacher and the head model."""
    out: Path = Path("runs/landmarks")
    """Folder for checkpoints, metrics and the trained weights (landmarks.safetensors)."""
    cache: Path = Path("runs/landmark-faces")
    """Folder for the labelled faces: 110 kB each, made once."""
    start: Path | None = None
    """Weights to start from, as another run left them; random ones without."""
    variants: int = 12
    """Pictures of each person: the photo and its turns, each with three more expressions."""
    drawn: int = 60
    """Drawn heads among the people."""
    steps: int = 7_000
    """Training steps."""
    batch: int = 48
    """Faces a step and device."""
    rate: float = 1.2e-3
    """Highest learning rate."""
    decay: float = 0.02
    """Weight decay."""
    ema: float = 0.999
    """How much of the averaged weights stays at each step."""
    absent: float = 0.1
    """Share of pictures without a face."""
    seed: int = 0
    """Of turns, expressions, augmentation and the first weights."""
    workers: int = 1
    """Processes that prepare pictures."""
    devices: int = 1
    """How many of the machine's devices to use."""
    precision: str = "bf16-mixed"
    """Arithmetic, as Lightning Fabric names it."""
    every: int = 500
    """Steps between checkpoints and validations."""
    resume: Resume = "auto"
    """Go on from the newest checkpoint (auto) or start afresh (never)."""


def point_loss(found: Float[Tensor, "b 468 3"], truth: Float[Tensor, "b 468 3"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Mean distance of the points in the picture, and mean error of their depth, in outer eye distances."""
    unit = (truth[:, OUTER_EYES[0], :2] - truth[:, OUTER_EYES[1], :2]).norm(dim=1)
    apart = found - truth
    return (apart[..., :2].square().sum(-1) + 1e-8).sqrt().mean(1) / unit, apart[..., 2].abs().mean(1) / unit


def loss_of(network: nn.Module, pictures: Tensor, truth: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    """What is learned, and the mean distance of the points of faces alone."""
    found, logit = network(pictures.contiguous(memory_format=torch.channels_last))
    plane, depth = point_loss(found, truth)
    count = face.sum().clamp(min=1)
    distance = (plane * face).sum() / count
    return distance + 0.2 * (depth * face).sum() / count + 0.02 * F.binary_cross_entropy_with_logits(logit, face), distance


@torch.no_grad()
def validate(network: nn.Module, views: Views, count: int) -> float:
    """Median distance of the points over fresh squares of people not trained on, in outer eye distances."""
    errors: list[Tensor] = []
    for start in range(0, count, 64):
        pictures, truth, face = (torch.stack(part) for part in zip(*(views[i] for i in range(start, min(start + 64, count))), strict=True))
        found, _ = network(pictures.to(next(network.parameters()).device))
        errors.append(point_loss(found.cpu(), truth)[0][face > 0])
    return float(torch.cat(errors).median())


def train(config: LandmarksConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    fabric = launch(config.devices, config.precision)
    mirror = mirrored_landmarks(need(config.data, *NEEDED) / "canonical_face_model.obj")
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(config.seed)
        network = LandmarkNet()
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    views = {}
    for split, count, drawn in (("train", config.variants, config.drawn), ("val", 8, 0)):
        jobs = people(config.data, split, count=count, drawn=drawn, seed=config.seed)
        faces = label_faces(config.cache / f"{split}-{count}-{drawn}", jobs, what=f"label {split}", workers=max(1, config.workers))
        views[split] = Views(faces, mirror, network.size, config.absent, config.seed + (split == "val"))
    if config.start:
        weights.fill(network, weights.load(config.start)).train()
    else:
        with torch.no_grad():
            network.points.bias.copy_(views["train"].mean_points(256).flatten())
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
    run = Run(fabric, config.out, network, optimizer, total=config.steps, ema=config.ema)
    run.resume(config.resume)
    for batch in run.steps(run.batches(views["train"], config.batch, workers=config.workers), what="landmarks"):
        loss, distance = loss_of(run.network, *(fabric.to_device(part) for part in batch))
        run.learn(loss)
        if run.step % 50 == 0:
            run.log(loss=loss.item(), distance=distance.item())
        if run.step % config.every == 0 or run.step == config.steps:
            run.log(validation=validate(run.average, views["val"], 256))
            run.save()
    path = config.out / "landmarks.safetensors"
    if fabric.global_rank == 0:
        weights.save(path, {name: _half(tensor) for name, tensor in run.average.state_dict().items()}, network.config)
    return path


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor
