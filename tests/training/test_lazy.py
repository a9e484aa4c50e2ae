"""A regulariser that has its turn now and then weighs as much as one at every step."""

import pytest
import torch
from torch import nn

from mien.training import Run, RunOptions, constant, launch
from mien.training.lazy import lazy_r1


def test_r1_has_its_turn_at_the_first_step_and_every_so_many_after(tmp_path):
    """Of a linear judge R1 is the squared length of its weight, so a step of gradient descent is known."""
    judge = nn.Linear(3, 1)
    run = Run(launch(RunOptions()), tmp_path, total=10, batch=2)
    learner = run.learner(judge, torch.optim.SGD(judge.parameters(), lr=0.01), warmup=1, schedule=constant, wrapped=False)
    told = []
    for step in range(1, 8):
        run.step, before = step, judge.weight.detach().clone()
        steep = lazy_r1(run, learner, judge, torch.ones(2, 3), weight=4.0, every=3)
        told.append(steep is not None)
        moved = -0.01 * 3 * (4.0 / 2) * 2 * before if told[-1] else torch.zeros(1, 3)
        assert torch.allclose(judge.weight - before, moved, atol=1e-6)
        assert steep is None or float(steep) == pytest.approx(float(before.square().sum()), rel=1e-5)
    assert told == [True, False, False, True, False, False, True]
