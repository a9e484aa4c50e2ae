"""``graphau`` and ``opengraphau``: published readers of action units (``MEFARG_resnet50_BP4D_fold1.pth``, OpenGraphAU's of either stage).

Which units a network reads, and how many neighbours each has in its graph, no file says: both are those of the data set with as many units.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.graphau import BP4D, DISFA, HYBRID, SIDED, GraphAU, Kind, Shape, backbones, swin
from mien.weights import Weights

_SIZE = 224  # pixels of the pictures of all of them
_BACKBONE, _GLOBAL = "backbone.", "global_linear.fc.weight"
_VECTORS: Mapping[Kind, tuple[str, ...]] = {"graphau": ("head.sc",), "opengraphau": ("head.main_sc", "head.sub_sc")}
_UNIT = re.compile(r"head\.(?:main_)?class_linears\.(\d+)\.(.+)")
_LAYER = re.compile(r"graph\.(bn[ve]|[UVABE])([12])\.")
_COUNTER = "num_batches_tracked"
_INDEX, _MASK = ".relative_position_index", ".attn_mask"


class _Labels(NamedTuple):
    """What a network was trained to read."""

    main: tuple[str, ...]
    sided: tuple[str, ...]
    neighbours: int  #: in stage 1


_LABELS: Mapping[Kind, tuple[_Labels, ...]] = {
    "graphau": (_Labels(BP4D, (), 4), _Labels(DISFA, (), 3)),
    "opengraphau": (_Labels(HYBRID, SIDED, 4),),
}


def convert(kind: Kind, path: Path, out: Path) -> None:
    """Write a network as safetensors for `mien.nn.graphau.of`, `compatible`; an optimiser in the file is left out.

    Raises `WeightsError` that names the file, and what is missing from it or unknown, when it is of another network.
    """
    content = checkpoint.read(path)
    try:
        found = _published(content)
        _check(kind, found)
        named = _named(kind, found)
        with torch.device("meta"):  # a form to compare with, without numbers
            network = GraphAU(kind, _shape(kind, named))
        named = _without_made(named, network)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise WeightsError(f"{path} is no {kind} network (backbone of a ResNet or a Swin, {_GLOBAL}, head)") from error
    made = Weights(named, network.config, path)
    weights.fill(network, made)
    weights.save(out, made.tensors, made.config)


def _published(content: Any) -> Mapping[str, Tensor]:
    """The tensors by their published names, without the ``module.`` that parallel training puts before or into them."""
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    held = checkpoint.tensors(state)
    found = {re.sub(r"(^|\.)module\.", r"\1", name): tensor for name, tensor in held.items()}
    if len(found) < len(held):
        raise WeightsError("two of its tensors have one name but for module.: give the file as it was published")
    return found


def _check(kind: Kind, found: Mapping[str, Tensor]) -> None:
    """Raises `WeightsError` for a network of the other kind, and for one that sees with MAE's ViT."""
    other = next((each for each, names in _VECTORS.items() if each != kind and any(name in found for name in names)), kind)
    if other != kind:
        raise WeightsError(f"it is a network of {other}: `mien weights import {other} FILE`")
    if f"{_BACKBONE}cls_token" in found:
        raise WeightsError("its backbone is MAE's ViT, which mien does not have: ResNets and Swins are read")


def _named(kind: Kind, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by mien's names: units' blocks and vectors each as one tensor, layers of the graph by their numbers."""
    units: dict[int, dict[str, Tensor]] = {}
    named: dict[str, Tensor] = {}
    for name, tensor in found.items():
        if told := _UNIT.fullmatch(name):
            units.setdefault(int(told[1]), {})[told[2]] = tensor
        elif name not in _VECTORS[kind]:
            own = re.sub(r"^head\.(?:gnn|(?=edge_extractor))\.?", "graph.", name).removeprefix("head.")
            named[_LAYER.sub(lambda told: f"graph.graph_layers.{int(told[2]) - 1}.{told[1]}.", own)] = tensor
    vectors = torch.cat([found[name] for name in _VECTORS[kind]])
    return named | _stacked(units) | {"sc": vectors}


def _stacked(units: Mapping[int, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The blocks of all units as one that gives the features of the first unit, of the second, ..; raises `WeightsError` for gaps."""
    first = units[0]
    for number in range(max(units) + 1):
        held = {name: tensor.shape for name, tensor in units.get(number, {}).items()}
        if held != {name: tensor.shape for name, tensor in first.items()}:
            raise WeightsError(f"class_linears.{number} has not the tensors and shapes of class_linears.0: fetch the file again")
    blocks = [units[number] for number in range(len(units))]
    return {
        f"class_linears.{name}": tensor if name.endswith(_COUNTER) else torch.cat([block[name] for block in blocks])
        for name, tensor in first.items()
    }


def _shape(kind: Kind, named: Mapping[str, Tensor]) -> Shape:
    """What the tensors tell; raises `WeightsError` for a number of units that no data set has."""
    width = named[_GLOBAL].shape[0]
    count, vectors = named["class_linears.fc.weight"].shape[0] // width, named["sc"].shape[0]
    labels = next((each for each in _LABELS[kind] if (len(each.main), len(each.main) + 2 * len(each.sided)) == (count, vectors)), None)
    if labels is None:
        known = " or ".join(f"{len(each.main)} and {len(each.main) + 2 * len(each.sided)}" for each in _LABELS[kind])
        raise WeightsError(f"it has {count} units and {vectors} scores; those published as {kind} have {known}")
    stage = 2 if any(name.startswith("graph.edge_extractor.") for name in named) else 1
    seeing = {name.removeprefix(_BACKBONE): tensor for name, tensor in named.items() if name.startswith(_BACKBONE)}
    return {
        "size": _SIZE,
        "backbone": backbones.config_of(seeing),
        "width": width,
        "main": labels.main,
        "sided": labels.sided,
        "stage": stage,
        "neighbours": labels.neighbours if stage == 1 else 0,
        "mode": "compatible",
    }


def _without_made(named: Mapping[str, Tensor], network: GraphAU) -> dict[str, Tensor]:
    """The tensors without those that a Swin makes itself; raises `WeightsError` where it would make other ones."""
    sizes = network.config["backbone"]
    for name, tensor in named.items():
        if name.endswith(_INDEX):
            expected = swin.places(sizes["window"])
        elif name.endswith(_MASK):
            stage = int(name.split(".")[2])
            expected = swin.barred(_SIZE // sizes["patch"] >> stage, sizes["window"], sizes["window"] // 2)
        else:
            continue
        if not torch.equal(tensor.to(expected), expected):
            raise WeightsError(f"{name} is not that of windows of {sizes['window']} cells on pictures of {_SIZE} pixels")
    return {name: tensor for name, tensor in named.items() if not name.endswith((_INDEX, _MASK))}
