"""Files of tensors: safetensors only, with the network's configuration in the header.

Nothing here executes what it reads. Published checkpoints of other tools come in through `mien.convert`.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mien import files
from mien.errors import WeightsError

_CONFIG = "config"  # the header entry that holds the configuration as JSON
_RECIPE = "recipe"  # the header entry that holds the options of the recipe that trained it, as TOML
_MADE_FOR = "made_for"  # the header entry that holds the fingerprint of the network that it goes with


@dataclass(frozen=True, eq=False)
class Weights:
    """Named tensors and the configuration of the network or model they belong to."""

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    path: Path
    recipe: str = ""  #: the options it was trained with, TOML; "" where they are not known
    made_for: str = ""  #: the `fingerprint` of the network whose codes it makes or moves; "" where it is not known


def assets() -> Path:
    """The folder of the weight files that ship with mien, each with its model card beside it."""
    return Path(str(resources.files("mien.assets")))


def bundled(name: str) -> Path:
    """The path of a weight file that ships with mien: ``bundled("landmarks")``."""
    path = assets() / f"{name}.safetensors"
    if not path.exists():
        raise WeightsError(f"the bundled weights {name!r} are not in {path.parent}: reinstall mien")
    return path


def load(path: Path | str) -> Weights:
    """Tensors and configuration of a safetensors file.

    Raises `WeightsError` when the file is missing, is not whole safetensors, has no mien configuration, or holds NaN.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no weight file at {path}")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file ({error}): fetch or convert it again") from error
    if _CONFIG not in header:
        raise WeightsError(f"{path} has no mien configuration in its header: convert it with `mien weights import`")
    return Weights(_without_nan(tensors, path), _config(header[_CONFIG], path), path, header.get(_RECIPE, ""), header.get(_MADE_FOR, ""))


def kind(path: Path) -> str:
    """What a weight file says that it is, "" when it does not say or is none; its tensors are not read."""
    return str(config(path).get("kind", ""))


def config(path: Path) -> dict[str, Any]:
    """The configuration in a weight file, {} when it has none or is none; its tensors are not read."""
    try:
        return _config(_header(path).get(_CONFIG, "{}"), path)
    except WeightsError:
        return {}


def made_for(path: Path) -> str:
    """The `fingerprint` of the network whose codes a weight file makes or moves, "" when it does not say; its tensors are not read."""
    return _header(path).get(_MADE_FOR, "")


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of named numbers, in hex: the same in whatever order and precision a file has them, if no number was rounded."""
    told = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        numbers = (tensor.float() if tensor.is_floating_point() else tensor).detach().cpu().contiguous().numpy()
        told.update(f"{name} {numbers.dtype} {numbers.shape} ".encode() + numbers.tobytes())
    return told.hexdigest()


def _header(path: Path) -> dict[str, str]:
    """What a file says beside its tensors; {} where it is not whole safetensors."""
    try:
        with safe_open(str(path), framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return {}


def _config(text: str, path: Path) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise WeightsError(f"the configuration in the header of {path} is no JSON ({error}): fetch or convert it again") from error
    if not isinstance(config, dict):
        raise WeightsError(f"the configuration in the header of {path} is no table of options: fetch or convert it again")
    return config


def _without_nan(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise WeightsError(f"{name} in {path} holds NaN: fetch or convert it again")
    return tensors


def save(path: Path | str, tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, recipe: str = "", made_for: str = "") -> None:
    """Write tensors, configuration, and what else `Weights` knows; the file appears whole or not at all.

    Raises `WeightsError` when it cannot be written.
    """
    told = {name: text for name, text in ((_RECIPE, recipe), (_MADE_FOR, made_for)) if text}
    content = to_bytes(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        metadata={_CONFIG: json.dumps(dict(config), sort_keys=True)} | told,
    )
    with files.replacing(Path(path), inputs=(), error=WeightsError) as partial:
        partial.write_bytes(content)


N = TypeVar("N", bound=nn.Module)


def built(make: Callable[[], N], stored: Weights, what: str) -> N:
    """The network that `make` makes of a stored configuration, with the stored tensors, in eval mode; see `fill`.

    It is laid out without numbers first: a configuration that lies about its tensors is refused before memory is taken for them. Raises
    `WeightsError` also for a configuration of something else, where a message says that the file is no `what`.
    """
    try:
        with unfilled():
            layout = make()
    except (TypeError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{stored.path} is no {what} but {stored.config.get('kind') or 'something else'}") from error
    _compare(layout, stored)
    with torch.random.fork_rng(devices=()):  # layers are made with random numbers in them, which nobody else shall miss
        return fill(make(), stored)


@contextmanager
def unfilled() -> Generator[None]:
    """Within it networks are laid out without numbers, as forms to compare tensors with."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Within it no layer draws normal numbers: for tensors without numbers torch would load its compiler to do so, for over a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in (Tensor.normal_, nn.init.normal_):
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def fill(network: N, weights: Weights) -> N:
    """Load weights into a network, strictly; half-precision files become float32. Returns the network in eval mode.

    Raises `WeightsError` that names the first tensors that are missing, unknown or of another shape.
    """
    _compare(network, weights)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            tensor.copy_(weights.tensors[name])
    return network.eval()


def _compare(network: nn.Module, weights: Weights) -> None:
    state = network.state_dict()
    wrong = [f"missing {name}" for name in state if name not in weights.tensors]
    wrong += [f"unknown {name}" for name in weights.tensors if name not in state]
    wrong += [
        f"{name} is {tuple(weights.tensors[name].shape)}, the network needs {tuple(tensor.shape)}"
        for name, tensor in state.items()
        if name in weights.tensors and weights.tensors[name].shape != tensor.shape
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise WeightsError(f"{weights.path} does not fit {type(network).__name__}: {'; '.join(wrong[:3])}{more}")
