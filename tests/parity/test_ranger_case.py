"""The published optimiser, step by step."""

import json
import re

import numpy as np
import torch

from mien.training import Ranger

BOUND = 1e-4  # of the reference's spread


def options_of(config, told):
    """The options of a run: the case's, but for those that its words name."""
    changed = config | {name: float(number) for name, number in re.findall(r"(\w+)=([\d.e-]+\d)", told)}
    assert config["use_gc"] and not config["gc_conv_only"] and config["N_sma_threshold"] == 5
    same = {name: changed[name] for name in ("lr", "eps", "weight_decay")}
    return same | {"betas": tuple(changed["betas"]), "every": changed["k"], "pull": changed["alpha"]}


def test_ranger_trajectory(cases, loaded):
    """Every step: the plain ones, the divided ones, and those that look ahead; without and with decay of weights."""
    state, case = loaded("ranger_trajectory")
    config = json.loads((cases / "ranger_trajectory" / "manifest.json").read_text())["config"]
    assert config["runs"]
    for run, options in ((run, options_of(config, told)) for run, told in config["runs"].items()):
        weights = {name: tensor.clone().requires_grad_() for name, tensor in state.items()}
        ranger = Ranger(weights.values(), **options)
        found = {name: [] for name in weights}
        for _ in range(len(case[f"out_{run}_bias"])):
            ranger.zero_grad()
            parts = [
                0.5 * (torch.from_numpy(case[f"in_h_{name}"]) * (weight - torch.from_numpy(case[f"in_t_{name}"])) ** 2).sum()
                for name, weight in weights.items()
            ]
            torch.stack(parts).sum().backward()
            ranger.step()
            for name, weight in weights.items():
                found[name].append(weight.detach().numpy().copy())
        for name, steps in found.items():
            theirs = case[f"out_{run}_{name}"]
            assert np.abs(np.stack(steps) - theirs).max() < BOUND * theirs.std(), (run, name)
