"""FG-Net (Yin et al. 2024): action units read from what a generator of faces needs to draw a face again.

An encoder finds the code of a face, the generator grows its picture from it, and of the features of every size on the way a pyramid of
convolutions (`mien.nn.pyramid`) makes a heatmap for each unit: where it is seen, 1 if it is present and -1 if it is absent. All three are
trained together.

A published network is `compatible`: each row of the encoder's code goes through the mapping of the generator as if it were a random vector,
though pSp and e4e find rows that the mapping has been through, and of 32 heatmaps the first are read. A `corrected` one gives the rows to
the generator as they are, and makes a heatmap for each unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien import weights
from mien.nn import encoders
from mien.nn.encoders import Inverter
from mien.nn.pyramid import Interpreter
from mien.nn.stylegan2 import Generator
from mien.weights import Weights

KIND = "fgnet"

Mode = Literal["corrected", "compatible"]
Heatmaps = Float[Tensor, "b n h h"]


class FGNet(nn.Module):
    """Pictures of faces to heatmaps of action units."""

    def __init__(
        self,
        encoder: Inverter,
        generator: Generator,
        units: Sequence[str],
        size: int,
        *,
        outputs: int | None = None,
        dropout: float = 0.1,
        mode: Mode = "corrected",
    ) -> None:
        """The encoder and the generator become parts of it; those of the generator that no heatmap depends on will not learn.

        `size` is the cells of a heatmap a side. `outputs` are the heatmaps that are made, of which the first are read, one for each unit
        unless it is given. Raises `ValueError` for an encoder of another generator, and for fewer outputs than units.
        """
        super().__init__()
        rows = int(encoder.config["styles"]), int(encoder.config["code"])
        if rows != (generator.rows, generator.code):
            needed = f"{generator.rows} rows of {generator.code} numbers"
            raise ValueError(f"the encoder makes codes of {rows[0]} rows of {rows[1]} numbers, the generator needs {needed}")
        outputs = len(units) if outputs is None else outputs
        if outputs < len(units):
            raise ValueError(f"{outputs} heatmaps are too few for {len(units)} action units")
        self.units: Sequence[str] = tuple(units)
        self.mode = mode
        made: dict[str, Any] = {"units": list(units), "size": size, "outputs": outputs, "dropout": dropout, "mode": mode}
        self.config: dict[str, Any] = {"kind": KIND, "encoder": encoder.config, "generator": generator.config, **made}
        self.encoder, self.generator = encoder, generator
        self.interpreter = Interpreter(generator.config["widths"], outputs, size, dropout=dropout, compatible=mode == "compatible")
        for idle in (generator.to_rgb1, generator.to_rgbs, *([] if mode == "compatible" else [generator.style])):
            idle.requires_grad_(False)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Heatmaps:
        """Heatmaps of RGB pictures in -1..1 that are framed as FFHQ's and have the encoder's size; see `scores`."""
        return self.interpreter(self.features(self.encoder(pictures)))[:, : len(self.units)]

    def features(self, codes: Float[Tensor, "b l d"]) -> Iterator[Float[Tensor, "b _ _ _"]]:
        """What the generator makes of codes, with its stored noise: after the last convolution of each size from 4 cells up."""
        return self.generator.features(self.generator.styles(self.steering(codes)))

    def steering(self, codes: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        """The rows that steer the generator, of the encoder's code."""
        return self.generator.map(codes) if self.mode == "compatible" else codes


def scores(heatmaps: Heatmaps) -> Float[Tensor, "b n"]:
    """The mean of each heatmap, cut to -1..1: above 0 where the unit is present, and the more the surer."""
    return heatmaps.clamp(-1, 1).mean((2, 3))


def present(heatmaps: Heatmaps) -> Bool[Tensor, "b n"]:
    """Which units are present, as published: those with a score above 0."""
    return scores(heatmaps) > 0


def of(stored: Weights) -> FGNet:
    """The network of a weight file, in eval mode; raises `WeightsError` for a file of another network."""
    return weights.built(lambda: laid_out(stored.config), stored, "FG-Net")


def laid_out(config: Mapping[str, Any]) -> FGNet:
    """A network of this configuration, not trained; raises `ValueError`, `TypeError` or `KeyError` for one of something else."""
    told = dict(config)
    kind, encoder, generator = told.pop("kind"), dict(told.pop("encoder")), told.pop("generator")
    if kind != KIND:
        raise ValueError(f"{kind} is not {KIND}")
    return FGNet(Inverter(encoder.pop("kind"), encoders.Shape(**encoder)), Generator(**generator), **told)
