"""Files as NVIDIA's repositories write them, and their generator's equations in their own names."""

import collections
import pickle
import sys
import types

import torch
from torch import nn
from torch.nn import functional as F

SOURCE = "import pathlib\npathlib.Path('executed.txt').write_text('x')\n"


def _reconstruct_persistent_obj(meta):
    raise AssertionError("nothing of such a file is ever called")


class EasyDict(dict):
    """Their dictionary of settings."""


class Module:
    """An object of a class that its pickle carries the source of."""

    def __init__(self, parameters=(), buffers=(), modules=(), **attributes):
        self.state = {
            "training": False,
            "_parameters": collections.OrderedDict({name: nn.Parameter(tensor) for name, tensor in dict(parameters).items()}),
            "_buffers": collections.OrderedDict(buffers),
            "_modules": collections.OrderedDict(modules),
            "_init_kwargs": EasyDict(w_dim=8),
            **attributes,
        }

    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": "Anything", "state": self.state}
        return _reconstruct_persistent_obj, (meta,)


def dump(content, patch):
    """Their pickle, whose names are of modules that are not here."""
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")
    persistence._reconstruct_persistent_obj, util.EasyDict = _reconstruct_persistent_obj, EasyDict
    with patch.context() as during:
        for module in (persistence, util):
            during.setitem(sys.modules, module.__name__, module)
            during.setitem(sys.modules, module.__name__.split(".")[0], types.ModuleType(module.__name__.split(".")[0]))
        during.setattr(_reconstruct_persistent_obj, "__module__", "torch_utils.persistence")
        during.setattr(EasyDict, "__module__", "dnnlib.util")
        return pickle.dumps(content)


class Draw:
    """Tensors from N(0, 1)."""

    def __init__(self):
        self._draw = torch.Generator().manual_seed(0)

    def __call__(self, *shape):
        return torch.randn(shape, generator=self._draw)


FILTER = torch.tensor([1.0, 3.0, 3.0, 1.0])[:, None] * torch.tensor([1.0, 3.0, 3.0, 1.0]) / 64


def _affine(draw, code, inputs):
    return Module({"weight": draw(inputs, code), "bias": 1 + draw(inputs) / 8}, weight_gain=code**-0.5, bias_gain=1)


def _styled(draw, code, inputs, outputs, side):
    parameters = {"weight": draw(outputs, inputs, 3, 3), "noise_strength": draw()[()], "bias": draw(outputs)}
    buffers = {"resample_filter": FILTER.clone(), "noise_const": draw(side, side)}
    return Module(parameters, buffers, {"affine": _affine(draw, code, inputs)}, activation="lrelu")


def generator(widths, code=8, depth=2, rate=0.01):
    """A generator of theirs."""
    draw = Draw()
    layers = {
        f"fc{i}": Module({"weight": draw(code, code) / rate, "bias": draw(code)}, weight_gain=rate / code**0.5, bias_gain=rate)
        for i in range(depth)
    }
    blocks = {}
    for number, width in enumerate(widths):
        side, before = 4 << number, widths[max(0, number - 1)]
        colours = Module({"weight": draw(3, width, 1, 1), "bias": draw(3)}, {}, {"affine": _affine(draw, code, width)})
        inside = {"conv0": _styled(draw, code, before, width, side)} if number else {}
        inside |= {"conv1": _styled(draw, code, width, width, side), "torgb": colours}
        constant = {} if number else {"const": draw(width, 4, 4)}
        blocks[f"b{side}"] = Module(constant, {"resample_filter": FILTER.clone()}, inside, architecture="skip")
    mapping = Module({}, {"w_avg": draw(code)}, layers, num_layers=depth)
    return Module({}, {}, {"synthesis": Module({}, {}, blocks), "mapping": mapping}, c_dim=0)


def discriminator(widths, group=2):
    """A discriminator of theirs."""
    draw, blocks = Draw(), {}

    def conv(inputs, outputs, size, bias=True):
        parameters = {"weight": draw(outputs, inputs, size, size)} | ({"bias": draw(outputs)} if bias else {})
        return Module(parameters, {"resample_filter": FILTER.clone()})

    for number in range(len(widths) - 1, 0, -1):
        width, after = widths[number], widths[number - 1]
        first = {"fromrgb": conv(3, width, 1)} if number == len(widths) - 1 else {}
        layers = first | {"conv0": conv(width, width, 3), "conv1": conv(width, after, 3), "skip": conv(width, after, 1, bias=False)}
        blocks[f"b{4 << number}"] = Module({}, {"resample_filter": FILTER.clone()}, layers, architecture="resnet")
    width = widths[0]
    blocks["b4"] = Module(
        {},
        {},
        {
            "mbstd": Module(group_size=group, num_channels=1),
            "conv": conv(width + 1, width, 3),
            "fc": Module({"weight": draw(width, 16 * width), "bias": draw(width)}),
            "out": Module({"weight": draw(1, width), "bias": draw(1)}),
        },
    )
    return Module({}, {}, blocks, c_dim=0)


def part(module, *names):
    """A module in a module."""
    for name in names:
        module = module.state["_modules"][name]
    return module


def held(module, name):
    """A parameter or buffer."""
    return module.state["_parameters"][name] if name in module.state["_parameters"] else module.state["_buffers"][name]


def mapped(network, z):
    """Their mapping."""
    x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    for layer in part(network, "mapping").state["_modules"].values():
        gains = layer.state["weight_gain"], layer.state["bias_gain"]
        x = 2**0.5 * F.leaky_relu(F.linear(x, held(layer, "weight") * gains[0], held(layer, "bias") * gains[1]), 0.2)
    return x


def _resampled(x, before, after, zeros=1):
    wide = x.new_zeros(*x.shape[:2], x.shape[2] * zeros, x.shape[3] * zeros)
    wide[:, :, ::zeros, ::zeros] = x
    return F.conv2d(F.pad(wide, [before, after] * 2), (4 * FILTER).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def picture(network, row):
    """Their synthesis of one code w (1, d) with constant noise: kernels are demodulated without a scale, those of colours scaled."""
    x = rgb = None
    for block in part(network, "synthesis").state["_modules"].values():
        for name, layer in block.state["_modules"].items():
            affine = part(layer, "affine")
            style = F.linear(row, held(affine, "weight") * row.shape[1] ** -0.5, held(affine, "bias"))[0]
            weight = held(layer, "weight") * style[:, None, None]
            if name == "torgb":
                colours = F.conv2d(x, weight * style.numel() ** -0.5) + held(layer, "bias")[:, None, None]
                rgb = colours if rgb is None else colours + _resampled(rgb, 2, 1, zeros=2)
                continue
            weight = weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
            if name == "conv0":
                y = _resampled(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 1)
            else:
                y = F.conv2d(held(block, "const")[None] if x is None else x, weight, padding=1)
            y = y + held(layer, "noise_const") * held(layer, "noise_strength")
            x = 2**0.5 * F.leaky_relu(y + held(layer, "bias")[:, None, None], 0.2)
    return rgb
