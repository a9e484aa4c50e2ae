"""The options of the recipe `graphau`, and what they are where they are not given."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from mien.data.layouts.coded import FOLDS
from mien.data.sided import corpus_of, synthetic
from mien.errors import UsageError
from mien.training import RunOptions
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive

Backbone = Literal["light", "resnet18", "resnet50", "resnet101", "swin-tiny", "swin-small", "swin-base"]
_BY_RUN: Any = None  # a default that backbone, stage and data decide
_TILED = 7 * 4 << 3  # pixels: windows of 7 cells of 4 pixels, on a grid that is halved three times


@dataclass(frozen=True)
class GraphAUConfig(Checked):
    """Options of `mien train graphau`."""

    data: Path = Path("runs/expressions")
    """A folder that `mien data synth` filled, a folder of such folders, or one of DISFA, of BP4D, or of FG-Net's lists of either."""
    pictures: Path | None = None
    """The folder that the paths in FG-Net's lists start from."""
    fold: Annotated[int, Limits(0, FOLDS - 1)] = 0
    """The fold of a corpus whose people are left for the test."""
    out: Path = Path("runs/graphau")
    """Folder for checkpoints, metrics, samples and the trained weights (graphau.safetensors)."""
    cache: Path = Path("runs/faces")
    """Folder for the faces of a corpus, found once."""
    stage: Annotated[int, Limits(1, 2)] = 1
    """1: units hear of those that are alike in the face. 2: each pair has a relation, read from the face; it starts from a stage 1."""
    backbone: Backbone = "light"
    """What looks at the face: a published one, or light, a ResNet-18 of half the width that learns from nothing."""
    start: Path | None = None
    """Weights to start from, of the same backbone: for stage 2 those of stage 1. Of a reader of other units what looks is taken alone."""
    size: Annotated[int, Limits(32, multiple=32)] = _BY_RUN
    """Pixels of the faces' side; 224, with light 128."""
    neighbours: Count = _BY_RUN
    """To how many units, itself among them, each listens in stage 1; 4, on DISFA 3."""
    epochs: Positive = 20.0
    """How often all faces are seen."""
    batch: Count = 64
    """Faces a step and device."""
    rate: Positive = _BY_RUN
    """Highest learning rate, which falls to 0; 1e-4, in stage 2 1e-5, with a Swin on DISFA 1e-6; with light 1e-3, in stage 2 1e-4."""
    decay: NotNegative = _BY_RUN
    """Weight decay; 5e-4, with light 0.02."""
    memory: NotNegative = _BY_RUN
    """Half-life of the averaged weights, in faces seen, 0 for none; 0, with light 20000."""
    relations: NotNegative = _BY_RUN
    """Weight of the classes of pairs of units in stage 2; 0.05, on DISFA 0.01."""
    strength: NotNegative = 1.0
    """Weight of how far off intensities are, where they are known."""
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be; fills in what backbone, stage and data decide."""
        light, disfa = self.backbone == "light", self.corpus == "DISFA"
        rates = (1e-3, 1e-4) if light else (1e-4, 1e-6 if disfa and self.backbone.startswith("swin") else 1e-5)
        decided = {"size": 128, "decay": 0.02, "memory": 20_000.0} if light else {"size": 224, "decay": 5e-4, "memory": 0.0}
        decided |= {"rate": rates[self.stage == 2], "neighbours": 3 if disfa else 4, "relations": 0.01 if disfa else 0.05}
        for name, value in decided.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        super().__post_init__()
        if self.stage == 2 and self.start is None:
            raise UsageError("stage 2 goes on from stage 1: name its weights, --start runs/graphau/graphau.safetensors, and another --out")
        if self.backbone.startswith("swin") and self.size % _TILED:
            raise UsageError(f"size = {self.size} is not allowed with {self.backbone}: its windows tile multiples of {_TILED}")

    @property
    def corpus(self) -> str:
        """DISFA or BP4D; "" for synthetic faces, and where there is nothing."""
        return "" if synthetic(self.data) else corpus_of(self.data)
