"""The options of the recipe `auclip`, and what they are where they are not given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mien.data.synth.store import ABOUT
from mien.errors import UsageError
from mien.nn.mapper import LEVELS, Mode
from mien.training import RunOptions
from mien.training.limits import Checked, Count, NotNegative, Positive

_BY_DATA: Any = None  # a default that the data decides
_OF_EXPRESSIONS: Mapping[str, float] = {"steps": 300, "batch": 8, "rate": 5.0, "units": 20.0, "length": 0.0, "memory": 400}
_OF_LATENTS: Mapping[str, float] = {"steps": 50_000, "batch": 4, "rate": 0.5, "units": 1.0, "length": 0.5, "memory": 0}  # AU-CLIP's


@dataclass(frozen=True)
class AUCLIPConfig(Checked):
    """Options of `mien train auclip`."""

    data: Path = Path("runs/expressions")
    """A folder that `mien data synth --photos` filled; or AU-CLIP's data, with `train_classes.csv` and `test_classes.csv`, `00012,happy` a
    row, where the expressions that the renderings show are known; else mien reads them."""
    mode: Mode = "calibrated"
    """How strong a change is reaches the mapper (calibrated), or its sign alone, as published (compatible)."""
    generator: Path | None = None
    """Weights of StyleGAN2; without, those that `mien edit --engine stylegan` takes, or with AU-CLIP's data `mien generate stylegan`."""
    out: Path = Path("runs/auclip")
    """Folder for checkpoints, metrics, samples and the best weights (auclip.safetensors)."""
    start: Path | None = None
    """A mapper to go on from, such as that of `mien train autoencoder`."""
    depth: Count = 1
    """Layers of a calibrated mapper; a single one is linear, and begins with what explains the codes best."""
    width: Count = 128
    """Numbers between the layers, where there are several."""
    coarse: bool = True
    """Move rows 0 to 3 of a code."""
    medium: bool = True
    """Move rows 4 to 7."""
    fine: bool = True
    """Move all further rows."""
    steps: Count = _BY_DATA
    """Training steps; 300, from AU-CLIP's data 50000."""
    batch: Count = _BY_DATA
    """Samples a step and device; 8, from AU-CLIP's data 4."""
    optimizer: Literal["ranger", "adam"] = "ranger"
    """Ranger is RAdam that looks ahead, on centred gradients."""
    rate: Positive = _BY_DATA
    """Learning rate, of layers that learn a hundredth as fast; 5, from AU-CLIP's data 0.5. It falls, but for a compatible mapper."""
    memory: NotNegative = _BY_DATA
    """Half-life of the averaged weights, in samples seen, 0 for none; 400, from AU-CLIP's data 0."""
    pairs: Count = 24
    """Pairs of expressions of a person in a sample; the first is drawn."""
    codes: NotNegative = 0.1
    """Weight of how far codes are from where they are to be."""
    colours: NotNegative = 20.0
    """Weight of how far colours are from those of the other picture."""
    perceptual: NotNegative = 2.0
    """Weight of the same to a network that sees (LPIPS where it was imported)."""
    identity: NotNegative = 0.2
    """Weight of how unlike the person becomes."""
    clip: NotNegative = 0.8
    """Weight of how far the picture is from the prompts; from AU-CLIP's data alone."""
    units: NotNegative = _BY_DATA
    """Weight of the difference in action units; 20, from AU-CLIP's data 1."""
    length: NotNegative = _BY_DATA
    """Weight of how far codes are moved; 0, from AU-CLIP's data 0.5."""
    reader: Path | None = None
    """Weights of a differentiable reader of action units (`mien train units`); without, the one that ships."""
    clip_weights: Path | None = None
    """Weights of CLIP; without, the first that was imported, else the one that ships."""
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be; fills in what the data decides."""
        for name, value in (_OF_LATENTS if self.of_latents else _OF_EXPRESSIONS).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        super().__post_init__()
        if not self.levels:
            raise UsageError("coarse, medium and fine are all left out: a mapper moves the rows of one of them at least")

    @property
    def of_latents(self) -> bool:
        """Whether it learns from AU-CLIP's data, as a compatible mapper always does; not from expressions of people."""
        return self.mode == "compatible" or (self.data.is_dir() and not (self.data / ABOUT).is_file())

    @property
    def levels(self) -> list[str]:
        """The published names of those that there are."""
        return [name for name, there in zip(LEVELS, (self.coarse, self.medium, self.fine), strict=True) if there]
