"""Recipe `units`: action units of a picture by the landmark network's view of it, as a linear map; gradients flow through both.

The map is solved for in closed form, from photos whose expression was changed by known steps. What differs between the pictures of one
person counts whole, what differs between people a little: a face at rest is read for what it is, and a change all the more sharply.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from mien.data.expressions import AXES, Expressions, open_expressions
from mien.losses import units
from mien.losses.units import LandmarkReader
from mien.metrics.agreement import correlations
from mien.training import Run, RunOptions, counted, launch, say
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, NotNegative, Positive

_SIZES = (64, 128)  # pixels that the pictures are seen at, by turns: what small generators draw, and more


@dataclass(frozen=True)
class UnitsConfig(Checked):
    """Options of `mien train units`."""

    data: Path = Path("runs/expressions")
    """Folder that `mien data synth --photos` filled."""
    out: Path = Path("runs/units")
    """Folder for the trained weights (units.safetensors) and metrics."""
    ridge: Positive = 1e-3
    """How much is added to the spread of what the network sees, as a share of its mean."""
    between: NotNegative = 0.05
    """Weight of what differs between people, beside 1 for what differs within one."""
    batch: Count = 32
    """Pictures at a time."""
    options: RunOptions = field(default_factory=RunOptions)


def solved(
    seen: Float[np.ndarray, "n r"], shown: Float[np.ndarray, "n s"], people: Int[np.ndarray, " n"], *, ridge: float, between: float
) -> tuple[Float[np.ndarray, "s r"], Float[np.ndarray, " s"]]:
    """The weight and bias that tell best, in least squares, what people show from what is seen of them."""
    within, rest = _parted(seen, people)
    steps, calm = _parted(shown, people)
    middle, usual = rest.mean(0), calm.mean(0)
    spread = within.T @ within + between * (rest - middle).T @ (rest - middle)
    spread += ridge * np.trace(spread) / len(spread) * np.eye(len(spread))
    weight = np.linalg.solve(spread, within.T @ steps + between * (rest - middle).T @ (calm - usual)).T
    return weight, usual - weight @ middle


def followed(found: Float[np.ndarray, "n s"], shown: Float[np.ndarray, "n s"], people: Int[np.ndarray, " n"]) -> Float[np.ndarray, " s"]:
    """Pearson's correlation of what is read with what is shown, of the changes within people; 0 where nothing changes."""
    read, real = (_parted(values, people)[0] for values in (found, shown))
    return np.nan_to_num(correlations(read, real))


def _parted(values: Float[np.ndarray, "n k"], people: Int[np.ndarray, " n"]) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """What differs from the person's mean, and that mean."""
    _, who, count = np.unique(people, return_inverse=True, return_counts=True)
    sums = np.zeros((len(count), values.shape[1]))
    np.add.at(sums, who, values)
    mean = (sums / count[:, None])[who]
    return values - mean, mean


def train(config: UnitsConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    fabric = launch(config.options)
    run = Run(fabric, config.out, total=1, batch=config.batch, config=to_toml(config), tensorboard=config.options.tensorboard)
    run.resume("never")
    reader = LandmarkReader(units.landmark_network(), AXES)
    learned, unseen = (open_expressions(config.data, split) for split in ("train", "val"))
    fabric.to_device(reader)
    weight, bias = solved(_seen(reader, learned, config.batch), learned.shown, learned.people, ridge=config.ridge, between=config.between)
    for name, values in (("weight", weight), ("bias", bias)):
        reader.read.get_parameter(name).copy_(torch.from_numpy(values))
    found, shown = _seen(reader, unseen, config.batch) @ weight.T + bias, unseen.shown.astype(np.float64)
    right, alone = followed(found, shown, unseen.people), float(np.nan_to_num(correlations(found, shown)).mean())
    run.step = 1
    run.log(followed=float(right.mean()), alone=alone, **{axis: float(value) for axis, value in zip(AXES, right, strict=True)})
    path = config.out / "units.safetensors"
    if fabric.global_rank == 0:
        units.kept(reader, path, to_toml(config, folders=False))
        people = len(unseen.of_person())
        say(f"mean correlation, on {people} people not learned from: {right.mean():.2f} of changes, {alone:.2f} of single pictures")
    return path


@torch.no_grad()
def _seen(reader: LandmarkReader, faces: Expressions, batch: int) -> Float[np.ndarray, "n r"]:
    """What the landmark network makes of each picture, one half of them smaller than the other."""
    turns = [(size, np.arange(turn, len(faces), len(_SIZES))) for turn, size in enumerate(_SIZES)]
    batches = [(size, numbers[start : start + batch]) for size, numbers in turns for start in range(0, len(numbers), batch)]
    made = np.empty((len(faces), reader.read.in_features))
    for size, numbers in counted(batches, total=len(batches), what="look"):
        pictures = torch.stack([faces.picture(int(number), size) for number in numbers])
        made[numbers] = reader.code(pictures.to(reader.read.weight.device)).cpu().numpy()
    return made
