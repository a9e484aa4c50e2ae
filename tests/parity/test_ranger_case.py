"""The published optimiser, step by step."""

import numpy as np
import torch

from mien.training import Ranger

BOUND = 1e-4  # of the reference's spread


def test_ranger_trajectory(loaded):
    """Sixteen steps: the plain ones, the divided ones, and those that look ahead; without and with decay of weights."""
    state, case = loaded("ranger_trajectory")
    for run, options in {"a": {"lr": 0.5}, "b": {"lr": 0.05, "weight_decay": 0.01}}.items():
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
