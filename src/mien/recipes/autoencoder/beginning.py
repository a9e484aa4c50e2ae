"""The networks of the recipe `autoencoder` as they are before the first step, and how fast each learns."""

import torch
from torch import nn

from mien import weights
from mien.data.expressions import AXES
from mien.faces.identity import Recognizer
from mien.losses.likeness import Likeness
from mien.nn import stylegan2
from mien.nn.encoders import Inverter, Shape
from mien.nn.latent import LatentDiscriminator
from mien.nn.mapper import LEVELS, LevelsMapper
from mien.nn.stylegan2 import Discriminator, Generator
from mien.recipes.autoencoder.lesson import Lesson, Together
from mien.recipes.autoencoder.options import AutoencoderConfig
from mien.training import AdaptiveStrength, Run, constant

_UNITS = (1, 2, 4, 1)  # of the encoder's stages
_CRITIC_RATE = 5e-5  # the critic shall not know codes much better than the mapping makes them
_HASTE = 5.0  # of the mapping: its layers learn a hundred times slower than the others, which suits runs of millions of pictures
_MAPPER_HASTE = 50.0  # of the mapper: its layers learn a hundred times slower too, and begin at 0


def begun(run: Run, config: AutoencoderConfig) -> Lesson:
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
