"""From a picture to the code that draws it: an encoder, then the code refined, then the generator tuned about it."""

from mien.inversion.domain import outside
from mien.inversion.ladder import How, Inverted, Networks, Quality, invert, quality

__all__ = ["How", "Inverted", "Networks", "Quality", "invert", "outside", "quality"]
