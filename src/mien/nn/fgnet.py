"""FG-Net (Yin et al. 2024): action units read from what a generator of faces needs to draw a face again.

An encoder finds the code of a face, the generator grows its picture from it, and of the features of every size on the way a pyramid of
convolutions (`mien.nn.pyramid`) makes a heatmap for each unit: where it is seen, 1 if it is present and -1 if it is absent. All three are
trained together.

A published network is `compatible`: each row of the encoder's code goes through the mapping of the generator as if it were a random vector,
though pSp and e4e find rows that the mapping has been through, and of 32 heatmaps the first are read. A `corrected` one gives the rows to
the generator as they are, makes a heatmap for each unit, and reads the mirror image too.

How surely a unit is there is no intensity. A `corrected` network may have a head for that: what the pyramid sees where a unit's heatmap
stands out, and a linear map of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mien import weights
from mien.aus import MAX_INTENSITY
from mien.nn import calibration, encoders
from mien.nn.encoders import Inverter
from mien.nn.pyramid import Interpreter
from mien.nn.stylegan2 import Generator
from mien.weights import Weights

KIND = "fgnet"

Mode = Literal["corrected", "compatible"]
Heatmaps = Float[Tensor, "b n h h"]

_LEAST = 1e-6  # of a heatmap that is thought to stand out


class Told(NamedTuple):
    """What a network says of faces."""

    heatmaps: Heatmaps  #: of `FGNet.units`
    intensities: Float[Tensor, "b m"]  #: of `FGNet.graded`, about 0..5


class Grades(nn.Module):
    """Intensities of units: linear in what the pyramid sees where their heatmaps stand out, whichever way."""

    def __init__(self, units: int, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(units, width)), nn.Parameter(torch.zeros(units))

    def forward(self, state: Float[Tensor, "b w h h"], heatmaps: Float[Tensor, "b m h h"]) -> Float[Tensor, "b m"]:
        """Intensities, about 0..5; the heatmaps are not moved by what is learned here."""
        out = heatmaps.detach().clamp(-1, 1).abs()
        seen = torch.einsum("bmyx,bwyx->bmw", out / out.sum((2, 3), keepdim=True).clamp_min(_LEAST), state)
        return MAX_INTENSITY * ((seen * self.weight).sum(2) + self.bias)


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
        graded: Sequence[str] = (),
    ) -> None:
        """The encoder and the generator become parts of it; those of the generator that no heatmap depends on will not learn.

        `size` is the cells of a heatmap a side. `outputs` are the heatmaps that are made, of which the first are read, one for each unit
        unless it is given. `graded` are the units whose intensity it tells. Raises `ValueError` for an encoder of another generator, for
        fewer outputs than units, and for a graded unit that is none of the units.
        """
        super().__init__()
        rows = int(encoder.config["styles"]), int(encoder.config["code"])
        if rows != (generator.rows, generator.code):
            needed = f"{generator.rows} rows of {generator.code} numbers"
            raise ValueError(f"the encoder makes codes of {rows[0]} rows of {rows[1]} numbers, the generator needs {needed}")
        outputs = len(units) if outputs is None else outputs
        if outputs < len(units):
            raise ValueError(f"{outputs} heatmaps are too few for {len(units)} action units")
        self.units, self.graded, self.mode = tuple(units), tuple(graded), mode
        self.grades = Grades(len(graded), generator.config["widths"][-1]) if graded else None
        self._graded = [self.units.index(unit) for unit in graded]
        made: dict[str, Any] = {"units": list(units), "size": size, "outputs": outputs, "dropout": dropout, "mode": mode}
        if graded:
            made["graded"] = list(graded)
        self.config: dict[str, Any] = {"kind": KIND, "encoder": encoder.config, "generator": generator.config, **made}
        self.encoder, self.generator = encoder, generator
        self.interpreter = Interpreter(generator.config["widths"], outputs, size, dropout=dropout, compatible=mode == "compatible")
        for idle in (generator.to_rgb1, generator.to_rgbs, *([] if mode == "compatible" else [generator.style])):
            idle.requires_grad_(False)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Heatmaps:
        """Heatmaps of RGB pictures in -1..1 that are framed as FFHQ's and have the encoder's size; see `scores`."""
        return self.tell(pictures).heatmaps

    def tell(self, pictures: Float[Tensor, "b 3 s s"]) -> Told:
        """Heatmaps as `forward` gives them, and intensities."""
        state = self.interpreter.state(self.features(self.encoder(pictures)))
        heatmaps = self.interpreter.draw(state)[:, : len(self.units)]
        none = heatmaps.new_zeros(len(heatmaps), 0)
        return Told(heatmaps, none if self.grades is None else self.grades(state, heatmaps[:, self._graded]))

    def features(self, codes: Float[Tensor, "b l d"]) -> Iterator[Float[Tensor, "b _ _ _"]]:
        """What the generator makes of codes, with its stored noise: after the last convolution of each size from 4 cells up."""
        return self.generator.features(self.generator.styles(self.steering(codes)))

    def steering(self, codes: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        """The rows that steer the generator, of the encoder's code."""
        return self.generator.map(codes) if self.mode == "compatible" else codes


def read(network: FGNet, pictures: Float[Tensor, "b 3 s s"]) -> Told:
    """Heatmaps in -1..1 and intensities in 0..5 of pictures as `FGNet.forward` takes them.

    A `corrected` network also reads the mirror image, which shows the same units, and tells the mean: so left and right are alike to it.
    """
    told = _cut(network.tell(pictures))
    if network.mode == "compatible":
        return told
    other = _cut(network.tell(pictures.flip(3)))
    return Told((told.heatmaps + other.heatmaps.flip(3)) / 2, (told.intensities + other.intensities) / 2)


def _cut(told: Told) -> Told:
    return Told(told.heatmaps.clamp(-1, 1), told.intensities.clamp(0, MAX_INTENSITY))


def scores(heatmaps: Heatmaps) -> Float[Tensor, "b n"]:
    """The mean of each heatmap, cut to -1..1: above 0 where the unit is present, and the more the surer."""
    return heatmaps.clamp(-1, 1).mean((2, 3))


def present(heatmaps: Heatmaps) -> Bool[Tensor, "b n"]:
    """Which units are present, as published: those with a score above 0."""
    return scores(heatmaps) > 0


def of(stored: Weights) -> FGNet:
    """The network of a weight file, in eval mode; raises `WeightsError` for a file of another network."""
    return weights.built(lambda: laid_out(stored.config), calibration.without(stored), "FG-Net")


def laid_out(config: Mapping[str, Any]) -> FGNet:
    """A network of this configuration, not trained; raises `ValueError`, `TypeError` or `KeyError` for one of something else."""
    told = dict(config)
    kind, encoder, generator = told.pop("kind"), dict(told.pop("encoder")), told.pop("generator")
    if kind != KIND:
        raise ValueError(f"{kind} is not {KIND}")
    return FGNet(Inverter(encoder.pop("kind"), encoders.Shape(**encoder)), Generator(**generator), **told)
