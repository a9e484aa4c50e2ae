"""Ranger against a second writing, and in runs that stop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mien.training import Ranger, Run, RunOptions, launch
from mien.training.ranger import stride


def literal(start, gradients, lr, decay, b1=0.95, b2=0.999, eps=1e-5):
    """The steps in float64, by the formulas of the papers with explicit sums instead of running means."""
    p = slow = np.asarray(start, np.float64)
    seen = []
    for t in range(1, len(gradients) + 1):
        g = np.asarray(gradients[t - 1], np.float64)
        seen.append(g - g.reshape(len(g), -1).mean(1).reshape(-1, *[1] * (g.ndim - 1)) if g.ndim > 1 else g)
        m = sum((1 - b1) * b1 ** (t - i) * x for i, x in enumerate(seen, 1)) / (1 - b1**t)
        v = sum((1 - b2) * b2 ** (t - i) * x**2 for i, x in enumerate(seen, 1))
        p = p - lr * decay * p
        most = 2 / (1 - b2) - 1
        rho = most - 2 * t * b2**t / (1 - b2**t)
        if rho > 5:
            r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
            p = p - lr * r * m * np.sqrt(1 - b2**t) / (np.sqrt(v) + eps)
        else:
            p = p - lr * m
        if t % 6 == 0:
            p = slow = slow + 0.5 * (p - slow)
    return p


@given(
    shape=st.sampled_from([(3,), (4, 3), (2, 3, 3, 3), (1, 5)]),
    steps=st.integers(1, 20),
    lr=st.sampled_from([1e-3, 0.05, 0.5]),
    decay=st.sampled_from([0.0, 0.02]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_steps_are_those_of_the_papers(shape, steps, lr, decay, seed):
    rng = np.random.default_rng(seed)
    start, gradients = rng.standard_normal(shape), rng.standard_normal((steps, *shape))
    weight = torch.tensor(start, requires_grad=True)
    ranger = Ranger([weight], lr=lr, weight_decay=decay)
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        ranger.step()
    assert np.allclose(weight.detach().numpy(), literal(start, gradients, lr, decay), rtol=1e-9, atol=1e-9)


def test_the_first_five_steps_are_plain():
    assert [stride(step, 0.95, 0.999)[1] for step in range(1, 9)] == [False] * 5 + [True] * 3
    assert stride(1, 0.95, 0.999)[0] == pytest.approx(1 / 0.05)
    assert stride(100_000, 0.95, 0.999)[0] == pytest.approx(1)  # as Adam's, in the end


def test_weights_without_a_gradient_stay_and_gradients_are_not_changed():
    still, moved = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    moved.grad = torch.arange(6.0).reshape(2, 3)
    ranger = Ranger([still, moved], lr=0.1)
    assert ranger.step(lambda: 7) == 7
    assert torch.equal(still, torch.ones(2, 3)) and still not in ranger.state
    assert torch.equal(moved.grad, torch.arange(6.0).reshape(2, 3)) and not torch.equal(moved, torch.ones(2, 3))


def advance(folder, stop):
    """Learn a fixed function in `folder` from where it stands to step `stop`."""
    rng = torch.Generator().manual_seed(0)
    model = nn.Linear(6, 2)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=rng))
    run = Run(launch(RunOptions()), folder, total=16, batch=4)
    learner = run.learner(model, Ranger(model.parameters(), lr=0.05), memory=24, warmup=3)
    run.resume("auto")
    while run.step < stop:
        run.step += 1
        x = torch.randn(4, 6, generator=run.generator(1))
        learner.learn((learner.network(x) - x[:, :2].sin()).square().mean())
    run.save()
    return learner.state()


@pytest.mark.parametrize("stop", [1, 6, 8])
def test_stopped_and_resumed_equals_never_stopped(tmp_path, stop):
    """Before, at and after a look ahead."""
    whole, groups = advance(tmp_path / "whole", 16)
    halfway = advance(tmp_path / "parts", stop)[0]
    parts, others = advance(tmp_path / "parts", 16)
    assert groups == others and whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert not torch.equal(halfway["network.weight"], whole["network.weight"])
    assert whole["optimizer.0.step"] == 16 and {"optimizer.0.slow", "optimizer.1.exp_avg_sq"} <= whole.keys()
