"""The furrows that a skin has already: what the photo is darker or lighter than the skin around, over the width of a wrinkle.

An action unit that folds skin folds it where it has folded before (Ekman, Friesen & Hager 2002: wrinkles that are permanent deepen, and
new ones show little beside them), so what is there is made deeper, and flatter when a unit relaxes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien.geometry import facemesh
from mien.geometry.drawing import lids
from mien.geometry.drawing.box import Box, frame_of, sample

_FINE = 24.0  # pixels per cm that show a wrinkle well enough
_THIN, _WIDE = 0.03, 0.28  # cm: what is finer is pores, what is wider is form
_DARK, _LIGHT = -0.30, 0.12  # of the logarithm of sRGB values: what differs by more is hair, or shines
_NEAR = 0.35  # cm over which it is judged how wrinkled skin is
_SMOOTH, _WRINKLED, _HAIRY = 0.015, 0.05, 0.16  # root mean square there
_BROW, _EYE = 0.25, 0.20  # cm around brows and eyes that are hair and lashes
_AROUND = 1.0  # cm around the landmarks
_SOFT = 0.12  # cm over which hair fades into skin


@dataclass(frozen=True, eq=False)
class Relief:
    """Furrows of one face; maps over a part of the crop, a pixel of theirs every `step` pixels of the crop."""

    box: Box
    step: float
    depth: Float32[np.ndarray, "h w"]  #: difference of the logarithm of sRGB values from the skin around; in a furrow below 0
    wrinkled: Float32[np.ndarray, "h w"]  #: 0 smooth skin, 1 skin with furrows of its own

    def at(self, places: Float[np.ndarray, "h w 2"]) -> Float32[np.ndarray, "h w"]:
        """The depth at pixels of the crop; 0 beyond the face."""
        return sample(self.depth, self._inside(places), outside=cv2.BORDER_CONSTANT)

    def along(self, curve: Float[np.ndarray, "n 2"]) -> float:
        """How wrinkled the skin is along a curve through pixels of the crop, 0..1."""
        return float(sample(self.wrinkled, self._inside(curve[None])).mean())

    def _inside(self, places: Float[np.ndarray, "h w 2"]) -> Float[np.ndarray, "h w 2"]:
        return (places - np.array([self.box.left, self.box.top], places.dtype) + 0.5) / self.step - 0.5


def look(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Relief:
    """Read the furrows of a face; landmarks in pixels of the crop, `scale` in pixels per cm."""
    box = Box.around(landmarks, margin=round(_AROUND * scale)).within(frame_of(rgb))
    step = max(1.0, scale / _FINE)
    size = (max(4, round(box.width / step)), max(4, round(box.height / step)))
    fine = scale / step
    grey = np.log(np.maximum(cv2.resize(box.of(rgb), size, interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=-1), 8.0))
    skin = _skin(size, (landmarks - [box.left, box.top]) / step, fine)
    around = cv2.GaussianBlur(grey * skin, (0, 0), _WIDE * fine) / np.maximum(cv2.GaussianBlur(skin, (0, 0), _WIDE * fine), 0.05)
    depth = np.clip(cv2.GaussianBlur(grey, (0, 0), max(0.4, _THIN * fine)) - around, _DARK, _LIGHT) * skin
    rough = np.sqrt(cv2.GaussianBlur(depth * depth, (0, 0), _NEAR * fine))
    bare = np.clip(2.0 - rough / _HAIRY, 0.0, 1.0)
    wrinkled = np.clip((rough - _SMOOTH) / (_WRINKLED - _SMOOTH), 0.0, 1.0)
    return Relief(box, step, (depth * bare * wrinkled).astype(np.float32), (wrinkled * bare).astype(np.float32))


def _skin(size: tuple[int, int], landmarks: Float[np.ndarray, "468 2"], scale: float) -> Float32[np.ndarray, "h w"]:
    """1 on skin, 0 on brows and eyes."""
    mask = np.ones((size[1], size[0]), np.float32)
    for side in "RL":
        eye = [*facemesh.LID_UPPER[side], *facemesh.LID_LOWER[side][::-1]]
        brow = [*facemesh.BROW[side], *lids.BROWS[f"lid_{side}"][::-1]]
        for outline, around in ((eye, _EYE), (brow, _BROW)):
            corners = [np.round(landmarks[outline]).astype(np.int32)]
            cv2.fillPoly(mask, corners, 0)
            cv2.polylines(mask, corners, isClosed=True, color=0, thickness=max(1, round(2 * around * scale)))
    return cv2.GaussianBlur(mask, (0, 0), max(0.5, _SOFT * scale)) * mask
