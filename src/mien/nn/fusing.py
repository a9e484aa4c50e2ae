"""Networks as they run: the same function in fewer steps."""

from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

N = TypeVar("N", bound=nn.Module)


def fused(network: N) -> N:
    """The network (in eval mode) with every normalisation folded into its convolution, laid out for the processor."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            match list(child.children()):
                case [nn.Conv2d() as convolution, nn.BatchNorm2d() as norm]:
                    setattr(module, name, fuse_conv_bn_eval(convolution, norm))
                case _:
                    pass
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
