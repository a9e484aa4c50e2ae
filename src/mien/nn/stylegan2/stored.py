"""How both networks lie in a weight file of mien's: under ``generator.`` and ``discriminator.``, beside the mean of the codes w and, where
photos were encoded for it, how their codes lie.

The configuration has ``kind`` and the arguments of each network that is there.
"""

from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor

from mien import weights
from mien.errors import WeightsError
from mien.nn.stylegan2.discriminator import Discriminator
from mien.nn.stylegan2.generator import Generator
from mien.nn.stylegan2.photos import PhotoCodes
from mien.weights import Weights

KIND = "stylegan2"
MEAN = "mean_code"  #: the name of the tensor
PHOTOS = ("photo_codes.mean", "photo_codes.axes")  #: the names of the parts of `PhotoCodes`


def generator(stored: Weights) -> Generator:
    """The generator of a weight file; raises `WeightsError` when there is none in it."""
    config = _config(stored, "generator")
    return weights.built(lambda: Generator(**config), _part(stored, "generator"), "generator of StyleGAN2")


def discriminator(stored: Weights) -> Discriminator:
    """The discriminator of a weight file; raises `WeightsError` when there is none in it."""
    config = _config(stored, "discriminator")
    return weights.built(lambda: Discriminator(**config), _part(stored, "discriminator"), "discriminator of StyleGAN2")


def mean_code(stored: Weights) -> Float[Tensor, " d"]:
    """The mean of the codes w, which truncation draws towards."""
    if MEAN not in stored.tensors:
        raise WeightsError(f"{stored.path} has no mean code: import it again")
    return stored.tensors[MEAN].float()


def photo_codes(stored: Weights) -> PhotoCodes | None:
    """How codes of photos lie; None where nobody encoded any for this generator."""
    if any(name not in stored.tensors for name in PHOTOS):
        return None
    return PhotoCodes(*(stored.tensors[name].float() for name in PHOTOS))


def fingerprint(network: Generator) -> str:
    """By which files of encoders and mappers know their generator: the SHA-256 of its tensors, whatever file they come from."""
    return weights.fingerprint(network.state_dict())


def _config(stored: Weights, part: str) -> dict[str, Any]:
    config = stored.config.get(part)
    if stored.config.get("kind") != KIND or not isinstance(config, dict):
        raise WeightsError(f"{stored.path} has no {part} of StyleGAN2: `mien weights import {KIND} FILE` makes such a file")
    return config


def _part(stored: Weights, part: str) -> Weights:
    start = f"{part}."
    return replace(stored, tensors={k.removeprefix(start): v for k, v in stored.tensors.items() if k.startswith(start)})
