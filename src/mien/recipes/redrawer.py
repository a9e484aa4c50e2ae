"""Recipe `redrawer`: a network that does to photos what a small generator does to its own, coarse pictures of them.

It learns from pairs of expressions of people: what it is shown is the photo of the one, and what the generator draws of its code before
and after the set's mapper moved that by the steps between the two; the photo is to become the other one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from mien import weights
from mien.data.expressions import AXES, open_expressions
from mien.data.redrawings import Redrawing, Redrawings
from mien.errors import UsageError, WeightsError
from mien.faces.identity import Recognizer
from mien.inversion import choosing
from mien.inversion.encoding import encoded
from mien.losses.colours import apart, differing
from mien.losses.likeness import Likeness
from mien.nn import stylegan2
from mien.nn.mapper import LevelsMapper
from mien.nn.redrawer import KIND, Redrawer, Redrawn, redrawn
from mien.nn.sizing import sized
from mien.nn.stylegan2 import Generator
from mien.training import Learner, Run, RunOptions, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive

_WIDTHS, _FINE = (32, 64, 96, 128), 32
_VALIDATED, _SHOWN = 128, 8  # pairs

Pictures = Float[Tensor, "b 3 s s"]


@dataclass(frozen=True)
class RedrawerConfig(Checked):
    """Options of `mien train redrawer`."""

    data: Path = Path("runs/expressions")
    """People with several expressions each, of `size` pixels: a folder that `mien data synth --photos` filled."""
    generator: Path | None = None
    """Weights of StyleGAN2, with an encoder and a mapper beside them; without, those that `mien edit --engine stylegan` takes."""
    out: Path = Path("runs/redrawer")
    """Folder for checkpoints, metrics, samples and the trained weights (redrawer.safetensors)."""
    size: Annotated[int, Limits(64, multiple=32)] = 256
    """Pixels of the photos' side."""
    steps: Count = 8_000
    """Training steps."""
    batch: Count = 8
    """Pairs a step and device."""
    rate: Positive = 1e-3
    """Highest learning rate."""
    memory: NotNegative = 4_000
    """Half-life of the averaged weights, in pairs seen."""
    motion: NotNegative = 50.0
    """Weight of how far landmarks are from where the motion carries them."""
    colours: NotNegative = 10.0
    """Weight of how far colours are from those of the other picture."""
    focus: NotNegative = 8.0
    """By how much that counts more where the two pictures differ."""
    organs: NotNegative = 8.0
    """By how much it counts more where they have lips, lids, eyes and teeth."""
    edges: NotNegative = 10.0
    """Weight of how far steps of colour from pixel to pixel are from those there."""
    grids: NotNegative = 0.5
    """Weight of how far pictures are apart to the network for identity."""
    identity: NotNegative = 0.5
    """Weight of its codes."""
    fresh: NotNegative = 0.05
    """Weight of how much is new: what has moved keeps the detail of larger photos."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))


class Lesson(nn.Module):
    """Frozen networks, and what they say of redrawn photos."""

    def __init__(self, generator: Generator, mapper: LevelsMapper, config: RedrawerConfig) -> None:
        super().__init__()
        self.generator, self.mapper = generator.requires_grad_(False), mapper.requires_grad_(False)
        self.likeness, self.config = Likeness(Recognizer(weights.bundled("identity")).network), config

    @torch.no_grad()
    def drawn(self, pair: Redrawing) -> tuple[Pictures, Pictures, Float[Tensor, "b l d"]]:
        """The generator's pictures before and after the change, in full precision, as the difference is small; and the move of the code."""
        moved = self.mapper.move(pair.code, self.mapper.gained(pair.change))
        return self.generator(pair.code), self.generator(moved), moved - pair.code

    def forward(self, pair: Redrawing, change: Redrawn) -> Mapping[str, Float[Tensor, ""]]:
        """The terms of redrawn photos."""
        weight = 1 + self.config.focus * differing(pair.photo, pair.goal) + self.config.organs * pair.organs
        made = redrawn(pair.photo, change)
        distance, off = self.likeness(made, pair.goal), made - pair.goal
        terms = {"motion": astray(change, pair), "colours": apart(off, weight), "edges": _edges(off, weight)}
        return terms | {"grids": distance.grids, "identity": distance.identity, "fresh": 1 - change.known.mean()}

    def weighed(self, terms: Mapping[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
        """The loss."""
        return torch.stack([getattr(self.config, name) * term for name, term in terms.items()]).sum()


def astray(change: Redrawn, pair: Redrawing) -> Float[Tensor, ""]:
    """How far from each other landmarks of the photo are, and where motion says that they were; in shares of the side."""
    told = F.grid_sample(change.motion, 2 * pair.there[:, None] - 1, align_corners=False)[:, :, 0].transpose(1, 2)
    return (told - (pair.here - pair.there)).norm(dim=2).mean()


def _edges(off: Pictures, weight: Float[Tensor, "b 1 s s"]) -> Float[Tensor, ""]:
    """The weighted mean of absolute steps between neighbours."""
    across, down = (weight.narrow(axis, 1, off.shape[axis] - 1) * off.diff(dim=axis).abs() for axis in (2, 3))
    return (across.mean() + down.mean()) / 2


def train(config: RedrawerConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    fabric = launch(options)
    found, mapper, _ = choosing.networks(replace(choosing.files(config.generator), redrawer=None))
    if mapper is None:
        raise WeightsError("no mapper moves the codes of this generator by action units: `mien train auclip` makes one")
    if mapper.units != AXES:
        raise UsageError(f"the mapper moves {len(mapper.units)} units, not the {len(AXES)} that the pictures' labels have")
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = Redrawer(config.size, _WIDTHS, _FINE, found.generator.rows, found.generator.code)
    samples = {
        split: Redrawings(faces, encoded(faces, found.encoder, fabric), config.size, options.seed + number)
        for number, (split, faces) in enumerate((split, open_expressions(config.data, split)) for split in ("train", "val"))
    }
    lesson = Lesson(found.generator, mapper, config)
    fabric.to_device(lesson)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    adam = torch.optim.Adam(network.parameters(), lr=config.rate, betas=(0.9, 0.99))
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(network, adam, memory=config.memory, wrapped=False)
    run.resume(options.resume)
    for each in run.steps(run.batches(samples["train"], workers=options.workers), what="redrawer"):
        pair = Redrawing(*each)
        drawn = lesson.drawn(pair)
        with fabric.autocast():
            change = learner.network(pair.photo, *drawn)
        terms = lesson(pair, change)
        loss = lesson.weighed(terms)
        learner.learn(loss)
        if run.due(50):
            run.log(loss=loss.detach(), **{name: term.detach() for name, term in terms.items()})
        if run.due(options.every):
            look(run, lesson, learner, samples["val"])
            run.save()
    path = config.out / "redrawer.safetensors"
    if fabric.global_rank == 0:
        tensors = {name: tensor.half() for name, tensor in learner.average.state_dict().items()}
        recipe = to_toml(config, folders=False)
        weights.save(path, tensors, {"kind": KIND, **network.config}, recipe=recipe, made_for=stylegan2.fingerprint(found.generator))
    return path


@torch.no_grad()
def look(run: Run, lesson: Lesson, learner: Learner, unseen: Redrawings) -> None:
    """Tell how near photos of people not learned from come, as a share of how far they were, and show some."""
    left, were = list[Tensor](), list[Tensor]()
    sheet = list[Tensor]()
    for each in DataLoader(Subset(unseen, range(_VALIDATED)), lesson.config.batch, generator=torch.Generator()):
        pair = Redrawing(*cast(Any, run.fabric.to_device(each)))
        drawn = lesson.drawn(pair)
        made = redrawn(pair.photo, learner.average(pair.photo, *drawn))
        left.append((made - pair.goal).abs().mean((1, 2, 3)))
        were.append((pair.photo - pair.goal).abs().mean((1, 2, 3)))
        if len(sheet) * lesson.config.batch < _SHOWN:
            enlarged = (sized(picture, lesson.config.size) for picture in drawn[:2])
            sheet.append(torch.stack([pair.photo, *enlarged, made, pair.goal], 1).flatten(0, 1))
    run.log(val_left=torch.cat(left).sum() / torch.cat(were).sum())
    run.pictures("faces", torch.cat(sheet)[: 5 * _SHOWN].clamp(-1, 1).cpu() / 2 + 0.5, columns=5)
