"""NVIDIA's own StyleGAN2 networks (``.pkl`` of the repositories stylegan2-ada-pytorch and stylegan3), by rosinality's names.

Their pickles carry the source of the classes beside the attributes of the objects; `mien.convert` reads the attributes and forgets the
source. Both implementations keep the same numbers, those of up-sampling kernels, styles and the mapping too: names and shapes differ.
Where NVIDIA's half precision cuts numbers off at 256, nothing is cut off here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from mien.convert import checkpoint
from mien.errors import WeightsError

_RATE = 0.01  # of the mapping, in both implementations
_NESTED = re.compile(r"(?:^|(?<=\.))_(?:modules|parameters|buffers)\.")
_STYLED = {
    "weight": "conv.weight",
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "bias": "activate.bias",
    "noise_strength": "noise.weight",
}
#: Of a block of the generator, which has two convolutions and colours.
_BLOCK = {
    "const": "input.input",
    **{f"{part}.{theirs}": f"{{{part}}}.{ours}" for part in ("conv0", "conv1") for theirs, ours in _STYLED.items()},
    "conv0.resample_filter": "{conv0}.conv.blur.kernel",
    "conv0.noise_const": "noises.noise_{noise0}",
    "conv1.noise_const": "noises.noise_{noise1}",
    **{f"torgb.{name}": f"{{torgb}}.{_STYLED[name]}" for name in ("weight", "affine.weight", "affine.bias")},
    "torgb.bias": "{torgb}.bias",
    "resample_filter": "{torgb}.upsample.kernel",
}
_JUDGE = {
    "fromrgb.weight": "convs.0.0.weight",
    "fromrgb.bias": "convs.0.1.bias",
    "conv0.weight": "convs.{block}.conv1.0.weight",
    "conv0.bias": "convs.{block}.conv1.1.bias",
    "conv1.resample_filter": "convs.{block}.conv2.0.kernel",
    "conv1.weight": "convs.{block}.conv2.1.weight",
    "conv1.bias": "convs.{block}.conv2.2.bias",
    "skip.resample_filter": "convs.{block}.skip.0.kernel",
    "skip.weight": "convs.{block}.skip.1.weight",
    "conv.weight": "final_conv.0.weight",
    "conv.bias": "final_conv.1.bias",
    "fc.weight": "final_linear.0.weight",
    "fc.bias": "final_linear.0.bias",
    "out.weight": "final_linear.1.weight",
    "out.bias": "final_linear.1.bias",
}
_UNUSED = "resample_filter"  # every layer has one, whether it resamples or not


def known(held: Any) -> bool:
    """Whether what a checkpoint holds is of NVIDIA's: objects of PyTorch's modules, by their attributes."""
    return isinstance(held, dict) and isinstance(held.get("G_ema"), dict) and "_modules" in held["G_ema"]


def published(held: Mapping[str, Any]) -> tuple[dict[str, Tensor], int]:
    """Tensors under ``g_ema.``, ``d.`` and as ``latent_avg``, and how many pictures the discriminator looks at together.

    A discriminator of another architecture, as for CIFAR-10, is left out. Raises `WeightsError` for another generator.
    """
    generator, judge = (_tensors(held.get(name)) for name in ("G_ema", "D"))
    _check(generator, held["G_ema"])
    made = {f"g_ema.{name}": tensor for name, tensor in _generator(generator)} | {"latent_avg": generator["mapping.w_avg"]}
    group = _attribute(held.get("D"), "b4", "mbstd", "group_size")
    if not isinstance(group, int) or "b8.skip.weight" not in judge or any(name.startswith("mapping.") for name in judge):
        return made, 1
    return made | {f"d.{name}": tensor for name, tensor in _discriminator(judge)}, group


def _tensors(module: Any) -> dict[str, Tensor]:
    """The tensors of a module by the names that its own state dict would have; none of what is no module."""
    if not isinstance(module, dict):
        return {}
    return {_NESTED.sub("", name): tensor for name, tensor in checkpoint.tensors(module).items()}


def _attribute(module: Any, *names: str) -> Any:
    """An attribute of a module in a module; None where there is none."""
    for name in names[:-1]:
        module = module.get("_modules", {}).get(name) if isinstance(module, dict) else None
    return module.get(names[-1]) if isinstance(module, dict) else None


def _check(generator: Mapping[str, Tensor], module: Any) -> None:
    if "mapping.embed.weight" in generator:
        raise WeightsError("its networks are told classes: only those without are read")
    if not {"synthesis.b4.const", "synthesis.b8.torgb.weight", "mapping.fc0.weight", "mapping.w_avg"} <= generator.keys():
        raise WeightsError("its generator is not StyleGAN2's with colours at every size; StyleGAN3 is another network")
    rate = _attribute(module, "mapping", "fc0", "bias_gain")
    if rate is not None and abs(float(rate) / _RATE - 1) > 1e-6:
        raise WeightsError(f"its mapping was trained with the rate {float(rate):g}; StyleGAN2's is {_RATE:g}")


def _generator(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if found := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", name):
            yield f"style.{int(found[1]) + 1}.{found[2]}", tensor
        elif found := re.fullmatch(r"synthesis\.b(\d+)\.(.+)", name):
            pair = int(found[1]).bit_length() - 4  # of convolutions: 0 at 8 pixels, -1 at 4, which have one
            layers = {"conv1": "conv1", "torgb": "to_rgb1"} if pair < 0 else {"conv1": f"convs.{2 * pair + 1}", "torgb": f"to_rgbs.{pair}"}
            places = {**layers, "conv0": f"convs.{2 * pair}", "noise0": 2 * pair + 1, "noise1": 2 * pair + 2}
            if found[2] in _BLOCK and not (pair < 0 and found[2] == _UNUSED):
                ours = _BLOCK[found[2]].format(**places)
                yield ours, _shaped(ours, tensor)
            elif not name.endswith(_UNUSED):
                raise WeightsError(f"its generator has {name}, which StyleGAN2's has not")


def _shaped(name: str, tensor: Tensor) -> Tensor:
    """As rosinality keeps it: the filter with the gain of up-sampling, everything that meets a batch with axes for it."""
    if name.endswith(".kernel"):
        return 4 * tensor
    if name.endswith(("noise.weight", "conv.weight", "input.input")):
        return tensor[None]
    if name.startswith("noises."):
        return tensor[None, None]
    return tensor.reshape(1, -1, 1, 1) if re.fullmatch(r"to_rgb(1|s\.\d+)\.bias", name) else tensor


def _discriminator(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    parts = [(int(found[1]), found[2], tensor) for name, tensor in tensors.items() if (found := re.fullmatch(r"b(\d+)\.(.+)", name))]
    largest = max(side for side, _, _ in parts)
    for side, name, tensor in parts:
        if name in _JUDGE:
            yield _JUDGE[name].format(block=largest.bit_length() - side.bit_length() + 1), tensor
        elif not name.endswith(_UNUSED):
            raise WeightsError(f"its discriminator has b{side}.{name}, which StyleGAN2's has not")
