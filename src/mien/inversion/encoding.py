"""The codes of all pictures of people with expressions, each encoded once."""

from typing import cast

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from mien.data.expressions import Expressions
from mien.nn.encoders import Inverter
from mien.training import counted

_TOGETHER = 64  # pictures that are encoded at a time


@torch.no_grad()
def encoded(faces: Expressions, encoder: Inverter, fabric: Fabric) -> Float[Tensor, "n l d"]:
    """The codes of all pictures; of several devices each encodes its share, and all get them all."""
    fabric.to_device(encoder)
    size, share = int(encoder.config["size"]), -(-len(faces) // fabric.world_size)
    first = share * fabric.global_rank
    own = [min(number, len(faces) - 1) for number in range(first, first + share)]  # as many for each: the last may have some twice
    starts = range(0, share, _TOGETHER)
    made: list[Tensor] = []
    for start in counted(starts, total=len(starts), what="codes"):
        pictures = torch.stack([faces.picture(number, size) for number in own[start : start + _TOGETHER]])
        with fabric.autocast():
            made.append(encoder(fabric.to_device(pictures.contiguous(memory_format=torch.channels_last))).float())
    codes = torch.cat(made)
    return cast(Tensor, fabric.all_gather(codes)).reshape(-1, *codes.shape[1:])[: len(faces)].cpu()
