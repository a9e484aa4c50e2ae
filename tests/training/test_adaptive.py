"""The strength of an augmentation follows what the discriminator says of real pictures, and goes on exactly where a run was stopped."""

import pytest
import torch
from torch import nn

from mien.nn.ada import augmented
from mien.training import AdaptiveStrength, Run, RunOptions, launch


@pytest.fixture
def run(tmp_path):
    return Run(launch(RunOptions()), tmp_path, total=100, batch=8)


def after(run, strength, shares):
    """The strength after steps in which these shares of 8 real pictures were scored above 0."""
    seen = []
    for share in shares:
        run.step += 1
        scores = torch.where(torch.arange(8) < share * 8, 2.5, -0.1)
        assert strength.see(scores) == pytest.approx(2 * share - 1)
        seen.append(strength.p)
    return seen


def test_it_rises_while_the_discriminator_overfits_and_falls_while_it_does_not(run):
    strength = AdaptiveStrength(run, every=1, swing=80)
    assert strength.p == 0
    assert after(run, strength, [1, 1, 1, 0.5, 0.75, 1]) == pytest.approx([0.1, 0.2, 0.3, 0.2, 0.1, 0.2])  # r: 1, 1, 1, 0, 0.5, 1


def test_it_changes_every_so_many_steps_and_no_oftener(run):
    strength = AdaptiveStrength(run, every=3, swing=240)
    assert after(run, strength, [1] * 7) == pytest.approx([0, 0, 0.1, 0.1, 0.1, 0.2, 0.2])


def test_it_goes_by_the_mean_since_the_last_change(run):
    strength = AdaptiveStrength(run, every=2, swing=160)
    assert after(run, strength, [1, 0.5, 1, 0.75, 0.5, 1]) == pytest.approx([0, 0, 0, 0.1, 0.1, 0])  # mean r: 0.5, 0.75, 0.5


def test_it_stays_a_probability(run):
    strength = AdaptiveStrength(run, every=1, swing=12)
    assert after(run, strength, [0, 1, 1, 1, 0, 0]) == pytest.approx([0, 8 / 12, 1, 1, 4 / 12, 0])


def test_half_a_million_pictures_make_the_whole_swing(run):
    strength = AdaptiveStrength(run)
    run.step = 4
    strength.see(torch.ones(5000))
    assert strength.p == pytest.approx(0.01)


def train(folder, stop):
    """A discriminator that learns its pictures by heart, to step `stop` of 24."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 1), nn.Flatten(0))
    run = Run(launch(RunOptions()), folder, total=24, batch=4)
    learner = run.learner(network, torch.optim.AdamW(network.parameters(), lr=0.1), warmup=1)
    strength = AdaptiveStrength(run, target=0.3, every=3, swing=48)
    run.resume("auto")
    pictures = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    heard = []
    for _ in run.steps(range(run.step, stop), what="test"):
        scores = learner.network(augmented(pictures, strength.p, run.generator(7), kinds="bgcfn"))
        heard.append(strength.see(scores))
        learner.learn(nn.functional.softplus(-scores).mean())
        if run.step % 5 == 0:  # between two changes
            run.save()
    return learner.network.state_dict(), run.numbers, heard


def test_stopped_and_resumed_equals_never_stopped(tmp_path):
    whole, numbers, heard = train(tmp_path / "whole", 24)
    assert numbers["augmentation"] > 0 and len(set(heard)) > 2
    train(tmp_path / "parts", 17)  # the last checkpoint is of step 15
    parts, again, _ = train(tmp_path / "parts", 24)
    assert numbers == again and all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_step_draws_the_same_in_every_run_and_other_steps_and_seeds_draw_others(run):
    def draw(step, seed):
        run.step = step
        return torch.rand(4, generator=run.generator(seed)).tolist()

    assert draw(3, 0) == draw(3, 0)
    assert len({tuple(draw(step, seed)) for step in range(5) for seed in range(3)}) == 15
