"""Pictures as networks have them, -1..1 and channels first, and as files do, 0..255 and channels last."""

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor


def signed(rgb: UInt8[np.ndarray, "h w 3"]) -> Float32[Tensor, "3 h w"]:
    """Grey levels to -1..1."""
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1).float() / 127.5 - 1


def levels(picture: Float[Tensor, "3 h w"]) -> Float32[np.ndarray, "h w 3"]:
    """Grey levels 0..255, not rounded; what lies beyond is cut off."""
    return ((picture.permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).float().cpu().contiguous().numpy()


def rounded(picture: Float[Tensor, "3 h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """8 bits, as the published generators round."""
    return (picture.permute(1, 2, 0) * 127.5 + 128).clamp(0, 255).byte().cpu().contiguous().numpy()
