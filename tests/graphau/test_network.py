"""ME-GraphAU and OpenGraphAU on small networks: what a score is, whose it is, and what does not matter to it."""

import pytest
import torch
from torch.nn import functional as F

from mien import weights
from mien.errors import WeightsError
from mien.losses import occurrence
from mien.nn import graphau
from mien.nn.graphau import BP4D, DISFA, HYBRID, SIDED, GraphAU, backbones

EACH = [(kind, stage) for kind in graphau.KINDS for stage in (1, 2)]
OPEN = {"kind": "opengraphau", "main": HYBRID, "sided": SIDED}
SIDES = [f"{unit}{side}" for unit in SIDED for side in "LR"]


def test_the_published_units():
    assert (len(BP4D), len(DISFA), len(HYBRID), len(SIDES)) == (12, 8, 27, 14)
    assert HYBRID[8:10] == ("AU11", "AU12") and {*BP4D, *DISFA, *SIDED} <= {*HYBRID}


@pytest.mark.parametrize(("kind", "stage"), EACH)
@pytest.mark.parametrize("backbone", ["resnet", "swin"])
@torch.inference_mode()
def test_scores_of_every_unit_lie_in_0_to_1_whatever_the_batch(tiny, faces, kind, stage, backbone):
    network = tiny(kind, stage, backbone)
    scores = network(faces)
    assert scores.shape == (3, 12) and scores.min() >= 0 and scores.max() <= 1 and scores.std(0).mean() > 1e-3
    assert torch.allclose(torch.cat([network(face[None]) for face in faces]), scores, atol=1e-5)


@pytest.mark.parametrize("stage", [1, 2])
@torch.inference_mode()
def test_a_score_is_a_cosine(tiny, faces, stage):
    network = tiny(stage=stage, **OPEN)
    nodes, _ = network.related(network.tokens(faces))
    scores = network(faces)
    assert network.units == (*HYBRID, *SIDES) and scores.shape == (3, 41) and nodes.min() >= 0
    for place, unit in enumerate(network.units):
        looked_at = nodes[:, HYBRID.index(unit[:4])]
        expected = F.cosine_similarity(looked_at, network.sc[place].clamp_min(0)[None])
        assert torch.allclose(scores[:, place], expected, atol=1e-5), unit


@pytest.mark.parametrize(("mode", "seen"), [("compatible", "AU11"), ("corrected", "AU12")])
def test_published_networks_look_at_au11_for_the_sides_of_au12(tiny, mode, seen):
    """The defect, and its correction: which unit's features move a score."""
    network = tiny(mode=mode, **OPEN)
    nodes = torch.rand(1, 27, 6, generator=torch.Generator().manual_seed(3)).requires_grad_()
    scores = network.scores(nodes)[0]
    for place, unit in enumerate(network.units):
        (graded,) = torch.autograd.grad(scores[place], nodes, retain_graph=True)
        moving = [HYBRID[row] for row in graded[0].abs().amax(1).nonzero().flatten().tolist()]
        assert moving == [seen if unit in ("AU12L", "AU12R") else unit[:4]]


def test_modes_differ_by_nothing_else(tiny, faces):
    published, own = (tiny(mode=mode, **OPEN)(faces) for mode in ("compatible", "corrected"))
    differ = [unit for unit, moved in zip([*HYBRID, *SIDES], (published != own).any(0).tolist(), strict=True) if moved]
    assert differ == ["AU12L", "AU12R"]
    without = [unit for unit in HYBRID if unit != "AU11"]
    modes = (tiny(kind="opengraphau", main=without, sided=SIDED, mode=mode)(faces) for mode in ("compatible", "corrected"))
    assert torch.equal(*modes)


@pytest.mark.parametrize(("kind", "stage"), EACH)
@pytest.mark.parametrize("backbone", ["resnet", "swin"])
def test_gradients_reach_every_number_and_the_pictures(tiny, faces, kind, stage, backbone):
    network = tiny(kind, stage, backbone, main=HYBRID, sided=SIDED, neighbours=3).train()
    faces = faces.clone().requires_grad_()
    labels = torch.rand(3, 41, generator=torch.Generator().manual_seed(4)).round()
    told, loss = network.tell(faces), torch.zeros(())
    if told.pairs is not None:
        loss = occurrence.together(told.pairs, labels[:, :27])
    (loss + occurrence.asymmetric(told.scores, labels, occurrence.rarity(labels))).backward()
    assert faces.grad.abs().amax((1, 2, 3)).min() > 0
    without = [name for name, tensor in network.named_parameters() if tensor.grad is None or not bool(tensor.grad.any())]
    assert [name for name in without if not name.endswith("linear_k.bias")] == []  # no softmax over keys knows that one


def test_it_runs_wherever_its_numbers_are(tiny, faces):
    """The published stage 2 needed CUDA: here no tensor is made on a device of its own."""
    for kind in graphau.KINDS:
        network = tiny(kind, 2).to("meta")
        scores = network(faces.to("meta"))
        assert scores.is_meta and scores.shape == (3, 12)


@torch.inference_mode()
def test_pairs_are_told_by_networks_that_have_a_layer_for_them(tiny, faces):
    told = tiny(stage=2).tell(faces)
    assert torch.equal(told.scores, tiny(stage=2)(faces)) and told.pairs.shape == (3, 144, graphau.PAIRS)
    for kind, stage in (("graphau", 1), ("opengraphau", 2)):
        assert tiny(kind, stage).tell(faces).pairs is None


@pytest.mark.parametrize("mode", ["compatible", "corrected"])
@torch.inference_mode()
def test_intensities_are_of_the_features_that_scores_look_at(tiny, faces, mode):
    """Five times a linear map of them; published networks tell none, and a file says of which units there are some."""
    graded = ("AU12L", "AU06", "AU12R")
    network = tiny(mode=mode, graded=graded, **OPEN)
    nodes, _ = network.related(network.tokens(faces))
    seen = "AU11" if mode == "compatible" else "AU12"
    told = network.tell(faces).intensities
    assert told.shape == (3, 3) and told.std(0).min() > 1e-3 and tiny(**OPEN).tell(faces).intensities.shape == (3, 0)
    for place, unit in enumerate((seen, "AU06", seen)):
        linear = nodes[:, HYBRID.index(unit)] @ network.grades.weight[place] + network.grades.bias[place]
        assert torch.allclose(told[:, place], 5 * linear, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "fgnet"},
        {"mode": "published"},
        {"stage": 3},
        {"stage": 2, "neighbours": 4},
        {"neighbours": 0},
        {"neighbours": 13},
        {"sided": ["AU09"]},
        {"backbone": {"kind": "vit"}},
        {"graded": ["AU09"]},
    ],
)
def test_shapes_that_make_no_sense_are_refused(tiny, change, tmp_path):
    network = tiny()
    with pytest.raises((ValueError, KeyError, TypeError)):
        config = network.config | change
        GraphAU(config.pop("kind"), config)
    weights.save(tmp_path / "a.safetensors", network.state_dict(), network.config | change)
    with pytest.raises(WeightsError, match=r"a\.safetensors is no reader of action units \(graphau, opengraphau\) but"):
        graphau.of(weights.load(tmp_path / "a.safetensors"))


@pytest.mark.parametrize(("kind", "stage"), EACH)
@pytest.mark.parametrize("backbone", ["resnet", "swin"])
@torch.inference_mode()
def test_a_file_has_all_that_makes_the_network(tiny, faces, kind, stage, backbone, tmp_path):
    network = tiny(kind, stage, backbone, main=HYBRID, sided=SIDED, neighbours=3, mode="compatible", graded=("AU12L", "AU25"))
    weights.save(tmp_path / "a.safetensors", network.state_dict(), network.config)
    again = graphau.of(weights.load(tmp_path / "a.safetensors"))
    assert again.config == network.config and not again.training
    assert again.config["mode"] == "compatible" and again.config["neighbours"] == (3 if stage == 1 else 0)
    for one, other in zip(again.tell(faces)[:2], network.tell(faces)[:2], strict=True):
        assert one.shape[1] and torch.allclose(one, other, atol=1e-5)


def test_a_file_from_before_there_were_intensities_has_none(tiny, faces, tmp_path):
    network = tiny()
    config = {name: value for name, value in network.config.items() if name != "graded"}
    weights.save(tmp_path / "a.safetensors", network.state_dict(), config)
    assert graphau.of(weights.load(tmp_path / "a.safetensors")).config == network.config


def test_a_light_network_is_light():
    """A ResNet of half the width, for the units that an open reader reads, needs no published size."""
    light = backbones.NAMED["light"]
    shape = {"size": 160, "backbone": light, "width": 64, "main": BP4D, "sided": (), "stage": 1, "neighbours": 4, "mode": "corrected"}
    network = GraphAU("graphau", shape).eval()
    assert sum(tensor.numel() for tensor in network.parameters()) < 3e6
    assert network(torch.zeros(1, 3, network.size, network.size)).shape == (1, 12)
