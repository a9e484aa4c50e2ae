"""The recipe `identity`: its loss against the paper, its people, and that stopped and resumed equals never stopped."""

import itertools
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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mien.data import gradients, portraits, sitters
from mien.data.crops import open_crops
from mien.data.identities import People
from mien.data.portraits import Layer
from mien.errors import WeightsError
from mien.faces.align import five_points
from mien.faces.identity import Recognizer
from mien.faces.templates import arcface_square
from mien.geometry import head
from mien.nn.irse import IRSE
from mien.recipes.identity import IdentityConfig, Looks, both_ways, discriminants, margin_loss, shown, train
from mien.training import RunOptions

SMALL = IdentityConfig(data=None, drawn=6, size=32, width=4, code=8, batch=4, steps=4, settled=8, options=RunOptions(workers=0, every=2))


@pytest.fixture(scope="module")
def people():
    """Four drawn heads."""
    return sitters.drawn(4, 3)


def test_the_loss_is_the_papers():
    angles = torch.tensor([[0.4, 1.2, 2.0], [1.9, 0.3, 1.0]], dtype=torch.float64)
    who = torch.tensor([0, 2])
    moved = angles.clone()
    moved[[0, 1], who] += 0.5
    logits = 64.0 * moved.cos()
    expected = -(logits[[0, 1], who] - logits.logsumexp(1)).mean()
    assert float(margin_loss(angles.cos().float(), who, scale=64.0, margin=0.5)) == pytest.approx(float(expected), rel=1e-4)


def test_the_loss_always_falls_with_the_cosine_of_the_own_person():
    cosines = torch.linspace(-0.999, 0.999, 400)
    losses = [float(margin_loss(torch.tensor([[c, 0.0]]), torch.tensor([0]), scale=8.0, margin=0.5)) for c in cosines]
    assert all(a > b for a, b in itertools.pairwise(losses))
    hardest = torch.tensor([[-math.cos(0.5), 1.0, -1.0]], requires_grad=True)
    margin_loss(hardest, torch.tensor([1]), scale=8.0, margin=0.5).backward()
    assert bool(hardest.grad.isfinite().all())


def test_the_loss_both_ways_asks_for_the_other_code_of_the_same_person():
    codes = torch.nn.functional.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    same, right = both_ways(codes, codes, scale=16.0, margin=0.2)
    other, wrong = both_ways(codes, codes.roll(1, 0), scale=16.0, margin=0.2)
    assert (float(right), float(wrong)) == (1.0, 0.0)
    assert float(same) < 1 < float(other)


def test_discriminants_are_fishers():
    """Against scikit-learn's: with two pictures of each person its within-class scatter is that of half their differences."""
    draw = np.random.default_rng(0)
    who = draw.normal(size=(400, 1, 6)) * (3, 2, 1, 0.5, 0.2, 0.1)
    features = who + draw.normal(size=(400, 2, 6)) @ draw.normal(size=(6, 6))
    weight, mean = discriminants(torch.from_numpy(features), 3, ridge=0.0)
    assert mean.numpy() == pytest.approx(features.mean((0, 1)), abs=1e-5)
    truth = LinearDiscriminantAnalysis(solver="eigen").fit(features.reshape(800, 6), np.arange(400).repeat(2)).scalings_[:, :3]
    cosines = np.abs(weight.numpy() @ truth) / np.linalg.norm(weight.numpy(), axis=1)[:, None] / np.linalg.norm(truth, axis=0)
    assert np.sort(cosines, axis=1)[:, -1] == pytest.approx(1, abs=2e-2)
    apart = (features[:, 0] - features[:, 1]) @ weight.numpy().T / np.sqrt(2)
    assert np.cov(apart.T) == pytest.approx(np.eye(3), abs=1e-3)


def test_a_concluded_network_makes_codes_by_the_map_it_was_given():
    network, draw = IRSE(32, (1, 1, 1, 1), (4, 8, 16, 32), 6), torch.Generator().manual_seed(0)
    pictures = torch.rand(3, 3, 32, 32, generator=draw) * 2 - 1
    with torch.inference_mode():
        features = network.eval().features(pictures)
        weight, mean = torch.randn(6, features.shape[1], generator=draw), torch.randn(features.shape[1], generator=draw)
        network.conclude(weight, mean)
        expected = torch.nn.functional.normalize((features - mean) @ weight.T)
        assert network(pictures).numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_oriented_gradients_know_directions_and_not_the_light():
    step = np.zeros((gradients.SIZE, gradients.SIZE, 3), np.uint8)
    step[:, gradients.SIZE // 2 :] = 100
    seen = gradients.oriented(step).reshape(8, 11, 11)
    assert seen[0, 5, 5] > 0.9 > 0.1 > seen[1:, 5, 5].max(), "brighter to the right"
    turned = gradients.oriented(np.ascontiguousarray(step.swapaxes(0, 1))).reshape(8, 11, 11)
    assert turned[2, 5, 5] > 0.9, "brighter downwards"
    assert gradients.oriented(step * 2) == pytest.approx(seen.ravel(), abs=1e-2)


def test_looks_are_directions_of_people(people):
    looks = Looks(people.described, 12)
    told = looks(torch.from_numpy(people.described))
    assert told.shape == (4, 12) and told.norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    cosines = (told @ told.T).numpy()
    assert cosines[~np.eye(4, dtype=bool)].max() < 0.5, "four people about their mean look apart"


def test_drawn_sitters_face_us_at_rest(people):
    assert people.pictures.shape == (4, sitters.SIZE, sitters.SIZE, 3) and people.landmarks.shape == people.rested.shape == (4, 468, 3)
    mean = head.bundled().landmarks(head.bundled().mean).numpy()
    away = np.linalg.norm(people.rested - mean, axis=2).mean(axis=1)
    assert away.max() < 1.0, "cm; a head lies on the mean head, however it was turned"
    assert not np.array_equal(people.rested[0], people.rested[1])
    assert np.array_equal(people.pictures, sitters.drawn(4, 3).pictures)
    assert len(people.with_others(people)) == 8


def test_a_portrait_shows_each_place_of_the_face_where_the_face_went(people):
    """Painted from a picture whose colours are places on the head, a portrait says what is seen of it."""
    landmarks = people.landmarks[0]
    chart = np.zeros_like(people.pictures[0])
    nose, eye = landmarks[1, :2], landmarks[[33, 133], :2].mean(axis=0)
    y, x = np.mgrid[: sitters.SIZE, : sitters.SIZE]
    for channel, (u, v) in ((0, nose), (1, eye)):
        chart[np.hypot(x - u, y - v) < 5, channel] = 255
    five = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]]) / 2  # on the crop of 56 pixels
    shifts = []
    for seed in range(6):
        portrait = portraits.paint([Layer(chart, landmarks, 1.0)], people.rested[0], 56, np.random.default_rng(seed))
        assert portrait.inner[28, 28] == pytest.approx(1) and portrait.inner.min() >= 0 and portrait.covered.mean() > 0.6
        for channel, expected in ((0, five[2]), (1, five[0])):
            light = portrait.rgb[..., channel]
            found = np.array([(light * axis).sum() for axis in np.mgrid[:56, :56][::-1]]) / light.sum()
            assert np.linalg.norm(found - expected) < (12 if channel == 0 else 5), (seed, channel)
            shifts.append(found - expected)
    assert np.std(shifts) > 0.3, "no two portraits are the same"


def test_people_are_the_same_in_every_run_and_their_pictures_differ(people):
    endless = People(people, 48, seed=3)
    (pair, described), (again, _) = endless[7], People(people, 48, seed=3)[7]
    assert torch.equal(pair, again) and pair.shape == (2, 3, 48, 48) and described.shape == people.described[0].shape
    assert float(pair.min()) >= -1 and float(pair.max()) <= 1
    assert not torch.equal(pair[0], pair[1])
    assert not torch.equal(pair, endless[8][0]) and not torch.equal(pair, People(people, 48, seed=4)[7][0])


@pytest.mark.parametrize("workers", [0, 2])
def test_stopped_and_resumed_equals_never_stopped(tmp_path, workers):
    options = replace(SMALL.options, workers=workers)
    whole = train(replace(SMALL, out=tmp_path / "whole", options=options))
    parts = replace(SMALL, out=tmp_path / "parts", options=options)
    train(parts)
    (tmp_path / "parts" / "step-00000004.ckpt").unlink()
    (tmp_path / "parts" / "identity.safetensors").unlink()
    resumed = train(parts)
    one, other = load_file(tmp_path / "whole" / "step-00000004.ckpt"), load_file(tmp_path / "parts" / "step-00000004.ckpt")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    first, second = load_file(whole), load_file(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    before = load_file(tmp_path / "parts" / "step-00000002.ckpt")
    assert not torch.equal(before["network.network.input_layer.0.weight"], one["network.network.input_layer.0.weight"]), (
        "the comparison can fail"
    )


def test_samples_are_threes_of_a_picture_its_other_one_and_somebody_else(people):
    endless, network = People(people, 32, seed=3), IRSE(32, (1, 1, 1, 1), (4, 8, 16, 32), 6).eval()
    threes = shown(network, endless, 5)
    pictures = torch.stack([endless[number][0] for number in range(5)]) / 2 + 0.5
    assert torch.equal(threes[0::3], pictures[:, 0]) and torch.equal(threes[1::3], pictures[:, 1])
    with torch.no_grad():
        cosines = network(pictures[:, 0] * 2 - 1) @ network(pictures[:, 1] * 2 - 1).T
    for number, stranger in enumerate(threes[2::3]):
        taken = [other for other in range(5) if torch.equal(stranger, pictures[other, 1])]
        assert taken == [max((other for other in range(5) if other != number), key=lambda other: float(cosines[number, other]))]


def test_it_trains_from_the_command_line_on_two_devices(tmp_path):
    small = "--drawn 4 --size 32 --width 4 --code 8 --batch 2 --steps 2 --settled 8 --workers 0 --every 1 --precision 32-true"
    words = [sys.executable, "-m", "mien", "train", "identity", *small.split(), "--devices", "2", "--out", str(tmp_path)]
    env = {name: value for name, value in os.environ.items() if name != "MIEN_DATA"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(load_file(tmp_path / "step-00000002.ckpt")["random"]) == 2  # a state of each process
    told = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["images"]) for line in told if "auc" in line] == [(1, 4), (2, 8)]
    assert len(list((tmp_path / "samples").iterdir())) == 2
    assert Recognizer(tmp_path / "identity.safetensors").name == "identity, IR-SE-18 of 32 px"


def test_what_is_trained_is_a_recognizer(tmp_path):
    network = Recognizer(train(replace(SMALL, out=tmp_path, steps=2)))
    assert network.name == "identity, IR-SE-18 of 32 px"
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    codes = network.codes(crops)
    assert codes.shape == (3, 8) and np.linalg.norm(codes, axis=1) == pytest.approx(1)
    assert codes[1:2] == pytest.approx(network.codes(crops[1:2]), abs=1e-5)
    with pytest.raises(WeightsError, match="take the aligned crop"):
        network.compatible_codes(crops)


@pytest.mark.data
def test_photographed_sitters_keep_to_their_split(data, tmp_path):
    known = open_crops(data / "sfhq_128.npz")
    few = [*known.where(split="train")[:3].tolist(), *known.where(split="val")[:2].tolist()]
    write_crops(tmp_path / "few.npz", known, few)
    learn, check = (sitters.photographed(tmp_path / "few.npz", split) for split in ("train", "val"))
    assert (len(learn), len(check)) == (3, 2)
    assert np.array_equal(learn.pictures[0], known[few[0]])
    apart = np.linalg.norm(five_points(learn.landmarks[0].astype(float)) - known.points[few[0]], axis=1)
    assert apart.max() < 0.1 * sitters.SIZE
    square = arcface_square(five_points(learn.landmarks[0].astype(float)))
    assert 0.8 * 64 < square.half < 1.4 * 64, "the crop of a network is in the picture, or nearly"


def write_crops(path, known, indices):
    """A crop set of some pictures of another."""
    jpegs = [known.jpegs[i] for i in indices]
    names = ["train", "val", "test"]
    np.savez(
        path,
        jpeg_bytes=np.concatenate(jpegs),
        jpeg_offset=np.cumsum([0, *map(len, jpegs)]),
        label=np.full(len(jpegs), -1, np.int8),
        label_names=np.array(["none"]),
        landmarks5=known.points[indices],
        split=np.array([names.index(known.splits[i]) for i in indices], np.uint8),
        split_names=np.array(names),
        subject=np.array([known.subjects[i] for i in indices]),
    )
