"""Recipe `details`: eyes, brows and mouth of a face from 48 x 48 pixels each, learned from faces of people who do not exist.

The faces are those of the recipe `landmarks`: head turns labelled by the teacher, expressions labelled by the engine that draws them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mien import weights
from mien.data.folder import need
from mien.data.labelled import NEEDED, label_faces, people
from mien.data.mirror import partners
from mien.data.views import CloseViews
from mien.faces.details import eye_square, inside, mouth_square
from mien.geometry import facemesh
from mien.nn.landmarks import DetailNet
from mien.training import Run, RunOptions, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive
from mien.training.marks import GREEN, RED, magnified, marked

_KEPT = 0.85  # of the half side: points further out are better known from the whole face


@dataclass(frozen=True)
class DetailsConfig(Checked):
    """Options of `mien train details`."""

    data: Path = Path(os.environ.get("MIEN_DATA", "data"))
    """Folder with the crop sets, the teacher and the head model."""
    out: Path = Path("runs/details")
    """Folder for checkpoints, metrics and the trained weights (details.safetensors)."""
    cache: Path = Path("runs/landmark-faces")
    """Folder for the labelled faces: 110 kB each, made once."""
    variants: Count = 12
    """Pictures of each person: the photo and its turns, each with three more expressions."""
    drawn: Annotated[int, Limits()] = 60
    """Drawn heads among the people."""
    steps: Count = 6_000
    """Training steps."""
    batch: Count = 64
    """Faces a step and device."""
    rate: Positive = 2e-3
    """Highest learning rate."""
    decay: NotNegative = 0.02
    """Weight decay."""
    memory: NotNegative = 40_000
    """Half-life of the averaged weights, in faces seen."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))


def parts(mesh: Float[np.ndarray, "468 3"]) -> dict[str, list[int]]:
    """Which landmarks lie well inside each square on the mean face (x right, y down); those of eyes on their own side."""
    squares = {"eye": eye_square(mesh), "mouth": mouth_square(mesh)}
    near = {part: np.abs(inside(square, mesh)).max(axis=1) < _KEPT for part, square in squares.items()}
    eye = np.flatnonzero(near["eye"] & ~near["mouth"] & (mesh[:, 0] < mesh[partners(), 0]))
    return {"eye": eye.tolist(), "other_eye": partners()[eye].tolist(), "mouth": np.flatnonzero(near["mouth"]).tolist()}


def part_loss(found: Float[Tensor, "b n 2"], truth: Float[Tensor, "b n 2"], pairs: Int[Tensor, "2 p"]) -> Float[Tensor, ""]:
    """Mean distance of the points, and half the mean error of the gaps between margins; half sides."""
    apart = found - truth
    gaps = apart[:, pairs[0]] - apart[:, pairs[1]]
    return _length(apart).mean() + 0.5 * _length(gaps).mean()


def _length(vectors: Float[Tensor, "b n 2"]) -> Float[Tensor, "b n"]:
    return (vectors.square().sum(-1) + 1e-8).sqrt()


def pairs_of(points: Mapping[str, list[int]]) -> dict[str, Int[Tensor, "2 p"]]:
    """Places, among the points of a part, of margins that face each other."""
    facing = {
        "eye": [*zip(facemesh.LID_UPPER["R"][1:-1], facemesh.LID_LOWER["R"][1:-1], strict=True)],
        "mouth": [*zip(facemesh.LIP_UPPER[1:-1], facemesh.LIP_LOWER[1:-1], strict=True)],
    }
    return {part: torch.tensor([[points[part].index(i) for i in pair] for pair in facing[part]]).T for part in facing}


@torch.no_grad()
def validate(network: nn.Module, views: CloseViews, count: int) -> dict[str, float]:
    """Median distance of the points of eyes and mouths of people not trained on, in half sides."""
    eyes, eye_points, mouths, mouth_points = (torch.stack(part) for part in zip(*(views[i] for i in range(count)), strict=True))
    device = next(network.parameters()).device
    found_eyes, found_mouths = network(eyes.to(device), mouths.to(device))
    return {
        "eye": float(_length(found_eyes.cpu() - eye_points).mean(1).median()),
        "mouth": float(_length(found_mouths.cpu() - mouth_points).mean(1).median()),
    }


@torch.no_grad()
def shown(network: nn.Module, views: CloseViews, count: int) -> Float[Tensor, "n 3 t t"]:
    """Eyes, then mouths, of people not trained on: where the points are (green), and where they are found (red)."""
    eyes, eye_points, mouths, mouth_points = (torch.stack(part) for part in zip(*(views[i] for i in range(count)), strict=True))
    device = next(network.parameters()).device
    seen = zip((eyes, mouths), (eye_points, mouth_points), network(eyes.to(device), mouths.to(device)), strict=True)
    return torch.cat([marked(marked(magnified(squares, 4), truth, GREEN), found, RED) for squares, truth, found in seen])


def train(config: DetailsConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    canonical = need(config.data, *NEEDED) / "canonical_face_model.obj"
    fabric = launch(options)
    points = parts(_flat(canonical))
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = DetailNet(points)
    views = {split: _views(config, split, network) for split in ("train", "val")}
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(network, optimizer, memory=config.memory)
    run.resume(options.resume)
    pairs = {part: fabric.to_device(places) for part, places in pairs_of(points).items()}
    for eyes, eye_points, mouths, mouth_points in run.steps(run.batches(views["train"], workers=options.workers), what="details"):
        found_eyes, found_mouths = learner.network(eyes, mouths)
        eye, mouth = part_loss(found_eyes, eye_points, pairs["eye"]), part_loss(found_mouths, mouth_points, pairs["mouth"])
        learner.learn(eye + mouth)
        if run.due(50):
            run.log(eye=eye.detach(), mouth=mouth.detach())
        if run.due(options.every):
            run.log(**{f"validation_{part}": value for part, value in validate(learner.average, views["val"], 512).items()})
            run.pictures("points", shown(learner.average, views["val"], 8))
            run.save()
    path = config.out / "details.safetensors"
    if fabric.global_rank == 0:
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in learner.average.state_dict().items()}
        weights.save(path, tensors, network.config, recipe=to_toml(config, folders=False))
    return path


def _flat(path: Path) -> Float[np.ndarray, "468 3"]:
    """The canonical face as landmarks: x right, y down."""
    vertices = [line.split()[1:4] for line in path.read_text().splitlines() if line.startswith("v ")]
    return np.array(vertices, dtype=float) * np.array([1.0, -1.0, -1.0])


def _views(config: DetailsConfig, split: str, network: DetailNet) -> CloseViews:
    """Endless close views of the people of a split: of 8 pictures each without drawn heads, when they are to validate."""
    learns = split == "train"
    count, drawn, seed = config.variants if learns else 8, config.drawn if learns else 0, config.options.seed
    jobs = people(config.data, split, count=count, drawn=drawn, seed=seed)
    faces = label_faces(config.cache / f"{split}-{count}-{drawn}", jobs, what=f"label {split}", workers=max(1, config.options.workers))
    return CloseViews(faces, network.config["points"], size=network.size, seed=seed + (not learns))
