"""LPIPS: how different two pictures look, by the features of a network that knows objects (Zhang et al. 2018, equation 1).

The network below, the trunk, is AlexNet (Krizhevsky 2014) or VGG-16 (Simonyan & Zisserman 2015), under the names of torchvision's files,
without their classifiers. On top are the published linear layers: how much each channel of five layers counts.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor, nn

KIND = "lpips"  #: how the configuration of the linear layers begins
_MEAN, _SPREAD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of ImageNet's pictures in -1..1, as LPIPS rounds them
_EPSILON = 1e-10  # keeps a cell without features from a division by zero


def _convolved(channels: int, width: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, kernel, stride, padding), nn.ReLU(inplace=True)]


def _alexnet() -> list[nn.Module]:
    return [
        *_convolved(3, 64, 11, 4, 2),
        nn.MaxPool2d(3, 2),
        *_convolved(64, 192, 5, 1, 2),
        nn.MaxPool2d(3, 2),
        *_convolved(192, 384),
        *_convolved(384, 256),
        *_convolved(256, 256),
    ]


def _vgg16() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        layers += [nn.MaxPool2d(2)] if layers else []
        for _ in range(count):
            layers += _convolved(channels, width)
            channels = width
    return layers


_LAYERS = {"alexnet": _alexnet, "vgg16": _vgg16}
#: name of a trunk -> the rectified layers that count, and their widths
_TAPS = {
    "alexnet": {1: 64, 4: 192, 7: 384, 9: 256, 11: 256},
    "vgg16": {3: 64, 8: 128, 15: 256, 22: 512, 29: 512},
}
#: name of a trunk -> pixels of the smallest picture that reaches its last layer
SMALLEST: Mapping[str, int] = MappingProxyType({"alexnet": 31, "vgg16": 16})


class Trunk(nn.Module):
    """The convolutions of a published network, and the five of their results that count."""

    def __init__(self, name: str) -> None:
        """`name` is one of `SMALLEST`; raises `KeyError` for another."""
        super().__init__()
        self.features = nn.Sequential(*_LAYERS[name]())
        self._taps = _TAPS[name]
        self.widths = tuple(self._taps.values())  #: channels of the five

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Iterator[Float[Tensor, "b c h2 w2"]]:
        """The five, one after the other, of RGB pictures in -1..1."""
        x = (pictures - pictures.new_tensor(_MEAN)[:, None, None]) / pictures.new_tensor(_SPREAD)[:, None, None]
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._taps:
                yield x


class Linear(nn.Module):
    """The published linear layers over a trunk: a weight >= 0 for each channel."""

    def __init__(self, trunk: str) -> None:
        """Raises `KeyError` for the name of another trunk."""
        super().__init__()
        for number, width in enumerate(_TAPS[trunk].values()):
            dropout = nn.Identity()  # of those who trained them
            self.add_module(f"lin{number}", nn.ModuleDict({"model": nn.Sequential(dropout, nn.Conv2d(width, 1, 1, bias=False))}))

    def forward(self, number: int, squares: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        """The weighted sum over the channels of layer `number`, as a mean over its cells."""
        return self.get_submodule(f"lin{number}.model")(squares).mean((1, 2, 3))


def distance(trunk: Trunk, linear: Linear, a: Float[Tensor, "b 3 h w"], b: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
    """LPIPS of each pair of RGB pictures in -1..1: 0 for equal ones. Both run in step: no more than a layer of each is kept."""
    layers = zip(trunk(a), trunk(b), strict=True)
    return torch.stack([linear(i, (_unit(x) - _unit(y)) ** 2) for i, (x, y) in enumerate(layers)]).sum(0)


def _unit(features: Tensor) -> Tensor:
    """The features of each cell with length 1."""
    return features / (features.norm(dim=1, keepdim=True) + _EPSILON)
