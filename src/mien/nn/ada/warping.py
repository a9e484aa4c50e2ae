"""Pictures drawn from other places: pixels copied, or resampled without aliasing (Karras et al. 2020, appendix B.1)."""

import torch
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn import functional as F

from mien.nn.ada.wavelets import ORIGIN, doubling, folded, halving, matrix


def copy(pictures: Float[Tensor, "n c h w"], places: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n c h w"]:
    """Each pixel is the one at its place, where that is a whole pixel; the nearest one otherwise."""
    height, width = pictures.shape[2:]
    x, y = _sources(places, torch.arange(width), torch.arange(height), pictures)
    index = folded((y + 0.5).floor().long(), height) * width + folded((x + 0.5).floor().long(), width)
    taken = index.flatten(1)[:, None].expand(-1, pictures.shape[1], -1)
    return pictures.flatten(2).gather(2, taken).view_as(pictures)


def warp(pictures: Float[Tensor, "n c h w"], places: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n c h w"]:
    """Each pixel from its place: of twice as many samples by a wavelet, bilinear; and back by the wavelet, without what is too fine."""
    height, width = pictures.shape[2:]
    fine = matrix(doubling, height, pictures) @ pictures @ matrix(doubling, width, pictures).T
    down, across = ((torch.arange(count) - ORIGIN) / 2 for count in fine.shape[2:])
    x, y = _sources(places, across, down, pictures)
    rows, columns = 2 * folded(y, height) + ORIGIN, 2 * folded(x, width) + ORIGIN
    grid = torch.stack([2 * columns / (fine.shape[3] - 1) - 1, 2 * rows / (fine.shape[2] - 1) - 1], -1)
    moved = F.grid_sample(fine, grid, align_corners=True)
    return matrix(halving, height, pictures) @ moved @ matrix(halving, width, pictures).T


def _sources(
    places: Float[Tensor, "n 3 3"], columns: Num[Tensor, " w"], rows: Num[Tensor, " h"], pictures: Tensor
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n h w"]]:
    """Places (x, y) in the pixels of `pictures`, from which the results at these columns and rows come."""
    height, width = pictures.shape[2:]
    middle = (width - 1) / 2, (height - 1) / 2
    x, y = columns.to(pictures) - middle[0], (rows.to(pictures) - middle[1])[:, None]
    m = places.to(pictures)[..., None, None]
    return m[:, 0, 0] * x + m[:, 0, 1] * y + m[:, 0, 2] + middle[0], m[:, 1, 0] * x + m[:, 1, 1] * y + m[:, 1, 2] + middle[1]
