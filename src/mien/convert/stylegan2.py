"""``stylegan2``: published generators and discriminators, from files in rosinality's PyTorch layout and from NVIDIA's own.

Of a run's checkpoint the averaged generator is taken, of pSp's and e4e's the decoder. What a file may lack is made anew: the kernels of
the filters, stored noise, the mean of the codes w.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mien import weights
from mien.convert import checkpoint, stylegan2_nvidia
from mien.errors import WeightsError
from mien.nn.stylegan2 import KIND, MEAN, Discriminator, Generator
from mien.nn.stylegan2.generator import average_code
from mien.weights import Weights

_GENERATOR, _DISCRIMINATOR = "input.input", "final_linear.1.weight"  # names that only the one or the other has
_GENERATORS, _DISCRIMINATORS = ("g_ema.", "", "g."), ("d.", "")  # what they stand under, the wanted one first
_GROUP = 4  # pictures that the published discriminators look at together
_MEAN = "latent_avg"

Tensors = Mapping[str, Tensor]
N = TypeVar("N", bound=nn.Module)


def convert(path: Path, out: Path) -> None:
    """Write what the file has of the two networks as safetensors for `mien.nn.stylegan2.stored`.

    Raises `WeightsError` that names the file, and what is missing from it, unknown or of another kind.
    """
    found, group = _read(path)
    generator, discriminator = generator_of(found, path), _discriminator(found, group, path)
    config: dict[str, Any] = {"kind": KIND}
    tensors = {} if generator is None else {MEAN: _mean(found, generator)}
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if network is not None:
            config[name] = network.config
            tensors |= {f"{name}.{key}": tensor for key, tensor in network.state_dict().items()}
    if not tensors:
        raise WeightsError(f"{path} has neither a generator ({_GENERATOR}) nor a discriminator ({_DISCRIMINATOR}) of StyleGAN2")
    weights.save(out, tensors, config)


def _read(path: Path) -> tuple[Tensors, int]:
    """The tensors by rosinality's names, and how many pictures the discriminator looks at together."""
    held = checkpoint.read(path)
    try:
        return stylegan2_nvidia.published(held) if stylegan2_nvidia.known(held) else (checkpoint.tensors(held), _GROUP)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def _part(found: Tensors, mark: str, wanted: Sequence[str]) -> dict[str, Tensor]:
    """The tensors of the network that has `mark`, by their names in it; none when no network has."""
    starts = [name.removesuffix(mark) for name in found if name == mark or name.endswith(f".{mark}")]
    if not starts:
        return {}
    start = min(starts, key=lambda start: wanted.index(start) if start in wanted else len(wanted))
    part = {name.removeprefix(start): tensor for name, tensor in found.items() if name.startswith(start)}
    part.pop(_MEAN, None)  # beside a network without a name of its own
    return part


def _filled(network: N, part: Tensors, path: Path) -> N:
    """The network with the tensors of its part; the kernels that older files lack stay as they were made."""
    kernels = {name: kernel.clone() for name, kernel in network.state_dict().items() if name.endswith(".kernel")}
    return weights.fill(network, Weights(kernels | dict(part), {}, path))


def generator_of(found: Tensors, path: Path) -> Generator | None:
    """The generator among tensors by rosinality's names, None where there is none; raises `WeightsError` for one of another kind."""
    part = _part(found, _GENERATOR, _GENERATORS)
    if not part:
        return None
    depth = len({name for name in part if re.fullmatch(r"style\.\d+\.weight", name)})
    try:
        widths = [part["conv1.conv.weight"].shape[1], *_widths(part, r"convs\.(\d*[02468])\.conv\.weight", 1)]
        network = Generator(widths, code=part["style.1.weight"].shape[1], depth=depth)
    except (KeyError, IndexError, RuntimeError) as error:
        raise WeightsError(f"{path} has a generator, but not StyleGAN2's (style, conv1, convs): import it as what it is") from error
    draw = torch.Generator().manual_seed(0)
    noises = {f"noises.noise_{i}": torch.randn(noise.shape, generator=draw) for i, noise in enumerate(network.stored())}
    return _filled(network, noises | part, path)


def _discriminator(found: Tensors, group: int, path: Path) -> Discriminator | None:
    part = _part(found, _DISCRIMINATOR, _DISCRIMINATORS)
    if not part:
        return None
    try:
        large_to_small = [part["convs.0.0.weight"].shape[0], *_widths(part, r"convs\.(\d+)\.conv2\.1\.weight", 0)]
        network = Discriminator(large_to_small[::-1], group)
    except (KeyError, IndexError, RuntimeError) as error:
        raise WeightsError(f"{path} has a discriminator, but not StyleGAN2's (convs, final_conv): import it as what it is") from error
    return _filled(network, part, path)


def _widths(part: Tensors, pattern: str, axis: int) -> list[int]:
    """Channels that come out of the layers of that name, in their order."""
    layers = {int(match[1]): tensor.shape[axis] for name, tensor in part.items() if (match := re.fullmatch(pattern, name))}
    return [layers[number] for number in sorted(layers)]


def _mean(found: Tensors, generator: Generator) -> Tensor:
    """The mean of the codes w: the file's, one row of it where it stands once for each row of W+, else that of many drawn ones."""
    if _MEAN in found:
        return found[_MEAN].reshape(-1, generator.code)[0].clone()
    return average_code(generator)
