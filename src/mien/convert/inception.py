"""``inception``: the network that FID is defined on, from the published PyTorch file (``pt_inception-2015-12-05-6726825d.pth``)."""

from pathlib import Path

import torch

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.inception import CLASSES, CLASSIFIER, KIND, WIDTH, Inception
from mien.weights import Weights

_SHAPES = ((CLASSES, WIDTH), (CLASSES,))


def convert(path: Path, out: Path) -> None:
    """Write the network as safetensors for `mien.metrics.inception`, without its classifier.

    Raises `WeightsError` that names the file, and what is missing from it or unknown, when it is of another network: torchvision's
    Inception v3 has the same names, 1,000 classes and other numbers.
    """
    found = dict(checkpoint.tensors(checkpoint.read(path)))
    classifier = [tuple(found.pop(name).shape) if name in found else () for name in CLASSIFIER]
    if tuple(classifier) != _SHAPES:
        told = f"its fc.weight is {classifier[0]}, not {_SHAPES[0]}" if classifier[0] else "it has no fc.weight"
        raise WeightsError(f"{path} is not FID's Inception of 2015-12-05: {told}; `mien weights get inception-fid` fetches that")
    network = Inception()
    counters = {name: torch.zeros((), dtype=torch.int64) for name in network.state_dict() if name.endswith("num_batches_tracked")}
    made = Weights(counters | found, {"kind": KIND}, path)
    weights.fill(network, made)
    weights.save(out, made.tensors, made.config)
