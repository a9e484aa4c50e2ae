"""Lines of the skin: how furrowed it is between the brows, at the root of the nose, on the forehead and beside the mouth.

Landmarks follow the outlines of brows and lips and hardly see a frown or a wrinkled nose; the lines these draw in the skin say more. Each
patch is a square laid by the landmarks, sampled at one size, so that a face counts the same near and far.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

_SIDE = 24  # samples across a patch
_FINE, _COARSE = 1.2, 6.0  # samples: what is finer is noise, what is coarser is shading
_QUIET = 1e-4  # added to the energy: below it is the noise of a photo

#: patch -> landmarks whose mean is its centre, width and height in outer eye distances
_PATCHES: dict[str, tuple[tuple[int, ...], float, float]] = {
    "brows": ((55, 285, 107, 336), 0.22, 0.22), "root": ((6, 168), 0.22, 0.2), "forehead": ((151,), 0.35, 0.22),
    "forehead_R": ((69, 67), 0.3, 0.2), "forehead_L": ((299, 297), 0.3, 0.2), "fold_R": ((206, 203), 0.2, 0.2),
    "fold_L": ((426, 423), 0.2, 0.2), "cheek_R": ((50,), 0.22, 0.22), "cheek_L": ((280,), 0.22, 0.22), "chin": ((199,), 0.25, 0.2),
}  # fmt: skip

#: feature -> patches that it is the mean of, less the cheeks' (a photo's sharpness and grain)
FEATURES = ("brows", "root", "forehead", "forehead_sides", "folds", "chin")
DIRECTIONS = ("upright", "level")  #: of the lines


def skin_lines(rgb: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, " 12"]:
    """Log energy of upright and of level lines for each of `FEATURES`, relative to the cheeks; landmarks in pixels of `rgb`."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    energy = {name: _lines(_patch(grey, landmarks[:, :2], *where)) for name, where in _PATCHES.items()}
    cheeks = (energy["cheek_R"] + energy["cheek_L"]) / 2
    sides = (energy["forehead_R"] + energy["forehead_L"]) / 2
    folds = (energy["fold_R"] + energy["fold_L"]) / 2
    seen = [energy["brows"], energy["root"], energy["forehead"], sides, folds, energy["chin"]]
    return np.concatenate([lines - cheeks for lines in seen])


def _patch(
    grey: np.ndarray, points: Float[np.ndarray, "468 2"], centre: tuple[int, ...], width: float, height: float
) -> Float[np.ndarray, "s s"]:
    """A rectangle along the line of the eyes; `width` and `height` in outer eye distances."""
    across = points[263] - points[33]
    axes = np.stack([across * width, np.array([-across[1], across[0]]) * height], axis=1) / _SIDE
    corner = points[list(centre)].mean(axis=0) - axes @ np.full(2, (_SIDE - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grey, np.column_stack([axes, corner]), (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _lines(patch: Float[np.ndarray, "s s"]) -> Float[np.ndarray, " 2"]:
    """Log energy of the upright and the level lines of a patch, in relative brightness."""
    bright = np.log(patch + 16.0)
    band = cv2.GaussianBlur(bright - cv2.GaussianBlur(bright, (0, 0), _COARSE), (0, 0), _FINE)
    across, down = cv2.Sobel(band, cv2.CV_32F, 1, 0), cv2.Sobel(band, cv2.CV_32F, 0, 1)
    return np.log(np.array([np.square(across).mean(), np.square(down).mean()], dtype=np.float64) + _QUIET)
