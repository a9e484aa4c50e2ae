"""Whose face it is: codes of faces, and how alike two are, by a network for recognition.

A small one ships, trained on people who do not exist (``mien train identity``). One that recognises real people well has seen millions of
photos of them: imported (``mien weights import arcface FILE``) it goes first. Every score is told with the network's name.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from mien import artefacts, weights
from mien.errors import WeightsError
from mien.faces.align import five_points, sample
from mien.faces.templates import arcface_square
from mien.nn import irse
from mien.nn.irse import IRSE
from mien.types import Face, Photo

KIND = "arcface"  #: how the configuration of a network for identity begins
NONE = "no network for identity is on this machine: `mien weights import arcface FILE`, or `mien train identity`"
_BATCH = 16

Pictures = UInt8[np.ndarray, "n h w 3"]
Codes = Float64[np.ndarray, "n d"]


class Recognizer:
    """A network for identity with its weights."""

    def __init__(self, path: Path) -> None:
        """Load a file; raises `WeightsError` when it is of another network."""
        stored = weights.load(path)
        config = {name: value for name, value in stored.config.items() if name != "kind"}
        self.network = network = weights.built(lambda: IRSE(**config), stored, "network for identity (`mien train identity`)")
        self.path = path
        layers = 2 * sum(config["units"]) + 2
        self.size: int = network.size  #: pixels of the crops that it takes
        self.width: int = config["code"]  #: numbers of a code
        self.name = f"{path.stem}, IR-SE-{layers} of {self.size} px"  #: what a report calls it

    def codes(self, crops: Pictures) -> Codes:
        """A code of length 1 for each aligned crop of `size` x `size` pixels, whatever else is in the batch."""
        return self._through(crops, lambda pictures: pictures)

    def compatible_codes(self, pictures: Pictures) -> Codes:
        """Codes as published identity losses make them of pictures in FFHQ's framing; see `mien.nn.irse.compatible`.

        Raises `WeightsError` for a network that is not of 112 pixels, as the published one is.
        """
        if self.size != irse.PUBLISHED["size"]:
            raise WeightsError(f"{self.name}: published losses show 112 px; take the aligned crop")
        return self._through(pictures, irse.compatible)

    def code(self, photo: Photo, face: Face) -> Float64[np.ndarray, " d"]:
        """The code of one face of a photo."""
        return self.codes(aligned(photo.rgb, five_points(face.landmarks), self.size)[None])[0]

    def _through(self, pictures: Pictures, prepare: Callable[[Tensor], Tensor]) -> Codes:
        made = [np.zeros((0, self.width))]
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(pictures[start : start + _BATCH]).permute(0, 3, 1, 2).float() / 127.5 - 1
            with torch.inference_mode():
                made.append(self.network(prepare(batch)).double().numpy())
        return np.concatenate(made)


def aligned(rgb: UInt8[np.ndarray, "h w 3"], five: Float[np.ndarray, "5 2"], size: int) -> UInt8[np.ndarray, "s s 3"]:
    """The crop of face recognition (Deng et al. 2019) around five points, without aliasing; beyond the photo its edges go on."""
    return sample(rgb, arcface_square(five), size)


def cosine(one: Float[np.ndarray, " d"], other: Float[np.ndarray, " d"]) -> float:
    """How alike two codes are: 1 for the same direction."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def installed() -> Sequence[Path]:
    """The networks for identity that were imported or put into the cache folder, then one that ships; none of them need be there."""
    return artefacts.weight_files(KIND)


def recognizer(path: Path | None = None) -> Recognizer:
    """The network of a file, else the first of `installed`; raises `WeightsError` that says how to get one when there is none."""
    if path is None:
        known = installed()
        if not known:
            raise WeightsError(NONE)
        path = known[0]
    return _opened(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _opened(path: Path, written: int) -> Recognizer:
    del written  # a file that was written anew is another network
    return Recognizer(path)
