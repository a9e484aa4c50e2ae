"""Recipe `stylegan2`: a generator of faces against a discriminator, from any pictures.

The losses, their lazy regularisers and the rates of Karras et al. 2020 (Analyzing and improving the image quality of StyleGAN); where
pictures are few, the adaptive augmentation of Karras et al. 2020 (Training generative adversarial networks with limited data).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mien import weights
from mien.data.folder import need
from mien.data.squares import Squares, open_squares
from mien.errors import UsageError
from mien.metrics.features import chosen
from mien.metrics.underway import Underway
from mien.nn import stylegan2
from mien.nn.ada import augmented
from mien.nn.levels import rounded
from mien.nn.stylegan2 import Discriminator, Generator, losses
from mien.nn.stylegan2.generator import average_code, drawn
from mien.nn.stylegan2.layers import widths
from mien.training import AdaptiveStrength, Learner, Run, RunOptions, constant, launch, say
from mien.training.config import to_toml
from mien.training.lazy import lazy_r1, turn
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive, Share

_PICTURES = "sfhq_256.npz"
_PATH, _R1 = "path_length", "r1"  # in `Run.numbers`: the running mean; what R1 was last
_GROUP = 4  # pictures that the discriminator looks at together
_SAMPLES = 32

Pictures = Float[Tensor, "b 3 s s"]


@dataclass(frozen=True)
class StyleGAN2Config(Checked):
    """Options of `mien train stylegan2`."""

    data: Path | None = Path(os.environ["MIEN_DATA"]) / _PICTURES if os.environ.get("MIEN_DATA") else None
    """Pictures: a folder, a .zip, an LMDB, .tar shards or a crop set, of which the training split is taken."""
    out: Path = Path("runs/stylegan2")
    """Folder for checkpoints, metrics, samples and the trained weights (stylegan2.safetensors)."""
    size: int = 128
    """Pixels of the pictures, a power of two from 8."""
    width: Positive = 1.0
    """Channels at the larger sizes: 16384 times this by the pixels of a side; published networks of 1024 pixels have 2."""
    most: Count = 512
    """Channels at most."""
    code: Count = 512
    """Numbers in a code."""
    depth: Count = 8
    """Layers that map a random code to a style code."""
    steps: Count = 100_000
    """Training steps."""
    batch: Count = 16
    """Pictures a step and device."""
    rate: Positive = 2e-3
    """Learning rate."""
    memory: NotNegative = 10_000
    """Half-life of the generator's averaged weights, in pictures seen."""
    flips: bool = True
    """Mirror half of the pictures."""
    mixing: Share = 0.9
    """Share of made pictures whose style is mixed from two codes."""
    r1: NotNegative = 10.0
    """Weight of R1, on how the discriminator changes with real pictures; twice what multiplies the squared gradient."""
    r1_every: Count = 16
    """Steps from one R1 to the next."""
    path: NotNegative = 2.0
    """Weight of how path lengths differ."""
    path_every: Count = 4
    """Steps from one such to the next."""
    augment: Literal["none", "b", "bg", "bgc", "bgcf", "bgcfn"] = "bgc"
    """Adaptive augmentation: pixel blitting, geometry, colour, filtering, noise."""
    ada_target: float = 0.6
    """Mean sign of the discriminator on real pictures that the augmentation keeps."""
    ada_every: Count = 4
    """Steps from one change of the augmentation's strength to the next."""
    ada_images: Positive = 500_000
    """Pictures that take the strength from 0 to 1."""
    fid_every: Annotated[int, Limits()] = 5_000
    """Steps from one FID to the next; 0 for none."""
    fid_pictures: Annotated[int, Limits(2)] = 5_000
    """Made pictures for FID, and at most as many real ones."""
    fid_features: Literal["auto", "inception", "landmarks"] = "auto"
    """Network for FID; auto is inception where it was imported, else the landmark network."""
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be, of sizes and batches too."""
        super().__post_init__()
        if self.size < 8 or self.size & (self.size - 1):
            raise UsageError(f"size = {self.size} is not allowed: a power of two from 8, such as 64 or 128")
        if self.batch % min(self.batch, _GROUP):
            raise UsageError(f"batch = {self.batch} is not allowed: 1 to {_GROUP} or a multiple of it: so many are looked at together")


@dataclass(frozen=True, eq=False)
class Contest:
    """Both networks, and what a step teaches each."""

    config: StyleGAN2Config
    run: Run
    maker: Learner
    judge: Learner
    strength: AdaptiveStrength

    def codes(self, count: int, draws: torch.Generator) -> Float[Tensor, "b l d"]:
        """Codes in W+; a share of them goes over to another code's rows somewhere."""
        network = cast(Generator, self.maker.network)
        with self.run.fabric.autocast():
            w, other = (network.map(_normal((count, network.code), draws)).float() for _ in range(2))
        chance, rows = (torch.rand(count, generator=draws, device=draws.device) for _ in range(2))
        place = 1 + (rows * (network.rows - 1)).long()
        return network.mix(w, other, torch.where(chance < self.config.mixing, place, network.rows))

    def made(self, codes: Float[Tensor, "b l d"], draws: torch.Generator) -> Pictures:
        """Pictures with noise of their own."""
        network = cast(Generator, self.maker.network)
        noises = [_normal((len(codes), *noise.shape[1:]), draws) for noise in network.stored()]
        with self.run.fabric.autocast():
            return network(codes, noises).float()

    def judged(self, pictures: Pictures, draws: torch.Generator) -> Float[Tensor, "b 1"]:
        """Logits of the pictures, augmented."""
        kinds = self.config.augment
        if kinds != "none":
            pictures = augmented(pictures, self.strength.p, draws, kinds=kinds)
        with self.run.fabric.autocast():
            return self.judge.network(pictures).float()

    def teach_judge(self, real: Pictures, draws: torch.Generator) -> dict[str, Tensor | float]:
        """To tell real pictures from made ones; now and then, not to change steeply about real ones."""
        with torch.no_grad():
            made = self.made(self.codes(len(real), draws), draws)
        of_real, of_made = self.judged(real, draws), self.judged(made, draws)
        loss = losses.discriminator_loss(of_real, of_made)
        self.judge.learn(loss, clip=None)
        config = self.config
        steep = lazy_r1(self.run, self.judge, lambda seen: self.judged(seen, draws), real, weight=config.r1, every=config.r1_every)
        if steep is not None:
            self.run.numbers[_R1] = self._mean(steep)
        return {"judge": loss.detach(), "overfits": self.strength.see(of_real)}

    def teach_maker(self, draws: torch.Generator) -> dict[str, Tensor | float]:
        """To make pictures that pass for real; now and then, to move them alike far wherever a code moves."""
        config, even = self.config, turn(self.run, self.config.path_every)
        self.judge.network.requires_grad_(False)
        loss = losses.generator_loss(self.judged(self.made(self.codes(config.batch, draws), draws), draws))
        self.maker.learn(loss, clip=None, follow=not even)
        self.judge.network.requires_grad_(True)
        if even:
            codes = self.codes(max(1, config.batch // 2), draws)
            pictures = self.made(codes, draws)
            lengths = losses.path_lengths(pictures, codes, _normal(pictures.shape, draws))
            penalty, mean = losses.path_penalty(lengths, lengths.new_tensor(self.run.numbers.get(_PATH, 0.0)))
            self.maker.learn(config.path * config.path_every * penalty, clip=None)
            self.run.numbers[_PATH] = self._mean(mean)
        return {"maker": loss.detach()}

    def _mean(self, value: Tensor) -> float:
        return float(cast(Tensor, self.run.fabric.all_reduce(value.detach(), reduce_op="mean")))


def lazy_adam(network: nn.Module, rate: float, every: int) -> torch.optim.Adam:
    """Adam for a network whose regulariser is a step of its own, `every` so many: rate and memory for as much learning as without.

    Karras et al. 2020, appendix B: both by ``c = every / (every + 1)``.
    """
    share = every / (every + 1)
    return torch.optim.Adam(network.parameters(), lr=rate * share, betas=(0.0, 0.99**share))


def train(config: StyleGAN2Config) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    generator, discriminator = _networks(config)
    path = config.data or need(None, _PICTURES) / _PICTURES
    squares = open_squares(path, config.size, flips=config.flips, seed=options.seed)
    fabric = launch(options)
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    maker = _learner(run, "generator", generator, config.rate, config.path_every, memory=config.memory)
    judge = _learner(run, "discriminator", discriminator, config.rate, config.r1_every)
    strength = AdaptiveStrength(run, target=config.ada_target, every=config.ada_every, swing=config.ada_images)
    contest = Contest(config, run, maker, judge, strength)
    average = cast(Generator, maker.average)
    underway = _underway(run, config, squares) if config.fid_every else None
    run.resume(options.resume)
    for real in run.steps(run.batches(squares, workers=options.workers), what="stylegan2"):
        draws = run.generator(options.seed)
        told = contest.teach_judge(real, draws) | contest.teach_maker(draws)
        if run.due(50):
            run.log(**told, p=strength.p, **{name: run.numbers[name] for name in (_R1, _PATH)})
        if underway and run.due(config.fid_every):
            run.log(fid=underway.fid(lambda number: sampled(average, number), config.fid_pictures))
        if run.due(options.every):
            sheet = np.stack([sampled(average, number) for number in range(_SAMPLES)])
            run.pictures("faces", torch.from_numpy(sheet).permute(0, 3, 1, 2) / 255)
            run.save()
    return _kept(config, average, cast(Discriminator, judge.network), write=fabric.global_rank == 0)


@torch.no_grad()
def sampled(network: Generator, seed: int) -> UInt8[np.ndarray, "s s 3"]:
    """The picture of a seed, as `mien generate` draws it."""
    z = drawn([seed], network.code).to(network.input.input.device)
    return rounded(network(network.spread(network.map(z)))[0])


def _learner(run: Run, name: str, network: nn.Module, rate: float, every: int, *, memory: float = 0.0) -> Learner:
    return run.learner(network, lazy_adam(network, rate, every), name=name, memory=memory, warmup=1, schedule=constant, wrapped=False)


def _networks(config: StyleGAN2Config) -> tuple[Generator, Discriminator]:
    """Both as before training."""
    channels = widths(config.size, config.width, config.most)
    with torch.random.fork_rng():  # some layers are made with numbers in them; all are drawn anew
        both = Generator(channels, config.code, config.depth), Discriminator(channels, _GROUP)
    for number, network in enumerate(both):
        stylegan2.initialise(network, torch.Generator().manual_seed(2 * config.options.seed + number))
    return both


def _underway(run: Run, config: StyleGAN2Config, squares: Squares) -> Underway:
    """FID against pictures evenly taken from those that are learned from; says on which features."""
    features = chosen("" if config.fid_features == "auto" else config.fid_features)
    count = min(len(squares), config.fid_pictures)
    if run.fabric.global_rank == 0:
        say(f"FID of {config.fid_pictures} made pictures against {count} real ones, on: {features.name}")
    return Underway(run.fabric, features, lambda number: squares.picture(number * len(squares) // count), count)


def _kept(config: StyleGAN2Config, average: Generator, judge: Discriminator, *, write: bool) -> Path:
    """The file that `mien generate` reads: both networks, and the mean of the codes w."""
    path = config.out / "stylegan2.safetensors"
    if write:
        parts = {"generator": average, "discriminator": judge}
        tensors = {f"{part}.{name}": tensor for part, network in parts.items() for name, tensor in network.state_dict().items()}
        configs = {part: network.config for part, network in parts.items()}
        weights.save(
            path,
            tensors | {stylegan2.MEAN: average_code(average)},
            {"kind": stylegan2.KIND, **configs},
            recipe=to_toml(config, folders=False),
        )
    return path


def _normal(shape: tuple[int, ...], draws: torch.Generator) -> Float[Tensor, "..."]:
    return torch.randn(shape, generator=draws, device=draws.device)
