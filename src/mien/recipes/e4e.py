"""Recipe `e4e`: an encoder of faces into the codes of a generator that stands still: e4e, or pSp.

The first finds codes that edits understand (Tov et al. 2021): it begins in W, one row for all, and row after row gets something of its own,
held small and watched by a critic that knows the generator's codes. The other is free to use all rows from the start (Richardson et al.
2021) and draws pictures again more nearly.
"""

import os
from collections.abc import Generator as Generated
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mien import weights
from mien.data.folder import need
from mien.data.squares import Squares, open_squares
from mien.errors import UsageError
from mien.faces.identity import KIND as IDENTITY
from mien.faces.identity import Recognizer
from mien.inversion import choosing
from mien.losses import reconstruction
from mien.losses.codes import Critic, deltas
from mien.losses.reconstruction import Reconstruction
from mien.metrics.consistency import editing_consistency, principal_edits
from mien.nn import encoders, stylegan2
from mien.nn.encoders import Encoder4Editing, GradualStyleBlock, Inverter, Shape
from mien.nn.sizing import sized
from mien.nn.stylegan2 import Generator, losses
from mien.nn.stylegan2.generator import drawn
from mien.training import Learner, Ranger, Run, RunOptions, constant, launch, say
from mien.training.config import to_toml
from mien.training.lazy import lazy_r1
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive

_PICTURES = "sfhq_256.npz"
_BODIES = {"ir-se-18": (1, 2, 4, 1), "ir-se-50": encoders.PUBLISHED["units"]}
_WIDER = (1, 2, 4, 8)  # widths of the stages as multiples of the first
_MOST = 256  # pixels that an encoder sees, unless asked for more
_LOOKED_AT, _EDITS = 32, 2  # at every validation: pictures, edits of them
_SHOWN, _COLUMNS = 16, 8  # pictures on the sheet, each above what is drawn of it
_DRAWN = 4096  # codes w whose directions are edits

Pictures = Float[Tensor, "b 3 s s"]
Codes = Float[Tensor, "b l d"]


@dataclass(frozen=True)
class E4EConfig(Checked):
    """Options of `mien train e4e`."""

    data: Path | None = Path(os.environ["MIEN_DATA"]) / _PICTURES if os.environ.get("MIEN_DATA") else None
    """Photos in FFHQ's framing: a folder, a .zip, an LMDB, .tar shards or a crop set, of which the training split is taken."""
    out: Path = Path("runs/e4e")
    """Folder for checkpoints, metrics, samples and the trained weights (KIND.safetensors)."""
    generator: Path | None = None
    """Weights of the StyleGAN2 whose codes are found; without, those that `mien generate stylegan` takes."""
    start: Path | None = None
    """Weights to begin with: an encoder, which goes on as it is and with all rows, or a network for identity, whose body is taken."""
    kind: Literal["e4e", "psp", "psp-w"] = "e4e"
    """Encoder: for codes that edits understand; for near pictures; for a code in W."""
    size: int | None = None
    """Pixels that the encoder sees, a power of two from 32; those of the generator, at most 256, if not given."""
    body: Literal["ir-se-18", "ir-se-50"] = "ir-se-50"
    """Layers of the encoder."""
    width: Count = 64
    """Channels of its first stage; the later ones have 2, 4 and 8 times as many."""
    steps: Count = 200_000
    """Training steps."""
    single: Annotated[int, Limits()] = 20_000
    """Of e4e: steps while all rows are the same."""
    row_every: Count = 2_000
    """Of e4e: steps from one row that gets something of its own to the next."""
    batch: Count = 8
    """Pictures a step and device."""
    rate: Positive = 1e-4
    """Learning rate of Ranger."""
    memory: Positive = 10_000
    """Half-life of the averaged weights, in pictures seen."""
    flips: bool = True
    """Mirror half of the pictures."""
    colours: NotNegative = 1.0
    """Weight of the squared difference of colours."""
    perceptual: NotNegative = 0.8
    """Weight of how far pictures are apart to a network that sees."""
    identity: NotNegative = 0.1
    """Weight of how far they are apart as persons."""
    seeing: reconstruction.Seeing = "auto"
    """The network that sees: LPIPS, or the grids of that for identity; auto is LPIPS where it was imported."""
    deltas: NotNegative = 2e-4
    """Of e4e: weight of how far rows are from the first."""
    critic: NotNegative = 0.1
    """Of e4e: weight of a critic that tells codes found in pictures from those of the generator; 0 for none."""
    critic_rate: Positive = 2e-5
    """Learning rate of the critic."""
    pool: Annotated[int, Limits()] = 50
    """Codes of each kind that the critic remembers."""
    r1: NotNegative = 10.0
    """Weight of R1, on how the critic changes with codes; twice what multiplies the squared gradient."""
    r1_every: Count = 16
    """Steps from one R1 to the next."""
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be."""
        super().__post_init__()
        if self.size is not None and (self.size < 32 or self.size & (self.size - 1)):
            raise UsageError(f"size = {self.size} is not allowed: a power of two from 32, such as 64 or 256")

    def stage(self, step: int, rows: int) -> int | None:
        """Up to which row a code of e4e has something of its own at a step, from 1 on; None for other encoders."""
        if self.kind != "e4e":
            return None
        return rows - 1 if self.goes_on else min(rows - 1, max(0, 1 + (step - 1 - self.single) // self.row_every))

    @cached_property
    def goes_on(self) -> bool:
        """Whether it begins with an encoder, not with a body alone."""
        return self.start is not None and weights.kind(self.start) != IDENTITY


@dataclass(frozen=True, eq=False)
class Lesson:
    """All networks, and what a step teaches."""

    config: E4EConfig
    run: Run
    encoder: Learner
    critic: Learner | None
    generator: Generator
    measure: Reconstruction

    def step(self, real: Pictures, draws: torch.Generator) -> dict[str, Tensor | float]:
        """The encoder learns to draw pictures again, the critic to tell its codes; returns what to tell."""
        config, stage = self.config, self.config.stage(self.run.step, self.generator.rows)
        with self.run.fabric.autocast():
            codes = _found(cast(Inverter, self.encoder.network), real, stage).float()
            again = sized(self.generator(codes).float(), real.shape[2])
            apart = self.measure(again, real)
        terms: dict[str, Tensor] = apart._asdict()
        told: dict[str, Tensor | float] = {}
        if stage is not None:
            terms["deltas"] = deltas(codes)
            told["stage"] = float(stage)
        if self.critic and stage is not None:
            own = codes[:, : stage + 1]
            told["critic_loss"] = self._teach(self.critic, own.detach(), draws)
            self.critic.network.requires_grad_(False)
            terms["critic"] = losses.generator_loss(self.critic.network(own.flatten(0, 1)))
        self.encoder.learn(torch.stack([getattr(config, name) * term for name, term in terms.items()]).sum(), clip=None)
        return told | {name: term.detach() for name, term in terms.items()}

    def _teach(self, learner: Learner, codes: Codes, draws: torch.Generator) -> Tensor:
        """The critic, by a row of each code and as many of the mapping; now and then, not to change steeply about those."""
        critic, config = cast(Critic, learner.network.requires_grad_(True)), self.config
        rows = torch.rand(len(codes), generator=draws, device=draws.device) * codes.shape[1]
        z = torch.randn(len(codes), self.generator.code, generator=draws, device=draws.device)
        found = critic.found(codes[torch.arange(len(codes), device=codes.device), rows.long()], draws)
        made = critic.made(self.generator.map(z), draws)
        loss = losses.discriminator_loss(critic(made), critic(found))
        learner.learn(loss, clip=None)
        lazy_r1(self.run, learner, critic, made, weight=config.r1, every=config.r1_every)
        return loss.detach()


def train(config: E4EConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    stored = weights.load(choosing.generator(config.generator))
    generator = stylegan2.generator(stored).requires_grad_(False)
    encoder = _begun(config, generator, stylegan2.mean_code(stored))
    path, size = config.data or need(None, _PICTURES) / _PICTURES, int(encoder.config["size"])
    squares = open_squares(path, size, flips=config.flips, seed=options.seed)
    unseen = open_squares(path, size, flips=False, seed=options.seed, split="val")
    fabric = launch(options)
    run = Run(
        fabric,
        config.out,
        total=config.steps,
        batch=config.batch,
        config=to_toml(config),
        fixed=["start"],  # decides from which step on a row learns, see `E4EConfig.stage`
        tensorboard=options.tensorboard,
    )
    measure = reconstruction.installed(config.seeing)
    if fabric.global_rank == 0:
        say(f"seeing by {measure.perceptual_network}, persons by {measure.identity_network}")
    for still in (generator, measure):
        fabric.to_device(still)
    lesson = Lesson(config, run, *_learners(run, config, encoder, generator.code), generator, measure)
    average = cast(Inverter, lesson.encoder.average)
    run.resume(options.resume)
    for real in run.steps(run.batches(squares, workers=options.workers), what="e4e"):
        told = lesson.step(real, run.generator(options.seed))
        if run.due(50):
            run.log(**told)
        if run.due(options.every):
            _look(lesson, average, unseen)
            run.save()
    kept = config.out / f"{config.kind}.safetensors"
    if fabric.global_rank == 0:
        recipe, made_for = to_toml(config, folders=False), stylegan2.fingerprint(generator)
        weights.save(kept, average.state_dict(), average.config, recipe=recipe, made_for=made_for)
    return kept


def _found(network: Inverter, pictures: Pictures, stage: int | None) -> Codes:
    """Codes whose rows up to `stage` have something of their own."""
    encoder = network.encoder
    return (encoder(pictures, stage) if isinstance(encoder, Encoder4Editing) else encoder(pictures)) + network.latent_avg


def _learners(run: Run, config: E4EConfig, encoder: Inverter, code: int) -> tuple[Learner, Learner | None]:
    """Encoder and critic, neither wrapped: rows that do not learn yet have no gradients."""
    ranger = Ranger(encoder.parameters(), lr=config.rate)
    learner = run.learner(encoder, ranger, name="encoder", memory=config.memory, warmup=1, schedule=constant, wrapped=False)
    if config.kind != "e4e" or not config.critic:
        return learner, None
    with _seeded(config):
        critic = Critic(code, config.pool)
    adam = torch.optim.Adam(critic.parameters(), lr=config.critic_rate)
    return learner, run.learner(critic, adam, name="critic", warmup=1, schedule=constant, wrapped=False)


def _begun(config: E4EConfig, generator: Generator, mean: Float[Tensor, " d"]) -> Inverter:
    """The encoder before training; raises `UsageError` for a start that is of another kind, or of another generator's codes."""
    network = encoders.of(weights.load(config.start)) if config.start and config.goes_on else _fresh(config, generator, mean)
    if network.config["kind"] != config.kind or network.latent_avg.shape != (generator.rows, generator.code):
        held = " x ".join(map(str, network.latent_avg.shape))
        wanted = f"--kind {config.kind} and codes of {generator.rows} x {generator.code}"
        raise UsageError(f"{config.start} is {network.config['kind']} with codes of {held}, not as wanted {wanted}")
    return network.train().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads


def _fresh(config: E4EConfig, generator: Generator, mean: Float[Tensor, " d"]) -> Inverter:
    """An encoder whose codes begin at the mean one; of e4e, rows that have not learned yet add nothing to the first."""
    base = Recognizer(config.start).network if config.start else None
    units, widths = (base.config["units"], base.config["widths"]) if base else (_BODIES[config.body], [n * config.width for n in _WIDER])
    size = config.size or max(32, min(_MOST, generator.size))
    with _seeded(config):
        network = Inverter(config.kind, Shape(size=size, units=units, widths=widths, styles=generator.rows, code=generator.code))
    network.latent_avg.copy_(mean.expand(generator.rows, -1))
    if base:
        network.encoder.input_layer.load_state_dict(base.input_layer.state_dict())
        network.encoder.body.load_state_dict(base.body.state_dict())
    if isinstance(network.encoder, Encoder4Editing):
        for head in list(network.encoder.styles)[1:]:
            nn.init.zeros_(cast(GradualStyleBlock, head).linear.weight)
    return network


@contextmanager
def _seeded(config: E4EConfig) -> Generated[None]:
    """What is made here begins with numbers of the seed, and nothing random elsewhere moves."""
    with torch.random.fork_rng(devices=()):
        torch.random.default_generator.manual_seed(config.options.seed)
        yield


@torch.no_grad()
def _look(lesson: Lesson, network: Inverter, photos: Squares) -> None:
    """How near pictures are drawn again, those of people not learned from where they are known; and whether their codes can be edited."""
    run, generator, size = lesson.run, lesson.generator, int(network.config["size"])

    def draw(codes: Codes) -> Pictures:
        return torch.cat([sized(generator(some), size).clamp(-1, 1) for some in codes.split(lesson.config.batch)])

    count = min(len(photos), _LOOKED_AT)
    real = run.fabric.to_device(torch.stack([photos.shown(number * len(photos) // count) for number in range(count)]))
    again = draw(network(real))
    apart, error = lesson.measure(again, real), (again - real).square().mean((1, 2, 3))
    w = generator.map(run.fabric.to_device(drawn(range(_DRAWN), generator.code)))
    consistency = editing_consistency(real, network, draw, principal_edits(w, _EDITS))
    told = {"val_perceptual": apart.perceptual, "val_identity": 1 - apart.identity, "val_consistency": consistency}
    run.log(val_psnr=10 * torch.log10(4 / error).mean(), **told)
    pairs = zip(real[:_SHOWN].split(_COLUMNS), again[:_SHOWN].split(_COLUMNS), strict=True)
    run.pictures("faces", torch.cat([part for pair in pairs for part in pair]).cpu() / 2 + 0.5, columns=min(_COLUMNS, count))
