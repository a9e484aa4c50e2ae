"""Faces and their mirror images: what is left of the one is right of the other, and all else is the same."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mien import aus
from mien.aus import MAX_INTENSITY
from mien.nn.graphau.network import GraphAU, Told


def partners(units: Sequence[str]) -> list[int]:
    """The place of each unit's other side in `units`; its own where a unit has no sides.

    >>> partners(["AU12", "AU12L", "AU12R"])
    [0, 2, 1]
    """
    return [units.index(aus.mirror(unit)) for unit in units]


def read(network: GraphAU, pictures: Float[Tensor, "b 3 s s"]) -> Told:
    """Scores, and intensities in 0..5, of pictures as `framed` makes them; no pairs.

    A `corrected` network also reads the mirror image and tells the mean, so that left and right are alike to it; a `compatible` one looks
    once, as published.
    """
    if network.config["mode"] == "compatible":
        return _cut(network.tell(pictures))
    told = _cut(network.tell(torch.cat([pictures, pictures.flip(3)])))
    (scores, mirrored), (intensities, other) = told.scores.chunk(2), told.intensities.chunk(2)
    return Told((scores + mirrored[:, partners(network.units)]) / 2, (intensities + other[:, partners(network.graded)]) / 2, None)


def _cut(told: Told) -> Told:
    return Told(told.scores, told.intensities.clamp(0, MAX_INTENSITY), None)
