"""The codes of many pictures, each encoded once."""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from mien.data.expressions import Expressions
from mien.nn.encoders import Inverter
from mien.training import counted

_TOGETHER = 64  # pictures that are encoded at a time


def encoded(faces: Expressions, encoder: Inverter, fabric: Fabric) -> Float[Tensor, "n l d"]:
    """The codes of all pictures of people with expressions; see `encoded_each`."""
    size = int(encoder.config["size"])
    return encoded_each(lambda number: faces.picture(number, size), len(faces), encoder, fabric)


@torch.no_grad()
def encoded_each(picture: Callable[[int], Float[Tensor, "3 s s"]], count: int, encoder: Inverter, fabric: Fabric) -> Float[Tensor, "n l d"]:
    """The codes of `count` pictures of the encoder's size; of several devices each encodes its share, and all get them all."""
    fabric.to_device(encoder)
    share = -(-count // fabric.world_size)
    first = share * fabric.global_rank
    own = [min(number, count - 1) for number in range(first, first + share)]  # as many for each: the last may have some twice
    starts = range(0, share, _TOGETHER)
    made: list[Tensor] = []
    for start in counted(starts, total=len(starts), what="codes"):
        pictures = torch.stack([picture(number) for number in own[start : start + _TOGETHER]])
        with fabric.autocast():
            made.append(encoder(fabric.to_device(pictures.contiguous(memory_format=torch.channels_last))).float())
    codes = torch.cat(made)
    return cast(Tensor, fabric.all_gather(codes)).reshape(-1, *codes.shape[1:])[:count].cpu()
