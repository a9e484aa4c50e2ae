"""The options of the recipe `autoencoder`."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from mien.errors import UsageError
from mien.training import RunOptions
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive, Share


@dataclass(frozen=True)
class AutoencoderConfig(Checked):
    """Options of `mien train autoencoder`."""

    data: Path | None = Path(os.environ["MIEN_DATA"]) / "sfhq_256.npz" if os.environ.get("MIEN_DATA") else None
    """Photos in FFHQ's framing: a folder, a .zip, an LMDB, .tar shards or a crop set, of which the training split is taken."""
    variants: Path = Path("runs/expressions")
    """The same people with other expressions: a folder of `mien data synth --photos`."""
    out: Path = Path("runs/autoencoder")
    """Folder for checkpoints, metrics, samples and the trained weights (stylegan2, e4e and auclip.safetensors)."""
    size: int = 64
    """Pixels of the pictures, a power of two from 32."""
    width: Annotated[int, Limits(2, multiple=2)] = 64
    """Channels of the generator at the largest size, twice as many at each smaller one."""
    most: Annotated[int, Limits(2, multiple=2)] = 256
    """Channels at most; the discriminator has half as many throughout."""
    code: Count = 128
    """Numbers in a row of a code."""
    depth: Count = 4
    """Layers that map a random code to a style code."""
    encoder: Annotated[int, Limits(8, multiple=8)] = 32
    """Channels of the encoder's first stage; the next have two, three and four times as many."""
    steps: Count = 8_000
    """Training steps."""
    batch: Annotated[int, Limits(4, multiple=4)] = 8
    """Samples a step and device: a photo, and two pictures of somebody else."""
    rate: Positive = 8e-3
    """Highest learning rate of the generator; the encoder has a tenth of it, the discriminator a fifth."""
    memory: NotNegative = 5_000
    """Half-life of the averaged weights, in pictures seen."""
    single: Share = 0.02
    """Of the steps: until there all rows of a code are the same; then row after row gets something of its own."""
    whole: Share = 0.1
    """Of the steps: from there on every row has."""
    contest_from: Share = 0.7
    """Of the steps: from there on a discriminator judges what is drawn."""
    contest: NotNegative = 0.1
    """Weight of its judgement."""
    colours: NotNegative = 2.0
    """Weight of how far their colours are apart."""
    focus: NotNegative = 4.0
    """By how much that counts more where two expressions differ."""
    change: NotNegative = 2.0
    """Weight of how far the difference of two expressions is from the one that was drawn."""
    grids: NotNegative = 0.2
    """Weight of how far pictures are apart to the network for identity."""
    identity: NotNegative = 0.2
    """Weight of its codes."""
    deltas: NotNegative = 1e-3
    """Weight of how far rows of a code are from the first."""
    r1: NotNegative = 1.0
    """Weight of R1."""
    augment: Literal["none", "b", "bg", "bgc"] = "bgc"
    """Adaptive augmentation of what the discriminator sees."""
    ada_images: Positive = 200_000
    """Pictures that take its strength from 0 to 1."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be."""
        super().__post_init__()
        if self.size < 32 or self.size & (self.size - 1):
            raise UsageError(f"size = {self.size} is not allowed: a power of two from 32, such as 64")
        if not self.single <= self.whole:
            raise UsageError(f"whole = {self.whole} is not allowed: at least single = {self.single}")
