"""The recipe `graphau`: what its options are, that it learns, goes on, is calibrated, and says what it has learned from."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien import images, weights
from mien.data.sided import open_sided
from mien.data.unit_views import Stills
from mien.errors import UsageError
from mien.metrics.agreement import auc, correlations, pearson
from mien.metrics.detection.learned import Learned
from mien.nn import calibration, graphau
from mien.readers.graphau import build
from mien.recipes.graphau import GraphAUConfig, train
from mien.recipes.graphau.starting import fresh
from mien.training import RunOptions

PUBLISHED = {"size": 224, "decay": 5e-4, "memory": 0.0, "batch": 64, "epochs": 20.0}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"backbone": "resnet50"}, {**PUBLISHED, "rate": 1e-4, "neighbours": 4, "relations": 0.05}),
        ({"backbone": "swin-base", "stage": 2}, {**PUBLISHED, "rate": 1e-5}),
        ({"backbone": "light"}, {"size": 128, "rate": 1e-3, "decay": 0.02, "memory": 20_000.0, "batch": 64}),
        ({"backbone": "light", "stage": 2, "rate": 0.5, "size": 96}, {"rate": 0.5, "size": 96}),
        ({"backbone": "light", "stage": 2}, {"rate": 1e-4}),
    ],
)
def test_defaults_are_the_published_ones_or_those_of_a_light_network(given, expected, tmp_path):
    config = GraphAUConfig(data=tmp_path, start=tmp_path / "stage1.safetensors", **given)
    assert {name: getattr(config, name) for name in expected} == expected


def test_disfa_has_defaults_of_its_own(tiny_disfa, tmp_path):
    config = GraphAUConfig(data=tiny_disfa, backbone="swin-base", stage=2, start=tmp_path / "stage1.safetensors")
    assert (config.rate, config.neighbours, config.relations) == (1e-6, 3, 0.01)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"stage": 2}, "stage 2 goes on from stage 1: name its weights, --start"),
        ({"stage": 3}, "stage = 3 is not allowed: 1 to 2"),
        ({"fold": 3}, "fold = 3 is not allowed: 0 to 2"),
        ({"backbone": "swin-tiny", "size": 256}, "size = 256 is not allowed with swin-tiny: its windows tile multiples of 224"),
        ({"size": 100}, "size = 100 is not allowed: a multiple of 32"),
        ({"rate": 0.0}, "rate = 0.0 is not allowed: above 0"),
    ],
)
def test_options_that_cannot_be_are_refused(given, told, tmp_path):
    with pytest.raises(UsageError, match=told):
        GraphAUConfig(data=tmp_path, **given)


def test_a_run_leaves_weights_a_journal_and_pictures(small, drawn_faces):
    config = small(drawn_faces)
    path = train(config)
    lines = [json.loads(line) for line in (config.out / "metrics.jsonl").read_text().splitlines()]
    looked = [line for line in lines if "val_f1" in line]
    assert [line["step"] for line in looked] == [3, 6, 7] and {"val_auc", "val_icc", "val_f1_AU12L"} <= looked[-1].keys()
    assert {"loss", "presence", "strength"} <= lines[-2].keys() | lines[-1].keys()
    assert images.read(config.out / "samples" / "clearest-00000007.png").rgb.shape == (45 * 32, 2 * 32, 3)
    stored = weights.load(path)
    network = graphau.of(stored)
    assert network.config["mode"] == "corrected" and network.config["neighbours"] == 4 and len(network.units) == 45
    assert calibration.of(stored, 45) is not None
    assert tomllib.loads(stored.recipe)["stage"] == 1 and str(drawn_faces) not in stored.recipe
    assert Learned.of(build(path)) is None


def test_it_learns_to_tell_left_from_right(small, drawn_faces, tmp_path):
    """On people not learned from, by the network that is kept, and calibrated on them."""
    config = small(drawn_faces, epochs=25.0, rate=5e-3, memory=100.0, options=RunOptions(workers=0, every=1000))
    stored = weights.load(train(config))
    network, known = graphau.of(stored), open_sided(drawn_faces, tmp_path, 32, fold=0, pictures=None)
    stills = Stills(known.unseen, network.graded, 32)
    views = [stills[number] for number in range(len(stills))]
    with torch.inference_mode():
        told = graphau.read(network, torch.stack([view.picture for view in views]))
    probabilities = calibration.of(stored, len(network.units)).probabilities(told.scores)
    for unit in ("AU12L", "AU12R", "AU04"):
        place = network.units.index(unit)
        there = torch.stack([view.present[place] for view in views]).numpy() == 1
        assert auc(told.scores[:, place].double().numpy(), there) > 0.9, unit
        assert probabilities[there, place].mean() > probabilities[~there, place].mean() + 0.2
    strong = torch.stack([view.intensities for view in views])
    found, true = (part[:, [network.graded.index(f"AU12{side}") for side in "LR"]].double().numpy() for part in (told.intensities, strong))
    assert pearson(found[:, 0] - found[:, 1], true[:, 0] - true[:, 1]) > 0.9
    assert correlations(found, true).min() > 0.7


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("memory", [0, 30])
def test_stopped_and_resumed_equals_never_stopped(small, drawn_faces, tmp_path, memory):
    whole = small(drawn_faces, out=tmp_path / "whole", memory=float(memory))
    parts = replace(whole, out=tmp_path / "parts")
    left = train(whole)
    train(parts)
    for path in (parts.out / "step-00000007.ckpt", parts.out / "graphau.safetensors"):
        path.unlink()
    again = train(parts)
    assert same(load_file(left), load_file(again)) and same(*(load_file(run.out / "step-00000007.ckpt") for run in (whole, parts)))
    assert not same(load_file(parts.out / "step-00000006.ckpt"), load_file(parts.out / "step-00000007.ckpt")), "the comparison can fail"


def test_stage_2_goes_on_from_stage_1_and_learns_relations(small, drawn_faces, tmp_path):
    first = small(drawn_faces, out=tmp_path / "one")
    start = train(first)
    second = small(drawn_faces, out=tmp_path / "two", stage=2, start=start)
    began, stage1 = fresh(second, *seen_of(start)).state_dict(), graphau.of(weights.load(start)).state_dict()
    taken = [name for name in began if name in stage1 and torch.equal(began[name], stage1[name])]
    assert {name.split(".")[0] for name in taken} >= {"backbone", "global_linear", "class_linears", "sc", "grades"}
    assert all(name in taken for name in stage1 if not name.startswith("graph."))
    stored = weights.load(train(second))
    assert stored.config["stage"] == 2 and "edge_fc.weight" in stored.tensors
    assert any("relations" in line for line in (second.out / "metrics.jsonl").read_text().splitlines())


def seen_of(path):
    network = graphau.of(weights.load(path))
    return network.units, network.graded


def test_of_a_reader_of_other_units_what_looks_is_taken_alone(small, drawn_faces, tiny_disfa, once, tmp_path):
    start = train(small(drawn_faces, out=tmp_path / "one"))
    before, graded = graphau.of(weights.load(start)), ("AU12",)
    network = fresh(small(tiny_disfa, start=start, neighbours=2), ("AU12", "AU25"), graded)
    for name in ("backbone.conv1.weight", "global_linear.fc.weight"):
        assert torch.equal(network.state_dict()[name], before.state_dict()[name])
    assert not torch.equal(network.class_linears.fc.weight, before.class_linears.fc.weight[: len(network.class_linears.fc.weight)])
    with pytest.raises(UsageError, match=r"reads AU01.*: stage 2 goes on from a stage 1 of the units of --data"):
        fresh(small(drawn_faces, start=start, stage=2), ("AU12", "AU25"), graded)
    with pytest.raises(UsageError, match=r"does not fit: its backbone is .*; name others with --start or --backbone"):
        fresh(small(drawn_faces, start=start, backbone="resnet18"), *seen_of(start))
    with pytest.raises(UsageError, match="neighbours = 3 is not allowed: 3 neighbours of 2 units"):
        fresh(small(drawn_faces, neighbours=3), ("AU12", "AU25"), graded)


def test_a_corpus_teaches_and_the_file_says_so(small, tiny_disfa, once, tmp_path):
    config = small(tiny_disfa, fold=2, batch=4, epochs=1.0)
    path = train(config)
    reader = build(path)
    assert Learned.of(reader) == Learned("DISFA", 2)
    assert reader.detects == ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")
    assert reader.measures == {axis for unit in (1, 2, 4, 6, 9, 12) for axis in (f"AU{unit:02d}L", f"AU{unit:02d}R")} | {"AU25", "AU26"}
    assert list((config.cache).rglob("*.npz")), "its faces are kept"
    lines = map(json.loads, (config.out / "metrics.jsonl").read_text().splitlines())
    assert np.isfinite([line["loss"] for line in lines if "loss" in line]).all()
