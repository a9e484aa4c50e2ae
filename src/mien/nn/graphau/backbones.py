"""What looks at the pictures, by name: the networks that ME-GraphAU and OpenGraphAU were published with, and their lists of tensors."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from mien.nn.graphau import resnet, swin
from mien.nn.graphau.resnet import ResNet
from mien.nn.graphau.swin import Swin

#: What a configuration says a backbone is -> its network.
KINDS: Mapping[str, type[ResNet] | type[Swin]] = MappingProxyType({"resnet": ResNet, "swin": Swin})


def _resnet(blocks: tuple[int, ...], *, bottleneck: bool) -> Mapping[str, Any]:
    return {"kind": "resnet", "width": 64, "blocks": blocks, "bottleneck": bottleneck}


def _swin(width: int, depths: tuple[int, ...], heads: tuple[int, ...]) -> Mapping[str, Any]:
    return {"kind": "swin", "width": width, "depths": depths, "heads": heads, "window": 7, "patch": 4}


#: Name -> the configuration of a published one; `made` takes others as well, of any width and depth.
PUBLISHED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "resnet18": _resnet((2, 2, 2, 2), bottleneck=False),
        "resnet50": _resnet((3, 4, 6, 3), bottleneck=True),
        "resnet101": _resnet((3, 4, 23, 3), bottleneck=True),
        "swin-tiny": _swin(96, (2, 2, 6, 2), (3, 6, 12, 24)),
        "swin-small": _swin(96, (2, 2, 18, 2), (3, 6, 12, 24)),
        "swin-base": _swin(128, (2, 2, 18, 2), (4, 8, 16, 32)),
    }
)

#: Those, and `light`, a ResNet-18 of half the width, which learns from nothing and is fast on a processor.
NAMED: Mapping[str, Mapping[str, Any]] = MappingProxyType({**PUBLISHED, "light": {**PUBLISHED["resnet18"], "width": 32}})


def made(config: Mapping[str, Any]) -> ResNet | Swin:
    """The network of a configuration: `kind`, one of `KINDS`, and its arguments; raises `KeyError` or `TypeError` for another one."""
    sizes = dict(config)
    return KINDS[sizes.pop("kind")](**sizes)


def config_of(tensors: Mapping[str, Tensor]) -> Mapping[str, Any]:
    """The configuration of the backbone that these tensors are of; raises `KeyError`, `IndexError` or `ValueError` for others."""
    kind, shape_of = ("swin", swin.shape_of) if "patch_embed.proj.weight" in tensors else ("resnet", resnet.shape_of)
    return {"kind": kind, **shape_of(tensors)}
