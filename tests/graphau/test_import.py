"""Published files of ME-GraphAU and OpenGraphAU become the networks they are of, or are refused by what is wrong."""

import re

import pytest
import torch
from typer.testing import CliRunner

from mien import weights
from mien.cli import app
from mien.convert import importers
from mien.errors import WeightsError
from mien.nn import graphau
from mien.nn.graphau import BP4D, DISFA, HYBRID, SIDED, GraphAU, swin

BACKBONES = {
    "basic": {"kind": "resnet", "width": 2, "blocks": (1, 2, 1, 1), "bottleneck": False},
    "bottleneck": {"kind": "resnet", "width": 2, "blocks": (1, 1, 1, 1), "bottleneck": True},
    "swin": {"kind": "swin", "width": 4, "depths": (2, 2), "heads": (1, 2), "window": 7, "patch": 4},
}
LABELS = {"graphau": (BP4D, (), 4), "disfa": (DISFA, (), 3), "opengraphau": (HYBRID, SIDED, 4)}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def made(filled):
    """A network as small as its backbone allows, and its tensors as they are published."""

    def make(labels="graphau", stage=1, backbone="basic"):
        main, sided, count = LABELS[labels]
        kind = "opengraphau" if sided else "graphau"
        shape = {"size": 224, "backbone": BACKBONES[backbone], "width": 6, "main": main, "sided": sided}
        network = filled(GraphAU(kind, {**shape, "stage": stage, "neighbours": count if stage == 1 else 0, "mode": "compatible"}))
        return network, published(network)

    return make


def published(network):
    """The tensors of a network by the names of the published code, with what that keeps beside them."""
    kind, main = network.config["kind"], len(network.main)
    side, first = ("main_", "head.main_sc") if kind == "opengraphau" else ("", "head.sc")
    state = {}
    for name, tensor in network.state_dict().items():
        if name == "sc":
            state |= {first: tensor[:main]} | ({"head.sub_sc": tensor[main:]} if len(tensor) > main else {})
        elif name.startswith("class_linears."):
            blocks = tensor.chunk(main) if tensor.ndim else [tensor] * main
            state |= {f"head.{side}class_linears.{i}.{name.split('.', 1)[1]}": block.clone() for i, block in enumerate(blocks)}
        elif layer := re.match(r"graph\.graph_layers\.(\d)\.(\w+)\.(.*)", name):
            other = f"{layer[2]}{int(layer[1]) + 1}" if kind == "graphau" else f"graph_layers.{layer[1]}.{layer[2]}"
            state[f"head.gnn.{other}.{layer[3]}"] = tensor
        elif name.startswith("graph."):
            part = name.removeprefix("graph.")
            state[f"head.{part}" if part.startswith("edge_extractor.") else f"head.gnn.{part}"] = tensor
        else:
            state[f"head.{name}" if name.startswith("edge_fc.") else name] = tensor
    return state | (made_by_a_swin() if network.config["backbone"]["kind"] == "swin" else {})


def made_by_a_swin():
    """What the published code keeps of each block beside its parameters."""
    start = "backbone.layers.{}.blocks.{}.attn{}"
    places = {start.format(stage, block, ".relative_position_index"): swin.places(7) for stage in (0, 1) for block in (0, 1)}
    return places | {start.format(stage, 1, "_mask"): swin.barred(56 >> stage, 7, 3) for stage in (0, 1)}


def imported(kind, content, folder):
    torch.save(content, folder / "published.pth")
    importers.convert(kind, folder / "published.pth", folder / "out.safetensors")
    return graphau.of(weights.load(folder / "out.safetensors"))


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("backbone", BACKBONES)
@torch.inference_mode()
def test_a_published_file_becomes_the_network_it_is_of(made, cache, labels, stage, backbone):
    network, state = made(labels, stage, backbone)
    content = {"epoch": 7, "state_dict": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}
    again = imported(network.config["kind"], content, cache)
    assert again.config == network.config and again.config["mode"] == "compatible"
    faces = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(again(faces), network(faces), atol=1e-5)


@pytest.mark.parametrize("prefix", ["module.{}", "{}", "backbone"])
def test_what_parallel_training_adds_to_names_is_left_out(made, cache, prefix):
    """Before the names, nowhere, or within them, where only the backbone was parallel; with and without a dictionary around."""
    network, state = made()
    inside = "backbone.module." if prefix == "backbone" else "backbone."
    names = {name: name.replace("backbone.", inside) if prefix == "backbone" else prefix.format(name) for name in state}
    again = imported("graphau", {names[name]: tensor for name, tensor in state.items()}, cache)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items())


def dropped(state, *names):
    return {name: tensor for name, tensor in state.items() if name not in names}


@pytest.mark.parametrize(
    ("kind", "labels", "stage", "change", "told"),
    [
        ("graphau", "opengraphau", 1, lambda s: s, "is a network of opengraphau: `mien weights import opengraphau FILE`"),
        ("opengraphau", "graphau", 2, lambda s: s, "is a network of graphau: `mien weights import graphau FILE`"),
        ("graphau", "graphau", 1, lambda s: {"backbone.fc.weight": torch.ones(2)}, "is no graphau network"),
        ("opengraphau", "opengraphau", 1, lambda s: dropped(s, "head.sub_sc"), "is no opengraphau network"),
        ("graphau", "graphau", 1, lambda s: s | {"backbone.fc.weight": torch.ones(2)}, r"unknown backbone\.fc\.weight"),
        ("graphau", "graphau", 2, lambda s: s | {"head.gnn.U3.weight": torch.ones(2)}, r"unknown graph\.U3\.weight"),
        ("graphau", "graphau", 1, lambda s: s | {"head.gnn.U.bias": torch.ones(2)}, r"graph\.U\.bias is \(2,\), the network needs \(6,\)"),
        ("graphau", "graphau", 1, lambda s: dropped(s, "backbone.bn1.bias"), r"missing backbone\.bn1\.bias"),
        ("graphau", "graphau", 2, lambda s: dropped(s, "head.edge_fc.bias"), r"missing edge_fc\.bias"),
        ("opengraphau", "opengraphau", 2, lambda s: s | {"head.edge_fc.bias": torch.ones(4)}, r"unknown edge_fc\.bias"),
        ("graphau", "graphau", 1, lambda s: dropped(s, "head.class_linears.5.fc.bias"), r"class_linears\.5 has not the tensors and shapes"),
        ("graphau", "graphau", 1, lambda s: s | {"head.class_linears.12.fc.bias": torch.ones(6)}, r"class_linears\.12 has not the"),
        ("graphau", "graphau", 1, lambda s: s | {"head.sc": torch.ones(11, 6)}, "it has 12 units and 11 scores; .* 12 and 12 or 8 and 8"),
        ("graphau", "graphau", 1, lambda s: s | {"backbone.cls_token": torch.ones(1)}, "its backbone is MAE's ViT, which mien does not"),
        ("graphau", "graphau", 1, lambda s: s | {"module.head.sc": s["head.sc"]}, "two of its tensors have one name but for module"),
        ("graphau", "graphau", 1, lambda s: s | {"head.sc": torch.full((12, 6), torch.nan)}, r"head\.sc holds NaN"),
        ("graphau", "graphau", 1, lambda s: [1, 2], "there is no tensor in it"),
    ],
)
def test_other_files_are_refused_by_what_is_wrong(made, cache, kind, labels, stage, change, told):
    with pytest.raises(WeightsError, match=rf"published\.pth.*{told}"):
        imported(kind, change(made(labels, stage)[1]), cache)
    assert not (cache / "out.safetensors").exists()


@pytest.mark.parametrize("made_by_it", ["backbone.layers.1.blocks.1.attn_mask", "backbone.layers.0.blocks.0.attn.relative_position_index"])
def test_a_swin_of_other_windows_is_refused(made, cache, made_by_it):
    """What a Swin makes itself is left out of a file only where it is the same."""
    _, state = made(backbone="swin")
    other = state | {made_by_it: state[made_by_it].flip(-1)}
    with pytest.raises(WeightsError, match=f"{re.escape(made_by_it)} is not that of windows of 7 cells on pictures of 224 pixels"):
        imported("graphau", other, cache)


def test_the_command_imports_it(made, cache):
    torch.save({"state_dict": made("opengraphau")[1]}, cache / "OpenGprahAU-ResNet50_first_stage.pth")
    done = CliRunner().invoke(app, ["weights", "import", "opengraphau", str(cache / "OpenGprahAU-ResNet50_first_stage.pth")])
    assert done.exit_code == 0, done.output
    assert weights.kind(cache / "opengraphau-resnet50.safetensors") == "opengraphau"
    assert "lingjivoo" in (cache / "opengraphau-resnet50.md").read_text()
