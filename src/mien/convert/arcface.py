"""``arcface``: the published IR-SE networks for identity (``model_ir_se50.pth`` and its like), of any depth and width."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.irse import IRSE, shape_of
from mien.weights import Weights

KIND = "arcface"
_STEM = "input_layer.0.weight"


def read(path: Path) -> Weights:
    """Tensors and shape of a published network.

    Raises `WeightsError` that names the file, and what is missing from it or unknown, when it is of another network.
    """
    found = _unwrapped(checkpoint.tensors(checkpoint.read(path)))
    try:
        network = IRSE(**shape_of(found))
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"{path} is no IR-SE network for identity (input_layer, body, output_layer): import it as what it is") from error
    counters = {name: torch.zeros((), dtype=torch.int64) for name in network.state_dict() if name.endswith("num_batches_tracked")}
    made = Weights(counters | found, {"kind": KIND, **network.config}, path)  # files of before torch 0.4.1 count no batches
    weights.fill(network, made)
    return made


def convert(path: Path, out: Path) -> None:
    """Write the network as safetensors for `mien.faces.identity`."""
    made = read(path)
    weights.save(out, made.tensors, made.config)


def _unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without what their names stand under in whole runs, parallel training and identity losses."""
    start = next((name.removesuffix(_STEM) for name in tensors if name.endswith(_STEM)), "")
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
