"""The recipe `clip` on a few drawn heads: its losses by hand, and a file that is used as the one that ships."""

import json

import pytest
import torch
from torch.nn import functional as F

from mien import text, weights
from mien.data import captions
from mien.losses import clip as losses
from mien.nn import clip
from mien.nn.clip import CLIP
from mien.recipes import clip as recipe
from mien.recipes.clip import ClipConfig, contrast, holding, train
from mien.training import RunOptions, launch


def test_where_one_is_right_it_is_the_published_loss():
    logits = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    each = torch.arange(5)
    expected = (F.cross_entropy(logits, each) + F.cross_entropy(logits.T, each)) / 2
    assert torch.allclose(contrast(logits, torch.eye(5)), expected, atol=1e-6)


def test_what_holds_of_several_is_not_wrong_of_the_others():
    holds = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    logits = torch.zeros(2, 2, requires_grad=True)
    contrast(logits, holds).backward()
    assert logits.grad[1, 1] > 0 and logits.grad[1, 0] < 0 and logits.grad[0, 0] == pytest.approx(0)


def test_a_caption_holds_as_far_as_all_its_meanings_do():
    holds = torch.tensor([[1.0, 0.5, 0.25], [1.0, 0.0, 1.0]])
    assert holding(holds, torch.tensor([[0, 1, 2], [0, 0, 2]])).tolist() == [[0.125, 0.25], [0.0, 1.0]]


def test_a_run_leaves_a_network_that_reads_and_sees(heads, tmp_path):
    options = RunOptions(workers=0, every=6)
    path = train(ClipConfig(faces=[heads], out=tmp_path, steps=12, batch=8, layers=1, width=64, settled=2, options=options))
    stored = weights.load(path)
    network = clip.of(stored)
    assert (
        network.config["sees"] == "convolutions"
        and network.middle == 0.75
        and "steps = 12" in stored.recipe
        and str(heads) not in stored.recipe
    )
    opened = losses.opened(path)
    assert opened.codes(torch.zeros(2, 3, 64, 64)).shape == (2, 128)
    assert text.understands(path) and float(opened.texts(["a furious man"]).norm()) == pytest.approx(1, abs=1e-4)
    told = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert {"loss", "seen", "read", "text_to_picture", "emotion"} <= {name for line in told for name in line}
    assert all(0 <= line["text_to_picture"] <= 1 for line in told if "text_to_picture" in line)


def test_at_the_end_only_the_reading_side_learns_what_captions_tell(heads, monkeypatch):
    monkeypatch.setattr(recipe, "_LOCKED", 4)  # captions that hold of none of these would have no mean
    monkeypatch.setattr(recipe, "_AT_ONCE", 24)
    known = captions.pictures([heads], 32, "train")
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        words = len(captions.vocabulary().known) + 2
        network = CLIP(
            size=24, patch=8, seen=(8, 8, 8), sees="convolutions", middle=0.75, read=(64, 1, 1), context=32, vocabulary=words, code=16
        )  # fmt: skip
        taught = recipe.Taught(network)
    before = {name: tensor.clone() for name, tensor in taught.state_dict().items()}
    errors = []
    for _ in range(2):
        tokens, _ = captions.Captioned(known, size=24, seed=0).captions(0, 24)
        with torch.no_grad():
            told = taught.units(F.normalize(taught.eval().clip.encode_text(tokens)))
        errors.append(float((told - torch.from_numpy(known.aus).mean(0)).square().mean()))
        recipe.settle(launch(RunOptions(precision="32-true")), taught, known, steps=30, rate=3e-3, seed=0)
    assert errors[1] < 0.7 * errors[0]
    after = taught.state_dict()
    assert all(bool(tensor.isfinite().all()) for tensor in after.values())
    still = {name for name, tensor in before.items() if torch.equal(tensor, after[name])}
    assert {name for name in before if ".visual." in name} == still
