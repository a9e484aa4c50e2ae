"""Recipe `autoencoder`: a generator, its encoder and its mapper learned together, where pictures are too few for a contest alone.

The encoder gives pictures their codes (as e4e does: one row for all, and small differences for each), the generator draws them again. Of
people who are known with two expressions, the second is never encoded: the mapper moves the code of the first by the change of action
units, and what is drawn there is to be the second picture. So expressions get directions of their own in the codes, which an encoder and a
mapper that come after a generator have to look for. From the first step on, the generator's mapping learns to make such codes out of random
numbers, against a network that tells both kinds apart; later a discriminator sees what is drawn of both kinds (Larsen et al. 2016;
Pidhorskyi et al. 2020, with two encoders less).
"""

import os
from collections.abc import Callable, Mapping
from collections.abc import Generator as Generated
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.data import default_collate

from mien import weights
from mien.data.expressions import AXES, open_expressions
from mien.data.pairs import Pair, Pairs
from mien.data.squares import Squares, open_squares
from mien.errors import DataError, UsageError
from mien.faces.identity import Recognizer
from mien.losses.codes import deltas
from mien.losses.colours import apart, differing
from mien.losses.likeness import Likeness
from mien.nn import stylegan2
from mien.nn.ada import augmented
from mien.nn.encoders import Encoder4Editing, Inverter, Shape, stretch
from mien.nn.latent import LatentDiscriminator
from mien.nn.mapper import LEVELS, LevelsMapper
from mien.nn.stylegan2 import Discriminator, Generator, losses
from mien.nn.stylegan2.generator import average_code, drawn
from mien.training import AdaptiveStrength, Learner, Run, RunOptions, constant, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive, Share

_UNITS = (1, 2, 4, 1)  # of the encoder's stages
_SHOWN, _VALIDATED = 16, 128  # pictures
_R1_EVERY = 16  # steps
_CRITIC_RATE, _CRITIC_R1 = 5e-5, 10.0  # it shall not know codes much better than the mapping makes them
_MAPPER_HASTE = 50.0  # of the mapper for the same reason
_HASTE = 5.0  # of the mapping: its layers learn a hundred times slower than the others, which suits runs of millions of pictures

Pictures = Float[Tensor, "b 3 s s"]
Codes = Float[Tensor, "b l d"]
Scored = Callable[[Tensor], Float[Tensor, "b 1"]]


@dataclass(frozen=True)
class AutoencoderConfig(Checked):
    """Options of `mien train autoencoder`."""

    data: Path | None = Path(os.environ["MIEN_DATA"]) / "sfhq_256.npz" if os.environ.get("MIEN_DATA") else None
    """Photos in FFHQ's framing: a folder, a .zip, an LMDB, .tar shards or a crop set, of which the training split is taken."""
    variants: Path = Path("runs/expressions")
    """The same people with other expressions: a folder of `mien data synth --photos`."""
    out: Path = Path("runs/autoencoder")
    """Folder for checkpoints, metrics, samples and the trained weights (stylegan2, e4e and auclip.safetensors)."""
    size: int = 64
    """Pixels of the pictures, a power of two from 32."""
    width: Annotated[int, Limits(2, multiple=2)] = 64
    """Channels of the generator at the largest size, twice as many at each smaller one."""
    most: Annotated[int, Limits(2, multiple=2)] = 256
    """Channels at most; the discriminator has half as many throughout."""
    code: Count = 128
    """Numbers in a row of a code."""
    depth: Count = 4
    """Layers that map a random code to a style code."""
    encoder: Annotated[int, Limits(8, multiple=8)] = 32
    """Channels of the encoder's first stage; the next have two, three and four times as many."""
    steps: Count = 8_000
    """Training steps."""
    batch: Annotated[int, Limits(4, multiple=4)] = 8
    """Samples a step and device: a photo, and two pictures of somebody else."""
    rate: Positive = 8e-3
    """Highest learning rate of the generator; the encoder has a tenth of it, the discriminator a fifth."""
    memory: NotNegative = 5_000
    """Half-life of the averaged weights, in pictures seen."""
    single: Share = 0.02
    """Of the steps: until there all rows of a code are the same; then row after row gets something of its own."""
    whole: Share = 0.1
    """Of the steps: from there on every row has."""
    contest_from: Share = 0.7
    """Of the steps: from there on a discriminator judges what is drawn."""
    contest: NotNegative = 0.1
    """Weight of its judgement."""
    colours: NotNegative = 2.0
    """Weight of how far their colours are apart."""
    focus: NotNegative = 4.0
    """By how much that counts more where two expressions differ."""
    change: NotNegative = 2.0
    """Weight of how far the difference of two expressions is from the one that was drawn."""
    grids: NotNegative = 0.2
    """Weight of how far pictures are apart to the network for identity."""
    identity: NotNegative = 0.2
    """Weight of its codes."""
    deltas: NotNegative = 1e-3
    """Weight of how far rows of a code are from the first."""
    r1: NotNegative = 1.0
    """Weight of R1."""
    augment: Literal["none", "b", "bg", "bgc"] = "bgc"
    """Adaptive augmentation of what the discriminator sees."""
    ada_images: Positive = 200_000
    """Pictures that take its strength from 0 to 1."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be."""
        super().__post_init__()
        if self.size < 32 or self.size & (self.size - 1):
            raise UsageError(f"size = {self.size} is not allowed: a power of two from 32, such as 64")
        if not self.single <= self.whole:
            raise UsageError(f"whole = {self.whole} is not allowed: at least single = {self.single}")


class Together(nn.Module):
    """What is learned as one."""

    def __init__(self, encoder: Inverter, generator: Generator, mapper: LevelsMapper) -> None:
        super().__init__()
        self.encoder, self.generator, self.mapper = encoder, generator, mapper


@dataclass(frozen=True, eq=False)
class Lesson:
    """All networks, and what a step teaches each."""

    config: AutoencoderConfig
    run: Run
    learner: Learner  #: of `Together`
    judge: Learner  #: of pictures
    critic: Learner  #: of codes
    likeness: Likeness
    strength: AdaptiveStrength

    def step(self, pair: Pair, draws: torch.Generator) -> dict[str, Tensor | float]:
        """One lesson for everybody; returns what to tell."""
        found = self._found(torch.cat([pair.photo, pair.before]))
        w = self._made_up(len(found), draws)
        codes = torch.cat([found, self._moved(found[len(pair.photo) :], pair.change)])
        real = torch.cat([pair.photo, pair.before, pair.after])
        again = self._drawn(codes, draws)
        terms = self._apart(again, real, pair) | {"deltas": deltas(found)}
        shown = self._shown(again, w, draws) if self.run.step > self.config.contest_from * self.config.steps else None
        with _resting(self.critic, self.judge):
            terms["mapping"] = losses.generator_loss(self.critic.network(w))
            if shown is not None:
                terms["contest"] = losses.generator_loss(self._judged(shown, draws))
            self.learner.learn(sum((self._weight(name) * term for name, term in terms.items()), real.new_zeros(())), clip=10.0)
        told = self._teach(self.critic, self.critic.network, found[:, 0].detach(), w.detach(), name="critic")
        if shown is not None:
            told |= self._teach(self.judge, lambda seen: self._judged(seen, draws), real[: len(shown)], shown.detach(), name="judge")
        return told | {name: term.detach() for name, term in terms.items()}

    def _shown(self, again: Pictures, w: Float[Tensor, "k d"], draws: torch.Generator) -> Float[Tensor, "h 3 s s"]:
        """What is to be judged, which costs as much as all the rest: half a batch, one half drawn again, the other made up."""
        few = len(again) // 8 * 2  # of each, so that all are whole groups of what looks at them
        return torch.cat([again[:few], self._drawn(self._networks.generator.spread(w[:few]), draws)])

    @property
    def _networks(self) -> Together:
        return cast(Together, self.learner.network)

    def _found(self, real: Pictures) -> Codes:
        """Codes of pictures; in the first part of the run only some rows have something of their own."""
        config = self.config
        grown = (self.run.step / config.steps - config.single) / max(config.whole - config.single, 1e-6)
        stage = int(np.clip(grown, 0, 1) * (self._networks.generator.rows - 1))
        with self.run.fabric.autocast():
            return cast(Encoder4Editing, self._networks.encoder.encoder)(real, stage).float()

    def _made_up(self, count: int, draws: torch.Generator) -> Float[Tensor, "b d"]:
        with self.run.fabric.autocast():
            return self._networks.generator.map(_normal((count, self.config.code), draws)).float()

    def _moved(self, codes: Codes, change: Float[Tensor, "b n"]) -> Codes:
        with self.run.fabric.autocast():
            return self._networks.mapper.move(codes, change).float()

    def _drawn(self, codes: Codes, draws: torch.Generator) -> Pictures:
        """Pictures with noise of their own."""
        noises = [_normal((len(codes), *noise.shape[1:]), draws) for noise in self._networks.generator.stored()]
        with self.run.fabric.autocast():
            return self._networks.generator(codes, noises).float()

    def _apart(self, again: Pictures, real: Pictures, pair: Pair) -> dict[str, Tensor]:
        """How far pictures drawn again are from what they were, and two expressions of one person from what differs between them."""
        with self.run.fabric.autocast():
            distance = self.likeness(again, real)
        count = len(pair.photo)
        differs = differing(pair.before, pair.after)
        weight = torch.cat([torch.ones_like(differs), *[1 + self.config.focus * differs] * 2])
        change = again[2 * count :] - again[count : 2 * count] - (pair.after - pair.before)
        colours = {"colours": apart(again - real, weight), "change": apart(change, weight[count : 2 * count])}
        return colours | {"grids": distance.grids, "identity": distance.identity}

    def _weight(self, term: str) -> float:
        """The option of that name; the mapping, which learns from nothing else, counts as it is."""
        return float(getattr(self.config, term, 1.0))

    def _judged(self, pictures: Float[Tensor, "h 3 s s"], draws: torch.Generator) -> Float[Tensor, "h 1"]:
        """Logits of pictures, augmented."""
        kinds = self.config.augment
        if kinds != "none":
            pictures = augmented(pictures, self.strength.p, draws, kinds=kinds)
        with self.run.fabric.autocast():
            return self.judge.network(pictures).float()

    def _teach(self, learner: Learner, score: Scored, real: Tensor, made: Tensor, *, name: str) -> dict[str, Tensor | float]:
        """To tell the real from the made up; now and then, not to change steeply about real ones."""
        of_real = score(real)
        loss = losses.discriminator_loss(of_real, score(made))
        learner.learn(loss, clip=None)
        if (self.run.step - 1) % _R1_EVERY == 0:
            seen = real.detach().requires_grad_()
            weight = self.config.r1 if learner is self.judge else _CRITIC_R1
            learner.learn(weight / 2 * _R1_EVERY * losses.r1(score(seen), seen), clip=None)
        told: dict[str, Tensor | float] = {name: loss.detach()}
        return told | ({"overfits": self.strength.see(of_real), "p": self.strength.p} if name == "judge" else {})


@contextmanager
def _resting(*learners: Learner) -> Generated[None]:
    """They pass on gradients, and take none."""
    for learner in learners:
        learner.network.requires_grad_(False)
    yield
    for learner in learners:
        learner.network.requires_grad_(True)


def train(config: AutoencoderConfig) -> Path:
    """Run the recipe; returns the path of the generator's weights."""
    options = config.options
    if config.data is None:
        raise DataError("no photos: name a folder, or a crop set such as sfhq_256.npz, with --data")
    photos = open_squares(config.data, config.size, flips=True, seed=options.seed)
    faces = {split: open_expressions(config.variants, split) for split in ("train", "val")}
    fabric = launch(options)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    lesson = _lesson(run, config)
    average = cast(Together, lesson.learner.average)
    samples = Pairs(photos, faces["train"], config.size, options.seed)
    unseen = _unseen(run, Pairs(_held(config, photos), faces["val"], config.size, options.seed))
    stretch(cast(Encoder4Editing, cast(Together, lesson.learner.network).encoder.encoder), unseen.photo)
    run.resume(options.resume)
    for batch in run.steps(run.batches(samples, workers=options.workers), what="autoencoder"):
        told = lesson.step(Pair(*batch), run.generator(options.seed))
        if run.due(50):
            run.log(**told)
        if run.due(options.every):
            _look(run, average, unseen, lesson.likeness)
            run.save()
    return _kept(config, average, write=fabric.global_rank == 0)


def _lesson(run: Run, config: AutoencoderConfig) -> Lesson:
    """All networks as before training."""
    channels = _widths(config)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(config.options.seed)
        generator, judge = Generator(channels, config.code, config.depth), Discriminator([width // 2 for width in channels])
        units = [times * config.encoder for times in (1, 2, 3, 4)]
        shape: Shape = {"size": config.size, "units": _UNITS, "widths": units, "styles": generator.rows, "code": config.code}
        encoder, critic = Inverter("e4e", shape), LatentDiscriminator(config.code)
        mapper = LevelsMapper([len(AXES), config.code], generator.rows, list(LEVELS), "calibrated", AXES)
    for number, network in enumerate((generator, judge)):
        stylegan2.initialise(network, torch.Generator().manual_seed(2 * config.options.seed + number))
    encoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    likeness = Likeness(Recognizer(weights.bundled("identity")).network)
    run.fabric.to_device(likeness)
    adam = torch.optim.Adam
    mapping, drawing = ([p for name, p in generator.named_parameters() if name.startswith("style.") is first] for first in (True, False))
    rates = [
        {"params": drawing},
        {"params": mapping, "lr": config.rate * _HASTE},
        {"params": mapper.parameters(), "lr": config.rate * _MAPPER_HASTE},
        {"params": encoder.parameters(), "lr": config.rate / 10},
    ]
    for parameter in mapper.parameters():
        nn.init.zeros_(parameter)
    network, optimizer = Together(encoder, generator, mapper), adam(rates, lr=config.rate, betas=(0.9, 0.99))
    learner = run.learner(network, optimizer, name="together", memory=config.memory, wrapped=False)
    judging = run.learner(
        judge, adam(judge.parameters(), lr=config.rate / 5, betas=(0.0, 0.99)), name="judge", warmup=1, schedule=constant, wrapped=False
    )
    telling = run.learner(
        critic, adam(critic.parameters(), lr=_CRITIC_RATE, betas=(0.0, 0.99)), name="critic", warmup=1, schedule=constant, wrapped=False
    )
    return Lesson(config, run, learner, judging, telling, likeness, AdaptiveStrength(run, swing=config.ada_images))


def _widths(config: AutoencoderConfig) -> list[int]:
    """Channels from 4 pixels up."""
    return [min(config.most, config.width * config.size // side) for side in (4 << i for i in range(config.size.bit_length() - 2))]


def _held(config: AutoencoderConfig, photos: Squares) -> Squares:
    """Photos to look at: of a crop set those that nothing learns from."""
    if config.data is None or config.data.suffix.lower() != ".npz":
        return photos
    return open_squares(config.data, config.size, flips=False, seed=0, split="val")


def _unseen(run: Run, pairs: Pairs) -> Pair:
    """Samples that nothing learns from."""
    return Pair(*run.fabric.to_device(default_collate([pairs[number] for number in range(_VALIDATED)])))


@torch.no_grad()
def _look(run: Run, network: Together, unseen: Pair, likeness: Likeness) -> None:
    """How near people not learned from are drawn again, and how a change of theirs is; pictures of both, and of random codes."""
    generator, real = network.generator, unseen.photo
    again = generator(network.encoder(real)).clamp(-1, 1)
    distance, error = likeness(again, real), (again - real).square().mean((1, 2, 3))
    codes = network.encoder(unseen.before)
    before, after = generator(codes), generator(network.mapper.move(codes, unseen.change))
    follows = nn.functional.cosine_similarity((after - before).flatten(1), (unseen.after - unseen.before).flatten(1)).mean()
    run.log(val_psnr=10 * torch.log10(4 / error).mean(), val_grids=distance.grids, val_identity=1 - distance.identity, val_follows=follows)
    w = generator.map(drawn(range(_SHOWN), generator.code).to(real.device))
    made = generator(generator.spread(w)).clamp(-1, 1)
    twice = torch.stack([real[:_SHOWN], again[:_SHOWN]], 1).flatten(0, 1)
    moved = torch.stack([unseen.before, unseen.after, before, after], 1)[: _SHOWN // 2].flatten(0, 1)
    run.pictures("faces", torch.cat([twice, moved, made]).clamp(-1, 1).cpu() / 2 + 0.5)


def _kept(config: AutoencoderConfig, network: Together, *, write: bool) -> Path:
    """All three files; half as precise, which no picture shows."""
    path = config.out / "stylegan2.safetensors"
    if write:
        generator, encoder, mapper, recipe = network.generator, network.encoder, network.mapper, to_toml(config, folders=False)
        tensors = _halved({f"generator.{name}": tensor for name, tensor in generator.state_dict().items()})
        weights.save(
            path,
            tensors | {stylegan2.MEAN: average_code(generator)},
            {"kind": stylegan2.KIND, "generator": generator.config},
            recipe=recipe,
        )
        weights.save(config.out / "e4e.safetensors", _halved(encoder.state_dict()), encoder.config, recipe=recipe)
        weights.save(config.out / "auclip.safetensors", mapper.state_dict(), {"kind": "auclip", **mapper.config}, recipe=recipe)
    return path


def _halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def _normal(shape: tuple[int, ...], draws: torch.Generator) -> Float[Tensor, "..."]:
    return torch.randn(shape, generator=draws, device=draws.device)
