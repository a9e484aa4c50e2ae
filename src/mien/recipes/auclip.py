"""Recipe `auclip`: a mapper that moves the codes of a generator of faces by action units.

A `calibrated` one learns from two pictures of each person whose expressions differ by known steps (`mien data synth --photos`): from the
code of the one it is to reach that of the other, and the generator is to draw there what the other one shows. From AU-CLIP's data, latents
with scores of action units, either mode learns as AU-CLIP does: towards the expression of another face, by CLIP, a network for identity,
and a reader of action units. A `compatible` one is AU-CLIP's, with its defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from mien import weights
from mien.data.changes import Changes
from mien.data.expressions import AXES, Expressions, open_expressions
from mien.data.layouts import auclip as latents
from mien.data.synth.store import ABOUT
from mien.data.transfers import Classes, Transfers, told_classes
from mien.errors import UsageError
from mien.faces import identity
from mien.inversion import choosing
from mien.losses import clip, reconstruction, units
from mien.losses.imitation import Imitation
from mien.losses.likeness import Likeness
from mien.losses.transfer import Transfer
from mien.metrics.gains import Sitter, gains
from mien.nn import mapper as mapping
from mien.nn import stylegan2
from mien.nn.encoders import Inverter
from mien.nn.equal import EqualLinear
from mien.nn.mapper import AUCLIP, LEVELS, TRAINED, UNITS, LevelsMapper, Mode
from mien.nn.stylegan2 import Generator
from mien.training import Learner, Ranger, Run, RunOptions, constant, cosine, counted, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, NotNegative, Positive

KIND = "auclip"
_BY_MODE: Any = None  # a default that the mode decides
_DEFAULTS: Mapping[Mode, Mapping[str, float]] = {
    "calibrated": {"steps": 300, "batch": 8, "rate": 5.0, "units": 20.0, "length": 0.0, "memory": 400},
    "compatible": {"steps": 50_000, "batch": 4, "rate": 0.5, "units": 1.0, "length": 0.5, "memory": 0},
}
_VALIDATED, _SHOWN, _SAT = 128, 8, 8  # samples; people on whom gains are measured
_BEST = "best"  # in `Run.numbers`: the least loss on faces not learned from
_TOGETHER = 64  # pictures that are encoded at a time
_RIDGE = 1e-2  # of the spread of what is shown


@dataclass(frozen=True)
class AUCLIPConfig(Checked):
    """Options of `mien train auclip`."""

    data: Path = Path("runs/expressions")
    """A folder that `mien data synth --photos` filled; or AU-CLIP's data, with `train_classes.csv` and `test_classes.csv`, `00012,happy` a
    row, where the expressions that the renderings show are known; else mien reads them."""
    mode: Mode = "calibrated"
    """How strong a change is reaches the mapper (calibrated), or its sign alone, as published (compatible)."""
    generator: Path | None = None
    """Weights of StyleGAN2; without, those that `mien edit --engine stylegan` takes, or with AU-CLIP's data `mien generate stylegan`."""
    out: Path = Path("runs/auclip")
    """Folder for checkpoints, metrics, samples and the best weights (auclip.safetensors)."""
    start: Path | None = None
    """A mapper to go on from, such as that of `mien train autoencoder`."""
    depth: Count = 1
    """Layers of a calibrated mapper; a single one is linear, and begins with what explains the codes best."""
    width: Count = 128
    """Numbers between the layers, where there are several."""
    coarse: bool = True
    """Move rows 0 to 3 of a code."""
    medium: bool = True
    """Move rows 4 to 7."""
    fine: bool = True
    """Move all further rows."""
    steps: Count = _BY_MODE
    """Training steps; 300, compatible 50000."""
    batch: Count = _BY_MODE
    """Samples a step and device; 8, compatible 4."""
    optimizer: Literal["ranger", "adam"] = "ranger"
    """Ranger is RAdam that looks ahead, on centred gradients."""
    rate: Positive = _BY_MODE
    """Learning rate, of layers that learn a hundredth as fast; 5 and falling, compatible 0.5."""
    memory: NotNegative = _BY_MODE
    """Half-life of the averaged weights, in samples seen, 0 for none; 400, compatible 0."""
    pairs: Count = 24
    """Pairs of expressions of a person in a sample; the first is drawn."""
    codes: NotNegative = 0.1
    """Weight of how far codes are from where they are to be."""
    colours: NotNegative = 20.0
    """Weight of how far colours are from those of the other picture."""
    perceptual: NotNegative = 2.0
    """Weight of the same to a network that sees (LPIPS where it was imported)."""
    identity: NotNegative = 0.2
    """Weight of how unlike the person becomes."""
    clip: NotNegative = 0.8
    """Weight of how far the picture is from the prompts; from AU-CLIP's data alone."""
    units: NotNegative = _BY_MODE
    """Weight of the difference in action units; 20, compatible 1."""
    length: NotNegative = _BY_MODE
    """Weight of how far codes are moved; 0, compatible 0.5."""
    reader: Path | None = None
    """Weights of a differentiable reader of action units (`mien train units`); without, the one that ships."""
    clip_weights: Path | None = None
    """Weights of CLIP; without, the first that was imported, else the one that ships."""
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be; fills in what the mode decides."""
        for name, value in _DEFAULTS[self.mode].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        super().__post_init__()
        if not self.levels:
            raise UsageError("coarse, medium and fine are all left out: a mapper moves the rows of one of them at least")

    @property
    def levels(self) -> list[str]:
        """The published names of those that there are."""
        return [name for name, there in zip(LEVELS, (self.coarse, self.medium, self.fine), strict=True) if there]


Lesson = Imitation | Transfer


class Task(NamedTuple):
    """What a run is about."""

    mapper: LevelsMapper
    lesson: Lesson
    learned: Dataset[Any]
    unseen: Dataset[Any]
    sitters: Sequence[Sitter] = ()  #: on whose pictures gains are measured


def train(config: AUCLIPConfig) -> Path:
    """Run the recipe; returns the path of the best weights."""
    options = config.options
    fabric = launch(options)
    with torch.random.fork_rng():  # networks are made with numbers in them
        torch.random.default_generator.manual_seed(options.seed)
        task = _own(config, fabric) if (config.data / ABOUT).is_file() else _published(config)
    mapper, calibrated = task.mapper, config.mode == "calibrated"
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    adam = torch.optim.Adam if config.optimizer == "adam" else Ranger
    learner = run.learner(
        mapper,
        adam(mapper.parameters(), lr=config.rate),
        memory=config.memory,
        warmup=1,
        schedule=cosine if calibrated else constant,
        wrapped=False,
    )
    lesson = task.lesson
    fabric.to_device(lesson)
    run.resume(options.resume)
    path = config.out / "auclip.safetensors"
    if run.step == 0:
        _look(run, config, task, learner, path)
    for batch in run.steps(run.batches(task.learned, workers=options.workers), what="auclip"):
        moved = lesson.moved(cast(LevelsMapper, learner.network), batch)
        with fabric.autocast():
            terms = lesson(batch, moved)
        loss = weighed(config, terms)
        learner.learn(loss, clip=None)
        if run.due(50):
            run.log(loss=loss.detach(), **{name: term.detach() for name, term in terms.items()})
        if run.due(options.every):
            _look(run, config, task, learner, path)
            run.save()
    if task.sitters and fabric.global_rank == 0:
        best = _ungained(path)
        _keep(best, path, config, gains=gains(best, cast(Imitation, lesson).generator.cpu(), task.sitters))
    fabric.barrier()
    return path


def _keep(network: LevelsMapper, path: Path, config: AUCLIPConfig, **calibrated: Sequence[float]) -> None:
    weights.save(path, network.state_dict(), {"kind": KIND, **network.config, **calibrated}, recipe=to_toml(config, folders=False))


def weighed(config: AUCLIPConfig, terms: Mapping[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """The loss."""
    return torch.stack([getattr(config, name) * term for name, term in terms.items()]).sum()


@torch.no_grad()
def _look(run: Run, config: AUCLIPConfig, task: Task, learner: Learner, path: Path) -> None:
    """Tell how the mapper does on faces not learned from, and show some; it is kept if it was never better."""
    lesson, mapper = task.lesson, cast(LevelsMapper, learner.average)
    batches = DataLoader(Subset(task.unseen, range(_VALIDATED)), config.batch, generator=torch.Generator())
    sums: dict[str, float] = {}
    sheet: list[Tensor] = []
    readings: list[tuple[Tensor, Tensor]] = []
    for each in batches:
        batch = cast(Any, run.fabric.to_device(each))
        moved = lesson.moved(mapper, batch)
        with run.fabric.autocast():
            terms = lesson(batch, moved)
            if len(sheet) * config.batch < _SHOWN:
                sheet.append(torch.stack(lesson.shown(batch, moved), 1).flatten(0, 1).float())
            if isinstance(lesson, Imitation):
                readings.append(lesson.read(batch, moved))
        share = len(moved) / _VALIDATED
        for name, term in {**terms, "loss": weighed(config, terms)}.items():
            sums[name] = sums.get(name, 0.0) + share * float(term)
    told = {"val_followed": _followed(readings)} if readings else {}
    run.log(**{f"val_{name}": value for name, value in sums.items()}, **told)
    run.pictures("faces", torch.cat(sheet)[: 3 * _SHOWN].cpu() / 2 + 0.5, columns=6)
    if sums["loss"] < run.numbers.get(_BEST, float("inf")):
        run.numbers[_BEST] = sums["loss"]
        if run.fabric.global_rank == 0:
            _keep(mapper, path, config)


def _followed(readings: list[tuple[Tensor, Tensor]]) -> float:
    """Pearson's correlation of the changes that are read with those that were asked for, the mean over units."""
    read, asked = (torch.cat(part).double() for part in zip(*readings, strict=True))
    read, asked = read - read.mean(0), asked - asked.mean(0)
    size = (read.square().sum(0) * asked.square().sum(0)).sqrt()
    return float(((read * asked).sum(0)[size > 0] / size[size > 0]).mean())


def _own(config: AUCLIPConfig, fabric: Fabric) -> Task:
    """From pairs of expressions of the same people."""
    if config.mode == "compatible":
        raise UsageError(
            f"{config.data} has expressions of people: a compatible mapper learns from AU-CLIP's data; give its folder with --data"
        )
    found, _ = choosing.networks(choosing.files(config.generator))
    generator, reader = found.generator, units.opened(config.reader)
    if tuple(reader.units) != AXES:
        raise UsageError(
            f"the reader reads {len(reader.units)} units, not the {len(AXES)} that the pictures' labels have: leave --reader out"
        )
    each = {split: open_expressions(config.data, split) for split in ("train", "val")}
    seeds = {"train": config.options.seed, "val": config.options.seed + 1}
    samples = {
        split: Changes(faces, encoded(faces, found.encoder, fabric), generator.size, config.pairs, seeds[split])
        for split, faces in each.items()
    }
    lesson = Imitation(generator, reconstruction.installed(), reader, samples["train"].spread())
    mapper = _mapper(config, generator, AXES)
    if config.depth == 1 and config.start is None:
        begin(mapper, samples["train"])
    return Task(mapper, lesson, samples["train"], samples["val"], sitters(samples["val"]))


def _started(path: Path, mode: Mode, generator: Generator, names: Sequence[str]) -> LevelsMapper:
    """A mapper that was trained before; raises `UsageError` for one of other codes, units, or of the other mode."""
    network = _ungained(path).train()
    held = (network.config["mode"], network.styles, network.code, network.units)
    if held != (wanted := (mode, generator.rows, generator.code, tuple(names))):
        told = (f"{kind}, codes of {rows} x {code}, {len(units)} units" for kind, rows, code, units in (held, wanted))
        raise UsageError(f"{path} does not fit ({', not '.join(told)}): leave --start out")
    return network


def _ungained(path: Path) -> LevelsMapper:
    """A mapper without its gains, which are measured anew."""
    stored = weights.load(path)
    return mapping.of(replace(stored, config={**stored.config, "gains": []}))


def begin(mapper: LevelsMapper, samples: Changes) -> None:
    """Set linear levels to what explains best, in least squares, how the codes of people differ from their mean by what they show."""
    people = samples.faces.of_person()
    shown = torch.from_numpy(samples.faces.shown).double()
    steps, codes = (torch.cat([x[person] - x[person].mean(0) for person in people]) for x in (shown, samples.codes.double()))
    spread = steps.T @ steps
    spread += _RIDGE * spread.diagonal().mean() * torch.eye(len(spread))
    for level in mapper.levels:
        if not codes[:, LEVELS[level]].shape[1]:
            continue  # a generator of few pixels has no such rows
        layer = cast(EqualLinear, mapper.get_submodule(f"{level}.mapping.1"))
        solved = torch.linalg.solve(spread, steps.T @ codes[:, LEVELS[level]].mean(1))
        with torch.no_grad():
            layer.weight.copy_(solved.T / layer.scale)


def sitters(samples: Changes) -> list[Sitter]:
    """Some people as they are at their calmest."""
    calmest = [person[np.abs(samples.faces.shown[person]).sum(1).argmin()] for person in samples.faces.of_person()[:_SAT]]
    return [samples.faces.sitter(int(index), samples.codes[index][None]) for index in calmest]


def _published(config: AUCLIPConfig) -> Task:
    """From AU-CLIP's data."""
    as_published = config.mode == "compatible"
    stored = weights.load(choosing.generator(config.generator))
    generator = stylegan2.generator(stored)
    seen = Likeness(identity.recognizer().network) if config.identity else None
    comparer = clip.opened(config.clip_weights, as_published=as_published) if config.clip else None
    reader = units.opened(config.reader) if config.units else None
    samples: list[Transfers] = []
    for number, split in enumerate(("train", "test")):
        found = latents.read(config.data, split)
        if found.codes.shape[1:] != (generator.rows, generator.code):
            held = " x ".join(map(str, found.codes.shape[1:]))
            raise UsageError(
                f"{config.data} has codes of {held}, {stored.path} takes {generator.rows} x {generator.code}: give its --generator"
            )
        classes = Classes(found, told_classes(config.data, split)) if comparer else None
        samples.append(Transfers(found, classes, as_published=as_published, seed=config.options.seed + number))
    mapper = _mapper(config, generator, UNITS)
    reach = TRAINED if as_published else mapper.reach
    lesson = Transfer(generator, seen, comparer, reader, reach=reach, as_published=as_published)
    learned, unseen = samples
    return Task(mapper, lesson, learned, unseen)


def _mapper(config: AUCLIPConfig, generator: Generator, names: Sequence[str]) -> LevelsMapper:
    """A mapper before training; a calibrated one moves nothing yet."""
    if config.start is not None:
        return _started(config.start, config.mode, generator, names)
    calibrated = config.mode == "calibrated"
    widths = [len(names), *[config.width] * (config.depth - 1), generator.code] if calibrated else [*AUCLIP[:-1], generator.code]
    network = LevelsMapper(widths, generator.rows, config.levels, config.mode, names)
    if calibrated:
        for level in config.levels:
            nn.init.zeros_(network.get_parameter(f"{level}.mapping.{config.depth}.weight"))
    return network


@torch.no_grad()
def encoded(faces: Expressions, encoder: Inverter, fabric: Fabric) -> Float[Tensor, "n l d"]:
    """The codes of all pictures."""
    fabric.to_device(encoder)
    size, starts = int(encoder.config["size"]), range(0, len(faces), _TOGETHER)
    made: list[Tensor] = []
    for start in counted(starts, total=len(starts), what="codes"):
        pictures = torch.stack([faces.picture(number, size) for number in range(start, min(start + _TOGETHER, len(faces)))])
        with fabric.autocast():
            made.append(encoder(fabric.to_device(pictures.contiguous(memory_format=torch.channels_last))).float().cpu())
    return torch.cat(made)
