"""The recipe `stylegan2`: its terms, its clock, that stopped equals never stopped, and what it leaves."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien import images, weights
from mien.data.crops import open_crops
from mien.data.squares import middle, open_squares
from mien.errors import DataError, UsageError
from mien.generators.stylegan import StyleGAN
from mien.metrics import frechet
from mien.metrics.features import LandmarkCode
from mien.metrics.underway import Underway
from mien.nn import stylegan2
from mien.nn.stylegan2 import Generator, losses
from mien.recipes.stylegan2 import Contest, StyleGAN2Config, lazy_adam, sampled, train
from mien.training import AdaptiveStrength, Run, RunOptions, constant, launch

COUNT = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of one colour each, lit from the left."""
    where, draw = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    light = np.linspace(0.3, 1, 24)[None, :, None]
    for number in range(COUNT):
        images.write((draw.uniform(80, 255, 3) * light * np.ones((20, 1, 1))).astype(np.uint8), where / f"{number}.png")
    return where


@pytest.fixture(scope="module")
def small(folder):
    """Options of a run of seconds."""
    return StyleGAN2Config(
        data=folder, size=8, most=6, code=8, depth=2, steps=6, batch=4, r1_every=4, ada_every=2, ada_images=64, ada_target=-2.0,
        fid_every=6, fid_pictures=6, fid_features="landmarks", options=RunOptions(workers=0, every=3),
    )  # fmt: skip


def contest(config, where):
    """A contest about to begin; every number of both networks is off its start."""
    draw = torch.Generator().manual_seed(1)
    both = Generator([6, 6], config.code, config.depth), stylegan2.Discriminator([6, 6])
    run = Run(launch(config.options), where, total=config.steps, batch=config.batch)
    for network in both:
        stylegan2.initialise(network, draw)
    maker, judge = (
        run.learner(network, lazy_adam(network, config.rate, 4), name=name, memory=memory, warmup=1, schedule=constant, wrapped=False)
        for network, name, memory in zip(both, ("maker", "judge"), (40.0, 0.0), strict=True)
    )
    return Contest(config, run, maker, judge, AdaptiveStrength(run, target=config.ada_target, every=1, swing=64))


def test_r1_and_path_lengths_of_linear_networks_are_known():
    """A linear judge's gradient is its weight; a linear maker's is its matrix, whatever the picture."""
    draw = torch.Generator().manual_seed(0)
    weight, matrix = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in ((3 * 16,), (5 * 2, 3 * 16)))
    pictures = torch.randn(4, 3, 4, 4, generator=draw, dtype=torch.float64).requires_grad_()
    assert losses.r1((pictures.flatten(1) @ weight)[:, None], pictures).item() == pytest.approx(float(weight.square().sum()))
    codes = torch.randn(4, 2, 5, generator=draw, dtype=torch.float64).requires_grad_()
    made, noise = (codes.flatten(1) @ matrix).unflatten(1, (3, 4, 4)), torch.randn(4, 3, 4, 4, generator=draw, dtype=torch.float64)
    moved = (noise.flatten(1) @ matrix.T / math.sqrt(16)).unflatten(1, (2, 5))
    lengths = losses.path_lengths(made, codes, noise)
    assert lengths.detach().numpy() == pytest.approx(np.sqrt((moved.numpy() ** 2).sum(2).mean(1)))
    penalty, mean = losses.path_penalty(lengths, torch.tensor(2.0, dtype=torch.float64))
    assert float(mean) == pytest.approx(0.99 * 2 + 0.01 * float(lengths.mean()))
    assert float(penalty) == pytest.approx(float((lengths - mean).square().mean()))


def test_the_losses_are_the_logs_of_probabilities():
    real, made = torch.tensor([[1.5], [-0.3]]), torch.tensor([[0.2], [-2.0]])
    known, taken = -torch.sigmoid(real).log().mean(), -torch.sigmoid(made).log().mean()
    caught = -(1 - torch.sigmoid(made)).log().mean()
    assert float(losses.discriminator_loss(real, made)) == pytest.approx(float(known + caught))
    assert float(losses.generator_loss(made)) == pytest.approx(float(taken))


def test_adam_makes_up_for_the_lazy_steps():
    (group,) = lazy_adam(torch.nn.Linear(2, 2), 0.002, 16).param_groups
    assert group["lr"] == pytest.approx(0.002 * 16 / 17) and group["betas"] == pytest.approx((0.0, 0.99 ** (16 / 17)))


def test_styles_are_mixed_for_as_many_as_asked(small, tmp_path):
    for share, low, high in ((0.0, 0, 0), (0.9, 170, 190), (1.0, 200, 200)):
        codes = contest(replace(small, mixing=share), tmp_path).codes(200, torch.Generator().manual_seed(0)).detach()
        assert codes.shape == (200, 4, 8)
        mixed = (codes[:, 0] != codes[:, -1]).any(1)
        assert low <= int(mixed.sum()) <= high
        changes = (codes[:, 1:] != codes[:, :-1]).any(2).sum(1)
        assert torch.equal(changes, mixed.long()), "a code changes once"


def test_lazy_terms_come_at_their_steps_and_the_average_follows_once(small, tmp_path, monkeypatch):
    known = contest(small, tmp_path)
    told, followed = [], []
    monkeypatch.setattr(type(known.maker), "_follow", lambda learner: followed.append(known.run.step))
    for name in ("r1", "path_lengths"):
        term = getattr(losses, name)
        monkeypatch.setattr(losses, name, lambda *a, name=name, term=term: told.append((name, known.run.step, len(a[0]))) or term(*a))
    for step in range(1, 10):
        known.run.step = step
        draws = known.run.generator(0)
        known.teach_judge(torch.zeros(4, 3, 8, 8), draws)
        known.teach_maker(draws)
    assert [(step, count) for name, step, count in told if name == "r1"] == [(1, 4), (5, 4), (9, 4)]
    assert [(step, count) for name, step, count in told if name == "path_lengths"] == [(1, 2), (5, 2), (9, 2)]
    assert followed == list(range(1, 10))


def test_what_the_maker_learns_from_does_not_move_the_judge(small, tmp_path):
    known = contest(small, tmp_path)
    known.run.step = 1
    judge, maker = ({k: v.clone() for k, v in learner.network.state_dict().items()} for learner in (known.judge, known.maker))
    known.teach_maker(known.run.generator(0))
    assert all(torch.equal(value, judge[name]) for name, value in known.judge.network.state_dict().items())
    assert not torch.equal(known.maker.network.conv1.conv.weight, maker["conv1.conv.weight"])
    assert all(parameter.requires_grad and parameter.grad is None for parameter in known.judge.network.parameters())


def test_stopped_and_resumed_equals_never_stopped(small, tmp_path):
    small = replace(small, options=replace(small.options, workers=2))
    whole = train(replace(small, out=tmp_path / "whole"))
    parts = replace(small, out=tmp_path / "parts")
    train(parts)
    for name in ("step-00000006.ckpt", "stylegan2.safetensors"):
        (tmp_path / "parts" / name).unlink()
    resumed = train(parts)
    one, other = (load_file(tmp_path / name / "step-00000006.ckpt") for name in ("whole", "parts"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    first, second = load_file(whole), load_file(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    before = load_file(tmp_path / "parts" / "step-00000003.ckpt")
    name = "generator.network.conv1.conv.weight"
    assert not torch.equal(before[name], one[name]), "the comparison can fail"
    lines = [[json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()] for run in ("whole", "parts")]
    for told in lines:
        for line in told:
            del line["time"]
    assert lines[0] == lines[1][-2:] and len(lines[0]) == 2


def test_what_is_trained_draws_the_pictures_that_were_sampled(small, tmp_path, capsys):
    path = train(replace(small, out=tmp_path))
    assert "on: mien landmark network, code of 256" in capsys.readouterr().err
    generator = StyleGAN(path)
    assert generator.size == 8 and generator.mean.shape == (8,)
    (picture,) = generator.sample([3])
    assert np.array_equal(picture, sampled(generator.network, 3))
    sheet = images.read(tmp_path / "samples" / "faces-00000006.png").rgb
    assert np.abs(sheet[:8, 24:32].astype(int) - picture).max() <= 1
    assert not np.array_equal(*generator.sample([0, 1]))
    told = {name: value for line in (tmp_path / "metrics.jsonl").read_text().splitlines() for name, value in json.loads(line).items()}
    assert told["p"] == 6 * 4 / 64 and told["fid"] > 0 and told["r1"] > 0 and told["path_length"] > 0
    assert stylegan2.discriminator(weights.load(path)).size == 8


def test_two_processes_train_one_pair(small, tmp_path):
    skipped = {"out", "options", "batch"}
    lines = (f"{name} = {json.dumps(value, default=str)}" for name, value in vars(small).items() if name not in skipped)
    (tmp_path / "small.toml").write_text("\n".join(lines))
    (tmp_path / "start.py").write_text("from mien.cli import main\nmain()\n")  # a file: the second process starts with its name
    options = {"config": "small.toml", "devices": 2, "batch": 2, "workers": 0, "every": 6, "out": "run"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "start.py", "train", "stylegan2", *words]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["images"] for line in told] == [24, 24] and told[0]["p"] == 24 / 64 and told[1]["fid"] > 0


def test_fid_underway_is_the_distance_of_the_two_sets():
    draw = np.random.default_rng(0)
    real, made = (draw.integers(0, high, (9, 16, 16, 3), dtype=np.uint8) for high in (256, 128))
    features = LandmarkCode()
    codes = [features.features(np.stack([features.prepared(rgb) for rgb in pictures])) for pictures in (real, made)]
    truth = frechet.gaussian_distance(*(part for code in codes for part in (code.mean(0), np.cov(code.T))))
    assert Underway(launch(RunOptions()), features, real.__getitem__, 9).fid(made.__getitem__, 9) == pytest.approx(truth, rel=1e-6)


def test_squares_come_once_a_round_and_half_of_them_mirrored(folder):
    squares, again = (open_squares(folder, 8, flips=True, seed=3) for _ in range(2))
    rounds = [[squares[number] for number in range(start, start + COUNT)] for start in (0, COUNT)]
    for samples in rounds:
        assert len({round(float(sample[:, :, [0, -1]].mean()), 4) for sample in samples}) == COUNT
    assert not all(torch.equal(a, b) for a, b in zip(*rounds, strict=True))
    assert torch.equal(again[COUNT + 3], rounds[1][3]), "a sample does not depend on those before"
    mirrored = sum(float(squares[number][0, 0, 0]) > float(squares[number][0, 0, -1]) for number in range(60))
    assert 15 < mirrored < 45
    assert not any(
        float(sample[0, 0, 0]) > float(sample[0, 0, -1])
        for sample in map(open_squares(folder, 8, flips=False, seed=3).__getitem__, range(20))
    )


def test_a_square_is_the_middle():
    wide = np.zeros((20, 24, 3), np.uint8)
    wide[:, 2:22] = 200
    assert middle(wide, 10).shape == (10, 10, 3) and (middle(wide, 10) == 200).all() and (middle(wide, 40) == 200).all()


@pytest.mark.data
def test_of_a_crop_set_the_training_split_is_taken(data):
    known = open_crops(data / "sfhq_128.npz")
    squares = open_squares(data / "sfhq_128.npz", 128, flips=False, seed=0)
    learned = known.where(split="train")
    assert len(squares) == len(learned)
    assert np.abs(squares.picture(5).astype(int) - known[int(learned[5])]).mean() < 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": 48}, "size = 48 is not allowed: a power of two"),
        ({"batch": 6}, "batch = 6 is not allowed: 1 to 4 or a multiple"),
        ({"r1_every": 0}, "r1_every = 0 is not allowed: at least 1"),
        ({"fid_pictures": 1}, "fid_pictures = 1 is not allowed: at least 2"),
    ],
)
def test_what_cannot_be_trained_is_refused(small, wrong, says):
    with pytest.raises(UsageError, match=says):
        replace(small, **wrong)


def test_no_pictures_are_refused(small, tmp_path):
    with pytest.raises(DataError, match="there is no such file or folder"):
        train(replace(small, data=tmp_path / "none", out=tmp_path))
