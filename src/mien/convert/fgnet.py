"""``fgnet``: FG-Net as published, ``model.pth`` with its three networks and ``encoder.pt`` with the average code that the first lacks."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mien import aus, weights
from mien.convert import checkpoint, encoders, stylegan2
from mien.convert.encoders import Beside
from mien.data.layouts.fgnet import UNITS
from mien.errors import UsageError, WeightsError, one_of
from mien.nn import fgnet
from mien.nn.pyramid import COARSEST
from mien.nn.stylegan2 import Generator
from mien.weights import Weights

_INTERPRETER, _GENERATOR, _ENCODER = "interpreter", "g_all", "pspencoder"
_MARKS = {_INTERPRETER: "layer0.1.bias", _ENCODER: "input_layer.0.weight"}  # names that only these networks have

Tensors = Mapping[str, Tensor]


def convert(path: Path, out: Path, *, encoder: Path | str, corpus: str = "") -> None:
    """Write the whole network as safetensors for `mien.nn.fgnet.of`, `compatible`.

    `encoder` is the file that the training began with. The units are those of `corpus`, BP4D or DISFA, which the file tells unless all of
    its heatmaps have learned. Raises `UsageError` for an unknown corpus, and `WeightsError` that names the file, and what is missing from
    it or unknown.
    """
    if corpus and corpus not in UNITS:
        raise UsageError(f"--corpus {one_of(corpus, UNITS)}")
    held = _held(path)
    interpreter, seeing = (_below(held[name], mark, name, path) for name, mark in _MARKS.items())
    generator = stylegan2.generator_of(held[_GENERATOR], path)
    if generator is None:
        raise _another(_GENERATOR, path)
    # whatever the settings beside it say, FG-Net adds the average code
    made = encoders.encoder_of("psp", seeing, Beside(Path(encoder), _average(Path(encoder)), {}), path)
    parts = {"encoder": made.tensors, "generator": generator.state_dict(), "interpreter": interpreter}
    tensors = {f"{part}.{name}": tensor for part, found in parts.items() for name, tensor in found.items()}
    try:
        with weights.unfilled():
            network = fgnet.laid_out(_config(made, generator, interpreter, _units(_biases(interpreter), corpus, path)))
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from error
    weights.fill(network, Weights(tensors, network.config, path))
    weights.save(out, tensors, network.config, recipe=f'corpus = "{_corpus(network.units)}"\n')


def name_of(config: Mapping[str, Any]) -> str:
    """What a file with this configuration is called, as the register calls it: each corpus has networks of its own."""
    return f"{fgnet.KIND}-{_corpus(config['units']).lower()}"


def _corpus(units: Sequence[str]) -> str:
    return next(name for name, known in UNITS.items() if [*units] == [*map(aus.column, known)])


def _held(path: Path) -> Mapping[str, Tensors]:
    """The tensors of each network."""
    content = checkpoint.read(path)
    names = (_INTERPRETER, _GENERATOR, _ENCODER)
    held = {name: content.get(name) for name in names} if isinstance(content, dict) else {}
    if lacking := [name for name in names if not isinstance(held.get(name), dict)]:
        raise WeightsError(f"{path} has no {', '.join(lacking)}: give FG-Net's model.pth, which has {', '.join(names)}")
    try:
        return {name: checkpoint.tensors(part) for name, part in held.items()}
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def _below(found: Tensors, mark: str, name: str, path: Path) -> Tensors:
    """The tensors of the network that has `mark`, without what their names stand under."""
    start = next((key.removesuffix(mark) for key in found if key.endswith(mark)), None)
    if start is None:
        raise _another(name, path)
    return {key.removeprefix(start): tensor for key, tensor in found.items() if key.startswith(start)}


def _another(name: str, path: Path) -> WeightsError:
    return WeightsError(f"the {name} in {path} is another network than FG-Net's: give its model.pth")


def _average(path: Path) -> Tensor:
    average = Beside.of(checkpoint.read(path), path).average
    if average is None:
        raise WeightsError(f"{path} has no latent_avg, the code that faces begin at: give the encoder.pt that FG-Net was trained from")
    return average


def _biases(interpreter: Tensors) -> Tensor:
    """Of the last convolution, one for each heatmap."""
    layers = [(int(told[1]), int(told[2])) for name in interpreter if (told := re.fullmatch(r"layer(\d+)\.(\d+)\.bias", name))]
    level, step = max(layers)
    return interpreter[f"layer{level}.{step}.bias"]


def _units(biases: Tensor, corpus: str, path: Path) -> Sequence[int]:
    """The units of the first heatmaps, as FACS numbers.

    No file names its corpus. But biases begin at 0, and there they stay where no unit is learned: those of 12 heatmaps move on BP4D, of 8
    on DISFA.
    """
    learned = int(biases.nonzero().max()) + 1 if biases.any() else 0
    told = next((name for name, units in UNITS.items() if len(units) == learned), "")
    if corpus and told and corpus != told:
        raise WeightsError(f"{path} was trained on {told}, not on {corpus}: {learned} of its heatmaps have learned")
    if not (corpus or told):
        known = " or ".join(f"--corpus {name} ({len(units)} units)" for name, units in UNITS.items())
        raise WeightsError(f"{path} does not tell what it was trained on, as {learned} of its heatmaps have learned: say {known}")
    return UNITS[corpus or told]


def _config(encoder: Weights, generator: Generator, interpreter: Tensors, units: Sequence[int]) -> dict[str, Any]:
    """The configuration of the network that the three are."""
    growing = [name for name in interpreter if re.fullmatch(r"layer\d+\.1\.weight", name)]  # there the convolution comes second
    return {
        "kind": fgnet.KIND,
        "encoder": encoder.config,
        "generator": generator.config,
        "units": [aus.column(unit) for unit in units],
        "size": COARSEST << len(growing),
        "outputs": len(_biases(interpreter)),
        "mode": "compatible",
    }
