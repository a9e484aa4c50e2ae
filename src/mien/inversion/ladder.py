"""Three ways from a picture to a code, each nearer to the picture and slower than the one before.

``encoder`` takes what an encoder says; ``refine`` moves that code (`mien.inversion.refining`); ``pivotal`` then tunes a copy of the
generator about it too (`mien.inversion.tuning`). All are the same in every run, whatever was random elsewhere.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mien.inversion.refining import refined
from mien.inversion.tuning import tuned
from mien.losses import reconstruction
from mien.losses.reconstruction import Reconstruction
from mien.metrics.pictures import psnr
from mien.nn.encoders import Inverter
from mien.nn.levels import rounded
from mien.nn.sizing import sized
from mien.nn.stylegan2 import Generator

How = Literal["encoder", "refine", "pivotal"]

Picture = Float[Tensor, "1 3 s s"]


@dataclass(frozen=True, eq=False)
class Networks:
    """What belongs together, all on one device; from now on none of them learns."""

    generator: Generator
    encoder: Inverter  #: of pictures into the generator's codes
    mean: Float[Tensor, " d"]  #: of the codes w
    measure: Reconstruction = field(default_factory=reconstruction.installed)  #: how far pictures are apart

    def __post_init__(self) -> None:
        """In eval mode and without gradients for weights, which would cost as much again as those for codes."""
        for network in (self.generator, self.encoder, self.measure):
            network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Quality:
    """How far the picture of a code is from the one that it was found for."""

    psnr: float  #: dB
    perceptual: float  #: 0 for equal pictures; only comparable by the same network
    perceptual_network: str
    identity: float  #: cosine, 1 for the same person
    identity_network: str


@dataclass(frozen=True, eq=False)
class Inverted:
    """A code, and the generator that draws it: the one that was given, or one tuned to this picture alone."""

    code: Float[Tensor, "1 l d"]
    generator: Generator
    quality: Quality


def invert(picture: Picture, networks: Networks, how: How = "encoder") -> Inverted:
    """The code of a face in FFHQ's framing, RGB in -1..1, a power of two of pixels not below those of either network."""
    with torch.inference_mode(False), torch.enable_grad():
        picture = picture.detach().clone()
        generator, mean, measure = networks.generator, networks.mean, networks.measure
        goal = sized(picture, generator.size)
        with torch.no_grad():
            code = networks.encoder(sized(picture, networks.encoder.config["size"]))
        if how != "encoder":
            code = refined(goal, code, generator, measure)
        if how == "pivotal":
            generator = tuned(goal, code, generator, mean, measure)
        with torch.no_grad():
            return Inverted(code, generator, quality(generator(code), goal, measure))


@torch.no_grad()
def quality(made: Picture, real: Picture, measure: Reconstruction) -> Quality:
    """Of pictures in -1..1, the made one as it is kept: within these bounds."""
    _, perceptual, identity = measure(made.clamp(-1, 1), real)
    psnr_ = psnr(rounded(made[0]), rounded(real[0]))
    return Quality(psnr_, float(perceptual), measure.perceptual_network, 1 - float(identity), measure.identity_network)
