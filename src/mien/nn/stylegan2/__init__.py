"""StyleGAN2 (Karras et al. 2020) under the names of published PyTorch checkpoints, with gradients of any order."""

from mien.nn.stylegan2.discriminator import Discriminator
from mien.nn.stylegan2.generator import Generator, Grown
from mien.nn.stylegan2.layers import initialise
from mien.nn.stylegan2.photos import PhotoCodes
from mien.nn.stylegan2.stored import KIND, MEAN, PHOTOS, discriminator, fingerprint, generator, mean_code, photo_codes

__all__ = [
    "KIND",
    "MEAN",
    "PHOTOS",
    "Discriminator",
    "Generator",
    "Grown",
    "PhotoCodes",
    "discriminator",
    "fingerprint",
    "generator",
    "initialise",
    "mean_code",
    "photo_codes",
]
