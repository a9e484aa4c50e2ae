"""ResNets up to their last grid (He et al. 2016), under torchvision's names: a bottleneck's stride lies on its 3x3 convolution."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

_WIDER = 4  # times: what a bottleneck gives, against what it works with


class Shape(TypedDict):
    """How large a network is: the arguments of `ResNet`."""

    width: int  #: channels of the first stage, each further one has twice as many
    blocks: Sequence[int]  #: of the stages; the first has a quarter of the picture's side, each further one half the grid
    bottleneck: bool  #: blocks of three convolutions, not two


def _projected(inputs: int, channels: int, stride: int) -> nn.Sequential | None:
    """The shortcut of a block whose result has another form than its input; None where it has not."""
    if stride == 1 and inputs == channels:
        return None
    return nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


class BasicBlock(nn.Module):
    """``relu(shortcut(x) + f(x))`` with two 3x3 convolutions."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.downsample = _projected(inputs, width, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """The block's result."""
        straight = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(straight + self.bn2(self.conv2(x)))


class Bottleneck(nn.Module):
    """The same with a 3x3 convolution between two 1x1."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, _WIDER * width, 1, bias=False), nn.BatchNorm2d(_WIDER * width)
        self.downsample = _projected(inputs, _WIDER * width, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """The block's result."""
        straight = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(straight + self.bn3(self.conv3(x)))


class ResNet(nn.Module):
    """Pictures to the cells of the last grid, a 32nd of their side."""

    def __init__(self, width: int, blocks: Sequence[int], *, bottleneck: bool) -> None:
        """See `Shape`."""
        super().__init__()
        self.config: dict[str, Any] = {"kind": "resnet", "width": width, "blocks": list(blocks), "bottleneck": bottleneck}
        block, wider = (Bottleneck, _WIDER) if bottleneck else (BasicBlock, 1)
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stages = [f"layer{number + 1}" for number in range(len(blocks))]
        inputs = width
        for number, (stage, count) in enumerate(zip(self.stages, blocks, strict=True)):
            own, stride = width << number, 1 if number == 0 else 2
            first = block(inputs, own, stride)
            inputs = own * wider
            self.add_module(stage, nn.Sequential(first, *(block(inputs, own, 1) for _ in range(count - 1))))
        self.channels = inputs  #: numbers of a cell

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b t c"]:
        """The cells, row by row."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(pictures))))
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
        return x.flatten(2).transpose(1, 2)


def shape_of(tensors: Mapping[str, Tensor]) -> Shape:
    """How large the network is that these tensors are of; raises `KeyError` for tensors of another kind."""
    found = {(int(told[1]), int(told[2])) for name in tensors if (told := re.match(r"layer(\d+)\.(\d+)\.", name))}
    blocks = [sum(stage == each for each, _ in found) for stage in sorted({stage for stage, _ in found})]
    return {"width": tensors["layer1.0.conv1.weight"].shape[0], "blocks": blocks, "bottleneck": "layer1.0.conv3.weight" in tensors}
