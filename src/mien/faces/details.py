"""Eyes and mouth of a found face, looked at again and closely.

A whole face in 128 pixels shows an open eye seven pixels high; whether it is shut is settled where there are more.
"""

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mien import weights
from mien.faces.align import OUTER_EYES, Square, carry, sample
from mien.nn.fusing import fused
from mien.nn.landmarks import DetailNet

_EYE, _OTHER_EYE = (33, 133), (263, 362)  # outer and inner corner
_LIPS = (61, 291, 0, 17)  # corners, upper and lower edge
_MIRROR = np.array([-1.0, 1.0])


def eye_square(landmarks: Float[np.ndarray, "468 c"], *, other: bool = False) -> Square:
    """Around the subject's right eye and its brow, or around the left ones."""
    corners = landmarks[list(_OTHER_EYE if other else _EYE), :2]
    width = max(float(np.linalg.norm(corners[0] - corners[1])), 0.22 * _unit(landmarks))  # turned away, an eye is narrower than it is high
    return Square(*corners.mean(axis=0).tolist(), half=1.3 * width, roll=_roll(landmarks)).lowered(-0.25)


def mouth_square(landmarks: Float[np.ndarray, "468 c"]) -> Square:
    """Around the lips."""
    right, left, top, bottom = landmarks[list(_LIPS), :2]
    reach = max(float(np.linalg.norm(left - right)), 1.25 * float(np.linalg.norm(bottom - top)), 0.45 * _unit(landmarks))
    centre = (right + left + top + bottom) / 4
    return Square(*centre.tolist(), half=0.75 * reach, roll=_roll(landmarks))


def _unit(landmarks: Float[np.ndarray, "468 c"]) -> float:
    return float(np.linalg.norm(landmarks[OUTER_EYES[1], :2] - landmarks[OUTER_EYES[0], :2]))


def _roll(landmarks: Float[np.ndarray, "468 c"]) -> float:
    across = landmarks[OUTER_EYES[1], :2] - landmarks[OUTER_EYES[0], :2]
    return math.atan2(across[1], across[0])


def inside(square: Square, points: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n 2"]:
    """Photo pixels as half sides from the centre of a square."""
    return carry(np.linalg.inv(square.to_photo(2)), points[:, :2]) - 0.5


class Details:
    """The network of eyes and mouth with its weights."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the bundled weights, or those of `path`; raises `WeightsError` when they are of another network."""
        stored = weights.load(path or weights.bundled("details"))
        self._network = fused(weights.built(lambda: DetailNet(**stored.config), stored, "network of details (`mien train details`)"))
        self._size = self._network.size
        self._points = {part: np.array(indices) for part, indices in stored.config["points"].items()}

    def refined(self, rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "468 3"]:
        """The landmarks with those of eyes, brows and mouth where a close look sees them; depth stays."""
        right, left, lips = eye_square(landmarks), eye_square(landmarks, other=True), mouth_square(landmarks)
        eyes = torch.stack([self._picture(rgb, right), self._picture(rgb, left).flip(-1)])
        with torch.inference_mode():
            both, mouth = self._network(eyes.contiguous(memory_format=torch.channels_last), self._picture(rgb, lips)[None])
        found = landmarks.copy()
        seen = ((right, "eye", both[0].numpy()), (left, "other_eye", both[1].numpy() * _MIRROR), (lips, "mouth", mouth[0].numpy()))
        for square, part, points in seen:
            found[self._points[part], :2] = carry(square.to_photo(2), points.astype(np.float64) + 0.5)
        return found

    def _picture(self, rgb: UInt8[np.ndarray, "h w 3"], square: Square) -> Float[Tensor, "3 s s"]:
        return torch.from_numpy(sample(rgb, square, self._size)).permute(2, 0, 1).float() / 255
