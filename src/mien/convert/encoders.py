"""``e4e`` and ``psp``: published encoders into StyleGAN2's codes (``e4e_ffhq_encode.pt``, ``psp_ffhq_encode.pt``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.encoders import COARSEST, PUBLISHED, Inverter, Shape
from mien.nn.irse import stages_of
from mien.weights import Weights

_ENCODER, _AVERAGE = "encoder", "latent_avg"
#: `encoder_type` of the settings in a file -> what it is here
_TYPES = {
    "Encoder4Editing": "e4e",
    "GradualStyleEncoder": "psp",
    "SingleStyleCodeEncoder": "psp-w",
    "BackboneEncoderUsingLastLayerIntoW": "psp-w",
}
#: settings that say False when codes do not begin at the average one
_BEGINS = ("start_from_latent_avg", "start_from_w_avg")


@dataclass(frozen=True)
class Beside:
    """What a published file has beside the tensors of its encoder."""

    path: Path
    average: Tensor | None  #: the code that results are added to
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, content: Any, path: Path) -> "Beside":
        """Of what the file at `path` holds."""
        held = content if isinstance(content, dict) else {}
        average, settings = held.get(_AVERAGE), held.get("opts")
        return cls(path, average.float() if isinstance(average, Tensor) else None, settings if isinstance(settings, dict) else {})


def convert(kind: str, path: Path, out: Path) -> None:
    """Write an encoder as safetensors for `mien.nn.encoders.of`, with the average code; the generator in the file is left out.

    Raises `WeightsError` that names the file, and what is missing from it or unknown, when it is of another network.
    """
    content = checkpoint.read(path)
    made = encoder_of(kind, checkpoint.part(content, _ENCODER), Beside.of(content, path), path)
    weights.save(out, made.tensors, made.config)


def encoder_of(kind: str, found: Mapping[str, Tensor], beside: Beside, path: Path) -> Weights:
    """The tensors and the configuration of an `Inverter`, of an encoder's tensors that were found in the file at `path`.

    Raises `WeightsError`, see `convert`.
    """
    try:
        with weights.unfilled():
            network = Inverter(_kind(kind, found, beside.settings, path), _shape(found, beside.settings, beside.average))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is no {kind} encoder (state_dict with encoder.input_layer, encoder.body and its heads)") from error
    tensors = {f"{_ENCODER}.{name}": tensor for name, tensor in found.items()}
    made = Weights(tensors | {_AVERAGE: _begin(beside, network.latent_avg.shape)}, network.config, path)
    weights.fill(network, made)
    return made


def _kind(kind: str, found: Mapping[str, Tensor], settings: Mapping[str, Any], path: Path) -> str:
    """What the file holds; raises `WeightsError` when its settings say that it is of the other format."""
    told = _TYPES.get(str(settings.get("encoder_type", "")), "")
    if told and told.split("-")[0] != kind and told != "psp-w":  # e4e can train the encoder into W too
        raise WeightsError(f"{path} says that it is a {settings['encoder_type']}: `mien weights import {told} FILE`")
    return told or ("psp-w" if "linear.weight" in found else kind)


def _shape(found: Mapping[str, Tensor], settings: Mapping[str, Any], average: Tensor | None) -> Shape:
    units, widths = stages_of(found)
    heads = {name.split(".")[1] for name in found if name.startswith("styles.")}
    if not heads:
        told = average is not None and average.ndim == 2 and average.shape[0] > 1
        rows = average.shape[0] if average is not None and told else int(settings.get("n_styles", PUBLISHED["styles"]))
        return {"size": PUBLISHED["size"], "units": units, "widths": widths, "styles": rows, "code": found["linear.weight"].shape[0]}
    halvings = len([name for name in found if name.startswith("styles.0.convs.") and name.endswith(".weight")])
    code = found["styles.0.linear.weight"].shape[0]
    return {"size": COARSEST << halvings, "units": units, "widths": widths, "styles": len(heads), "code": code}


def _begin(beside: Beside, shape: torch.Size) -> Tensor:
    """The code that the encoder's results are added to, as [rows, numbers]: 0 where the settings say that it is not the average one."""
    if any(beside.settings.get(name) is False for name in _BEGINS):
        return torch.zeros(shape)
    if beside.average is None:
        raise WeightsError(f"{beside.path} has no {_AVERAGE}, the code that its encoder begins at: give the whole published file")
    try:
        return beside.average.expand(shape).clone()
    except RuntimeError as error:
        raise WeightsError(f"{beside.path}: its {_AVERAGE} is {tuple(beside.average.shape)}, its codes {tuple(shape)}") from error
