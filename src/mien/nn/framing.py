"""Pictures as CLIP is shown them: as it was trained, and as the losses of StyleCLIP and AU-CLIP do."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from mien.nn.clip import CLIP, MEAN, SPREAD

_TIMES, _CELLS = 7, 32  # StyleCLIP: every pixel 7 times, then the mean of as many as leave 7 * 32 = 224 a side
STYLECLIP_SIZE = _TIMES * _CELLS  #: pixels of its pictures, whatever they are made of


def framed(pictures: Float[Tensor, "b 3 h w"], size: int) -> Float[Tensor, "b 3 {size} {size}"]:
    """RGB pictures in -1..1 as CLIP was trained: the shorter side made `size`, bicubic and without aliasing; the middle; normalised."""
    height, width = pictures.shape[2:]
    scale = size / min(height, width)
    extent = (max(size, round(height * scale)), max(size, round(width * scale)))
    resized = pictures if extent == (height, width) else F.interpolate(pictures, extent, mode="bicubic", antialias=True)
    top, left = ((side - size) // 2 for side in extent)
    middle = resized[:, :, top : top + size, left : left + size].clamp(-1, 1)
    mean, spread = (pictures.new_tensor(values)[:, None, None] for values in (MEAN, SPREAD))
    return ((middle + 1) / 2 - mean) / spread


def shown(pictures: Float[Tensor, "b 3 s s"], network: CLIP) -> Float[Tensor, "b 3 t t"]:
    """Square RGB pictures in -1..1, faces in FFHQ's framing, as a network was trained: a small one is shown their middle."""
    side = pictures.shape[-1]
    cut = round(side * (1 - network.middle) / 2)
    return framed(pictures[:, :, cut : side - cut, cut : side - cut], network.size)


def compatible(pictures: Float[Tensor, "b c s s"]) -> Float[Tensor, "b c 224 224"]:
    """What StyleCLIP and AU-CLIP show CLIP: not normalised, -1..1 where it expects about -2..2.

    They repeat each pixel 7 times both ways and average squares of ``s / 32``: 7,168 x 7,168 pixels on the way for pictures of 1,024. As
    both steps are linear and treat rows and columns alike, a small matrix on either side of the picture does the same.

    Raises `ValueError` when the side is no multiple of 32.
    """
    matrix = _pooling(pictures.shape[-1]).to(pictures)
    return matrix @ pictures @ matrix.T


def _pooling(side: int) -> Float64[Tensor, "224 side"]:
    """Row i: how much of each pixel of a line is in the i-th mean."""
    if side % _CELLS or not side:
        raise ValueError(f"a picture of {side} pixels: StyleCLIP's are a multiple of {_CELLS} a side")
    window = side // _CELLS
    source = torch.arange(_TIMES * side) // _TIMES
    matrix = torch.zeros(STYLECLIP_SIZE, side, dtype=torch.float64)
    share = torch.tensor(1 / window, dtype=torch.float64)
    return matrix.index_put_((torch.arange(_TIMES * side) // window, source), share, accumulate=True)
