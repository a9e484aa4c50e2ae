"""The recipe `e4e`: its stages, what each network learns, that stopped equals never stopped, and what it leaves."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien import images, weights
from mien.errors import DataError, UsageError, WeightsError
from mien.faces.identity import KIND
from mien.inversion import Networks, invert
from mien.losses import reconstruction
from mien.losses.codes import Critic
from mien.nn import encoders, stylegan2
from mien.nn.irse import IRSE
from mien.nn.stylegan2 import Generator, initialise
from mien.recipes import e4e
from mien.recipes.e4e import E4EConfig, Lesson, train
from mien.training import Ranger, Run, RunOptions, constant, launch


def written(path, rows_code=8):
    """A generator of 32 pixels in a weight file."""
    network = Generator((6, 6, 6, 4), code=rows_code, depth=2)
    initialise(network, torch.Generator().manual_seed(0))
    mean = network.map(torch.randn(200, rows_code, generator=torch.Generator().manual_seed(1))).mean(0)
    tensors = {f"generator.{name}": tensor for name, tensor in network.state_dict().items()} | {stylegan2.MEAN: mean}
    weights.save(path, tensors, {"kind": stylegan2.KIND, "generator": network.config})
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A generator, and pictures of one colour each, lit from the left."""
    where, draw = tmp_path_factory.mktemp("e4e"), np.random.default_rng(0)
    written(where / "generator.safetensors")
    light = np.linspace(0.3, 1, 40)[None, :, None]
    for number in range(6):
        images.write((draw.uniform(80, 255, 3) * light * np.ones((40, 1, 1))).astype(np.uint8), where / "pictures" / f"{number}.png")
    return where


@pytest.fixture
def small(folder, tmp_path):
    """Options of a run of seconds."""
    return E4EConfig(
        data=folder / "pictures", out=tmp_path / "run", generator=folder / "generator.safetensors", body="ir-se-18", width=2, steps=4,
        single=1, row_every=1, batch=2, pool=4, r1_every=2, seeing="identity", options=RunOptions(workers=0, every=2),
    )  # fmt: skip


def lesson(config):
    """One about to begin, with an encoder that learns fast."""
    stored = weights.load(config.generator)
    generator = stylegan2.generator(stored).requires_grad_(False)
    network = e4e._begun(config, generator, stylegan2.mean_code(stored))
    run = Run(launch(config.options), config.out, total=config.steps, batch=config.batch)
    learner = run.learner(network, Ranger(network.parameters(), lr=3e-3), memory=10.0, warmup=1, schedule=constant, wrapped=False)
    critic = Critic(generator.code, config.pool)
    taught = run.learner(critic, torch.optim.Adam(critic.parameters(), 1e-3), name="critic", warmup=1, schedule=constant, wrapped=False)
    return Lesson(config, run, learner, taught, generator, reconstruction.installed("identity"))


def pictures(count=2):
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(4)) * 2 - 1


def test_stages_are_the_published_ones():
    config = E4EConfig()
    assert [config.stage(step, 18) for step in (1, 20_000, 20_001, 22_000, 22_001, 52_000, 52_001, 200_000)] == [0, 0, 1, 1, 2, 16, 17, 17]
    assert replace(config, kind="psp").stage(1, 18) is None


def test_rows_that_have_not_learned_are_the_first_and_the_code_begins_at_the_mean(small):
    known, mean = lesson(small), stylegan2.mean_code(weights.load(small.generator))
    network = known.encoder.network.eval()
    with torch.no_grad():
        codes, first = network(pictures()), network.encoder(pictures(), 0)
        assert torch.allclose(codes - network.latent_avg, first, atol=1e-6) and first.abs().max() > 0
        assert torch.equal(codes[:, 0] - mean, codes[:, 7] - mean)
    assert torch.equal(network.latent_avg, mean.expand(8, -1))
    other = e4e._begun(replace(small, kind="psp"), known.generator, mean).eval()
    with torch.no_grad():
        rows = other(pictures())
    assert not torch.equal(rows[:, 0], rows[:, 1])


def test_the_encoder_learns_and_nobody_else_moves(small):
    known = lesson(replace(small, critic=0.5))
    before = [{name: value.clone() for name, value in each.state_dict().items()} for each in (known.generator, known.measure)]
    told = []
    for step in range(1, 25):
        known.run.step = step
        told.append(known.step(pictures(), known.run.generator(0)))
    for each, state in zip((known.generator, known.measure), before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in each.state_dict().items())
        assert all(parameter.grad is None for parameter in each.parameters())
    assert float(told[-1]["perceptual"]) < 0.9 * float(told[0]["perceptual"])
    assert [one["stage"] for one in told[:9]] == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert float(told[0]["deltas"]) < 1e-4 < float(told[-1]["deltas"]), "rows part once they may"
    assert float(told[-1]["critic_loss"]) < float(told[0]["critic_loss"]), "the critic learns to tell"


def test_a_row_learns_once_it_is_its_turn(small):
    known = lesson(small)
    heads = known.encoder.network.encoder.styles
    start = [head.linear.weight.clone() for head in heads]
    known.run.step = 2  # the second row's turn
    known.step(pictures(), known.run.generator(0))
    assert [torch.equal(head.linear.weight, weight) for head, weight in zip(heads, start, strict=True)] == [False, False] + [True] * 6


def test_the_critic_and_the_encoder_do_not_teach_each_other_by_mistake(small, monkeypatch):
    """The critic learns from codes without moving what made them, and is told nothing by the encoder's loss."""
    known = lesson(replace(small, critic=1.0, colours=0.0, perceptual=0.0, identity=0.0, deltas=0.0, r1_every=2))
    known.run.step = 2
    asked = []
    monkeypatch.setattr(
        known.critic, "learn", lambda loss, **_: asked.append(torch.autograd.grad(loss, next(known.critic.network.judge.parameters())))
    )
    judge = {name: value.clone() for name, value in known.critic.network.judge.state_dict().items()}
    encoder = known.encoder.network.encoder.styles[0].linear.weight.clone()
    known.step(pictures(), known.run.generator(0))
    assert len(asked) == 1 and asked[0][0].abs().max() > 0
    assert all(torch.equal(value, judge[name]) for name, value in known.critic.network.judge.state_dict().items())
    assert all(parameter.grad is None for parameter in known.critic.network.parameters())
    assert not torch.equal(known.encoder.network.encoder.styles[0].linear.weight, encoder), "it is to pass for a code of the generator"
    known.run.step = 3
    known.step(pictures(), known.run.generator(0))
    assert len(asked) == 3, "R1 has its turn"


def process(config):
    """As in a process of its own: what is random for all begins alike."""
    with torch.random.fork_rng(devices=()):
        torch.random.default_generator.manual_seed(0)
        return train(config)


def test_stopped_and_resumed_equals_never_stopped(small, tmp_path):
    whole = process(replace(small, out=tmp_path / "whole"))
    parts = replace(small, out=tmp_path / "parts")
    process(parts)
    for name in ("step-00000004.ckpt", "e4e.safetensors"):
        (tmp_path / "parts" / name).unlink()
    resumed = process(parts)
    one, other = (load_file(tmp_path / name / "step-00000004.ckpt") for name in ("whole", "parts"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert int(one["critic.network.found.held"]) == 4 and one["critic.network.found.codes"].abs().max() > 0
    first, second = load_file(whole), load_file(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    before = load_file(tmp_path / "parts" / "step-00000002.ckpt")
    assert any(not torch.equal(before[name], one[name]) for name in before), "the comparison can fail"


def test_what_is_trained_inverts_pictures(small, capsys):
    path = train(small)
    assert "seeing by grids of identity" in capsys.readouterr().err
    stored = weights.load(path)
    assert "single = 1" in stored.recipe and "generator =" not in stored.recipe
    network, generator = encoders.of(stored), stylegan2.generator(weights.load(small.generator))
    assert stored.made_for == stylegan2.fingerprint(generator) == weights.made_for(path)
    found = invert(pictures(1), Networks(generator, network, torch.zeros(8)))
    assert found.code.shape == (1, 8, 8) and found.quality.psnr > 0
    told = {name: value for line in (small.out / "metrics.jsonl").read_text().splitlines() for name, value in json.loads(line).items()}
    assert {"val_psnr", "val_perceptual", "val_identity", "val_consistency", "stage", "critic_loss", "deltas"} <= told.keys()
    assert told["val_consistency"] > 0 and told["stage"] == 3
    sheet = images.read(small.out / "samples" / "faces-00000004.png").rgb
    assert sheet.shape == (64, 6 * 32, 3), "six pictures, what is drawn of each below"
    shown = images.read(small.data / "0.png").rgb.reshape(-1, 3).mean(0)
    assert np.abs(sheet[:32, :32].reshape(-1, 3).mean(0) - shown).max() < 2


@pytest.mark.parametrize("kind", ["psp", "psp-w"])
def test_other_encoders_learn_without_stages(small, kind):
    path = train(replace(small, kind=kind, steps=2))
    assert path.name == f"{kind}.safetensors" and encoders.of(weights.load(path)).config["kind"] == kind
    told = json.loads((small.out / "metrics.jsonl").read_text().splitlines()[0])
    assert "colours" in told and not {"stage", "deltas", "critic"} & told.keys()


def test_it_goes_on_from_an_encoder_with_all_rows(small, tmp_path):
    first = train(small)
    on = replace(small, start=first, out=tmp_path / "on", single=100, body="ir-se-50")
    assert on.stage(1, 8) == 7
    known = lesson(on)
    assert known.encoder.network.config == encoders.of(weights.load(first)).config, "its shape is the file's"
    told = load_file(first)
    assert all(torch.equal(value, told[name]) for name, value in known.encoder.network.state_dict().items())
    train(replace(on, body="ir-se-18", steps=2))
    with pytest.raises(DataError, match=r"cannot go on with start not given, which was .*e4e.safetensors"):
        train(replace(on, body="ir-se-18", start=None))
    with pytest.raises(UsageError, match=r"is e4e with codes of 8 x 8, not as wanted --kind psp and codes of 8 x 8"):
        train(replace(on, kind="psp"))
    with pytest.raises(UsageError, match="codes of 8 x 6"):
        train(replace(on, generator=written(tmp_path / "other.safetensors", 6)))


def test_it_begins_with_the_body_of_a_network_for_identity(small, tmp_path):
    network = IRSE(size=16, units=(1, 1, 2, 1), widths=(2, 4, 6, 8), code=8)
    weights.save(tmp_path / "arcface.safetensors", network.state_dict(), {"kind": KIND, **network.config})
    known = lesson(replace(small, start=tmp_path / "arcface.safetensors"))
    encoder = known.encoder.network.encoder
    assert torch.equal(encoder.body[3].res_layer[1].weight, network.body[3].res_layer[1].weight) and len(encoder.body) == 5
    assert known.config.stage(1, 8) == 0
    with pytest.raises(WeightsError):
        lesson(replace(small, start=small.generator))


def test_two_processes_train_one_encoder(small, tmp_path):
    words = {"data": small.data, "generator": small.generator, "body": "ir-se-18", "width": 2, "steps": 3, "single": 1, "row-every": 1}
    words |= {"seeing": "identity", "devices": 2, "batch": 1, "workers": 0, "every": 3, "out": "run"}
    (tmp_path / "start.py").write_text("from mien.cli import main\nmain()\n")  # a file: the second process starts with its name
    line = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "start.py", "train", "e4e", *line]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [one["images"] for one in told] == [6, 6] and told[0]["stage"] == 2
    assert encoders.of(weights.load(tmp_path / "run" / "e4e.safetensors")).config["widths"] == [2, 4, 8, 16]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": 48}, "size = 48 is not allowed: a power of two from 32"),
        ({"size": 16}, "size = 16 is not allowed: a power of two from 32"),
        ({"row_every": 0}, "row_every = 0 is not allowed: at least 1"),
        ({"pool": -1}, "pool = -1 is not allowed: at least 0"),
    ],
)
def test_what_cannot_be_trained_is_refused(small, wrong, says):
    with pytest.raises(UsageError, match=says):
        replace(small, **wrong)


def test_a_network_that_is_not_there_is_refused(small, tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="No LPIPS"):
        train(replace(small, seeing="lpips"))
