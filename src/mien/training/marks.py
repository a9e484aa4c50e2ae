"""Points drawn into sample pictures: what a network of landmarks finds, over what is true."""

import torch
from jaxtyping import Float
from torch import Tensor

GREEN, RED = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)


def magnified(pictures: Float[Tensor, "n 3 s s"], times: int) -> Float[Tensor, "n 3 t t"]:
    """Pictures with each pixel so many times as wide and high: points keep apart."""
    return pictures.repeat_interleave(times, 2).repeat_interleave(times, 3)


def marked(
    pictures: Float[Tensor, "n 3 s s"], points: Float[Tensor, "n p d"], colour: tuple[float, float, float]
) -> Float[Tensor, "n 3 s s"]:
    """Pictures (0..1) with a pixel of the colour at each point: x, y in half sides from the centre; those outside are left out."""
    side = pictures.shape[-1]
    x, y = ((points[..., :2].detach().float().cpu() + 1) / 2 * side).floor().long().unbind(-1)
    picture, place = torch.nonzero((x >= 0) & (x < side) & (y >= 0) & (y < side), as_tuple=True)
    drawn = pictures.detach().float().cpu().clone()
    drawn[picture, :, y[picture, place], x[picture, place]] = torch.tensor(colour)
    return drawn
