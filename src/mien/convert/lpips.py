"""``alexnet``, ``vgg16`` and ``lpips``: the networks below LPIPS from torchvision's files, and its linear layers from its own."""

from pathlib import Path

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.lpips import KIND, SMALLEST, Linear, Trunk
from mien.weights import Weights

_CLASSIFIER = "classifier."


def convert_trunk(name: str, path: Path, out: Path) -> None:
    """Write the convolutions of torchvision's ``alexnet`` or ``vgg16`` as safetensors; the classifier, most of the file, is left out.

    Raises `WeightsError` that says what is missing or unknown when it is of another network.
    """
    found = checkpoint.tensors(checkpoint.read(path))
    made = Weights({key: tensor for key, tensor in found.items() if not key.startswith(_CLASSIFIER)}, {"kind": name}, path)
    weights.fill(Trunk(name), made)
    weights.save(out, made.tensors, made.config)


def convert(path: Path, out: Path) -> None:
    """Write the linear layers (``alex.pth`` or ``vgg.pth``) as safetensors that say which trunk they are of.

    Raises `WeightsError` for layers of no known trunk, and for weights below zero, with which different pictures could have distance 0.
    """
    found = checkpoint.tensors(checkpoint.read(path))
    shapes = {name: tensor.shape for name, tensor in found.items()}
    trunk = next((name for name in SMALLEST if shapes == {k: v.shape for k, v in Linear(name).state_dict().items()}), None)
    if trunk is None:
        known = "alex.pth or vgg.pth of version 0.1 (lin0.model.1.weight to lin4.model.1.weight)"
        raise WeightsError(f"{path} does not hold the linear layers of LPIPS over {' or '.join(SMALLEST)}: give {known}")
    if below := [name for name, tensor in found.items() if bool((tensor < 0).any())]:
        raise WeightsError(f"{path}: {below[0]} has weights below zero, which LPIPS never has: fetch it again")
    weights.save(out, found, {"kind": KIND, "trunk": trunk})
