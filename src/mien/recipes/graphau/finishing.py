"""What the recipe `graphau` leaves: the network, and how its scores are read."""

import json
from pathlib import Path

from torch import Tensor

from mien import weights
from mien.metrics.detection.judged import Seen
from mien.nn import calibration
from mien.nn.calibration import Calibration
from mien.nn.graphau import GraphAU
from mien.recipes.graphau.options import GraphAUConfig
from mien.training.config import to_toml


def calibrated(found: Seen) -> Calibration:
    """The calibration of scores by faces that are not learned from; a unit that they do not tell keeps the published threshold of a half,
    about which a score is its own probability.
    """
    return calibration.fitted(found.scores, found.present, calibration.plain(found.scores.shape[1], half=0.5, slope=4.0))


def keep(path: Path, network: GraphAU, found: Calibration, config: GraphAUConfig, corpus: str) -> None:
    """Write the weight file; its recipe says of which corpus the network knows people, and `fold` of whom it knows nothing."""
    tensors: dict[str, Tensor] = {name: t.half() if t.is_floating_point() else t for name, t in network.state_dict().items()}
    recipe = to_toml(config, folders=False) + (f"# What it was trained on.\ncorpus = {json.dumps(corpus)}\n" if corpus else "")
    weights.save(path, tensors | calibration.stored(found), network.config, recipe=recipe)
