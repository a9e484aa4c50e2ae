"""The options of the recipe `fgnet`; the defaults are the published ones, where there are such."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from mien.data.layouts.coded import FOLDS
from mien.nn.fgnet import Mode
from mien.training import RunOptions
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive, Share


@dataclass(frozen=True)
class FGNetConfig(Checked):
    """Options of `mien train fgnet`."""

    data: Path = Path("runs/expressions")
    """A folder that `mien data synth` filled, a folder of such folders, or one of DISFA, of BP4D, or of FG-Net's lists of either."""
    pictures: Path | None = None
    """The folder that the paths in FG-Net's lists start from."""
    fold: Annotated[int, Limits(0, FOLDS - 1)] = 0
    """The fold of a corpus whose people are left for the test."""
    samples: int | None = None
    """How many faces to learn from and to validate on, such as 100 or 1000; the same in every run of a seed, all if not given."""
    generator: Path | None = None
    """Weights of StyleGAN2, with an encoder beside them; without, those that `mien edit --engine stylegan` takes."""
    out: Path = Path("runs/fgnet")
    """Folder for checkpoints, metrics, samples and the best weights (fgnet.safetensors)."""
    cache: Path = Path("runs/faces")
    """Folder for the faces of a corpus, found once."""
    mode: Mode = "corrected"
    """As published (compatible); or with its faults mended, mirror images and, where the data has them, intensities (corrected)."""
    epochs: Count = 15
    """Epochs, of all faces, but at most of `every` steps; after each it is validated."""
    patience: Count = 5
    """Epochs without a better F1 of people not learned from after which it ends."""
    batch: Count = 16
    """Faces a step and device."""
    rate: Positive = 5e-5
    """Learning rate of AdamW, the same all the way and for all parts."""
    decay: NotNegative = 5e-4
    """Weight decay."""
    clip: Positive = 0.1
    """Norm that gradients are cut to."""
    dropout: Share = 0.1
    """Share of the interpreter's features that are left out while it learns."""
    strength: NotNegative = 0.2
    """Weight of how far off intensities are, where they are known."""
    options: RunOptions = field(default_factory=RunOptions)

    def epoch(self, faces: int, together: int) -> int:
        """Steps of an epoch of so many faces, of which a step of all devices sees so many together."""
        return min(self.options.every, math.ceil(faces / together))
