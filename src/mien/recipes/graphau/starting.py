"""The network of the recipe `graphau` before the first step."""

from collections.abc import Sequence
from pathlib import Path

from mien import weights
from mien.data.sided import sides_of
from mien.errors import UsageError
from mien.nn import graphau
from mien.nn.graphau import GraphAU, Shape, backbones
from mien.nn.graphau.swin import Swin
from mien.recipes.graphau.options import GraphAUConfig

_SEES = ("backbone", "global_linear")  # parts that know nothing of units


def fresh(config: GraphAUConfig, units: Sequence[str], graded: Sequence[str]) -> GraphAU:
    """A network for these units, whole and sided, that tells the intensity of those `graded`; it begins where `start` ended."""
    sided = sides_of(units)
    backbone = backbones.made(backbones.NAMED[config.backbone])
    shape: Shape = {
        "size": config.size,
        "backbone": backbone.config,
        "width": backbone.channels // (2 if isinstance(backbone, Swin) else 4),
        "main": units[: len(units) - 2 * len(sided)],
        "sided": sided,
        "stage": config.stage,
        "neighbours": config.neighbours if config.stage == 1 else 0,
        "mode": "corrected",
        "graded": graded,
    }
    try:
        network = GraphAU("graphau", shape)
    except ValueError as error:
        raise UsageError(f"neighbours = {config.neighbours} is not allowed: {error}") from error
    if config.start is not None:
        _begin(network, config.start)
    return network


def _begin(network: GraphAU, path: Path) -> None:
    """Take over what a trained network has in common with this one.

    Raises `UsageError` for one that sees with another backbone, and where stage 2 is to go on from a reader of other units.
    """
    other = graphau.of(weights.load(path))
    for part in ("backbone", "width"):
        if other.config[part] != network.config[part]:
            told = f"{part} is {other.config[part]}, this run's {network.config[part]}"
            raise UsageError(f"{path} does not fit: its {told}; name others with --start or --backbone")
    same = other.units == network.units
    if network.config["stage"] == 2 and not same:
        raise UsageError(f"{path} reads {', '.join(other.units)}: stage 2 goes on from a stage 1 of the units of --data")
    parts = set(_SEES)
    if same:
        parts |= {"class_linears", "sc"} | ({"grades"} if other.graded == network.graded else set())
        parts |= {"graph", "edge_fc"} if _graph(other) == _graph(network) else set()
    network.load_state_dict({name: tensor for name, tensor in other.state_dict().items() if name.split(".")[0] in parts}, strict=False)


def _graph(network: GraphAU) -> tuple[str, int]:
    return network.config["kind"], network.config["stage"]
