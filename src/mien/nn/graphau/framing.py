"""Pictures as ME-GraphAU's networks are shown them."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  #: of ImageNet's pictures, in 0..1
_WHOLE, _CUT = 256, 224  # pixels of the shorter side, and of the middle that is cut from it


def framed(pictures: Float[Tensor, "b 3 h w"], size: int = _CUT) -> Float[Tensor, "b 3 {size} {size}"]:
    """RGB pictures of faces in -1..1: the shorter side made 8/7 of `size`, without aliasing; the middle; normalised."""
    height, width = pictures.shape[2:]
    whole, shorter = round(size * _WHOLE / _CUT), min(height, width)
    extent = (height * whole // shorter, width * whole // shorter)
    resized = pictures if extent == (height, width) else F.interpolate(pictures, extent, mode="bilinear", antialias=True)
    top, left = (round((side - size) / 2) for side in extent)
    return normalised(resized[:, :, top : top + size, left : left + size])


def normalised(pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """RGB pictures in -1..1 with ImageNet's mean at 0 and its spread 1."""
    mean, spread = (pictures.new_tensor(values)[:, None, None] for values in (MEAN, SPREAD))
    return ((pictures + 1) / 2 - mean) / spread
