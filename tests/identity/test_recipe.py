"""The recipe `identity`: its loss against the paper, its people, and that stopped and resumed equals never stopped."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien.data.crops import open_crops
from mien.data.identities import People, photograph, photographed
from mien.errors import WeightsError
from mien.faces.identity import Recognizer
from mien.recipes.identity import IdentityConfig, margin_loss, train
from mien.training import RunOptions

SMALL = IdentityConfig(data=None, drawn=6, size=32, width=4, code=8, batch=4, steps=4, options=RunOptions(workers=0, every=2))


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


def test_a_sample_is_the_same_in_every_run_and_a_person_keeps_who_they_are():
    people = People(5, 48, seed=3)
    (picture, who), (again, _) = people[7], People(5, 48, seed=3)[7]
    assert torch.equal(picture, again) and picture.shape == (3, 48, 48)
    assert float(picture.min()) >= -1 and float(picture.max()) <= 1 and 0 <= int(who) < 5
    assert {int(people[i][1]) for i in range(40)} == set(range(5))
    own = [people.picture(0, np.random.default_rng(i)).mean((1, 2)) for i in range(2)]
    assert not torch.equal(*own), "no two pictures of a person are the same"
    assert not torch.equal(people.picture(0, np.random.default_rng(0)), people.picture(1, np.random.default_rng(0)))


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
    assert not torch.equal(before["network.network.centres"], one["network.network.centres"]), "the comparison can fail"


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
@pytest.mark.slow
def test_photographed_people_have_several_pictures_and_keep_to_their_split(data, tmp_path):
    known = open_crops(data / "sfhq_256.npz")
    few = [*known.where(split="train")[:3], *known.where(split="val")[:2]]
    path = tmp_path / "few.npz"
    write_crops(path, known, few)
    photograph(path, tmp_path / "faces", each=2, workers=1)
    train_people, val_people = (photographed(path, tmp_path / "faces", split) for split in ("train", "val"))
    assert [len(p) for p in train_people.pictures] == [2, 2, 2] and len(val_people.pictures) == 2
    people = People(2, 32, 0, train_people)
    assert (people.count, people.photos) == (5, 3)
    assert people.picture(0, np.random.default_rng(1)).shape == (3, 32, 32)
    photograph(path, tmp_path / "faces", each=2, workers=1)


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
