"""The published readers of action units, through the importer and the code that users run."""

import numpy as np
import pytest
import torch

from mien import registry, weights
from mien.convert import importers
from mien.faces import align
from mien.faces.align import sample
from mien.faces.closeup import square_of
from mien.nn import graphau
from mien.nn.graphau import neighbours
from mien.nn.levels import signed
from mien.types import CropSpec

BOUND = 1e-4  # of the reference's spread


def spread_error(ours, theirs):
    ours = ours.numpy()
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / theirs.std()


@torch.inference_mode()
def compared(kind, loaded, name, folder):
    """The network, its pictures and the case's arrays, after what all cases have: scores and the face's features."""
    state, case = loaded(name)
    content = {"epoch": 19, "state_dict": {f"module.{key}": tensor for key, tensor in state.items()}, "optimizer": {"lr": torch.ones(1)}}
    torch.save(content, folder / "published.pth")
    importers.convert(kind, folder / "published.pth", folder / "imported.safetensors")
    network = graphau.of(weights.load(folder / "imported.safetensors"))
    pictures = graphau.normalised(torch.from_numpy(case["in_image_u8"]).float() / 127.5 - 1)
    scores = network(pictures)
    assert spread_error(scores, case["out_au"]) < BOUND and len(network.units) == scores.shape[1]
    assert spread_error(network.tokens(pictures)[:, ::6, ::4], case["out_global"]) < BOUND
    assert spread_error(network(pictures * 0.98), case["out_au"]) > BOUND
    return network, pictures, case


@torch.inference_mode()
def graph_of(network, pictures):
    """Who listens to whom in each face."""
    nodes = network.maps(network.tokens(pictures)).mean(2)
    return neighbours.adjacency(nodes, network.config["neighbours"]).numpy()


def test_graphau_resnet50(loaded, tmp_path):
    network, pictures, case = compared("graphau", loaded, "graphau_resnet50", tmp_path)
    assert np.array_equal(graph_of(network, pictures), case["out_adj"])


@torch.inference_mode()
def test_graphau_mefl_resnet50(loaded, tmp_path):
    """With the classes of pairs of units."""
    network, pictures, case = compared("graphau", loaded, "graphau_mefl_resnet50", tmp_path)
    assert spread_error(network.tell(pictures).pairs, case["out_edge"]) < BOUND


@torch.inference_mode()
def test_opengraphau_resnet50(loaded, tmp_path):
    """The published code's mistake is in the case: a corrected network has other scores for both sides of AU12, and for nothing else."""
    network, pictures, case = compared("opengraphau", loaded, "opengraphau_resnet50", tmp_path)
    assert np.array_equal(graph_of(network, pictures), case["out_adj"])
    corrected = graphau.GraphAU("opengraphau", network.config | {"mode": "corrected"}).eval()
    corrected.load_state_dict(network.state_dict())
    error = np.abs(corrected(pictures).numpy() - case["out_au"]).max(0) / case["out_au"].std()
    assert [unit for unit, differs in zip(network.units, error > BOUND, strict=True) if differs] == ["AU12L", "AU12R"]


@torch.inference_mode()
def test_opengraphau_resnet50_is_what_the_reader_reads_by(loaded, drawn, tmp_path):
    """A photo, the face that is cut out of it, and the published scores of that as probabilities."""
    network, _, _ = compared("opengraphau", loaded, "opengraphau_resnet50", tmp_path)
    reader = registry.reader("graphau", weights=tmp_path / "imported.safetensors")
    picture = sample(drawn.photo.rgb, square_of(drawn.face.landmarks), 224)
    scores = network(graphau.normalised(signed(picture)[None]))[0].tolist()
    (reading,) = reader.measure([align.cut(drawn.photo, drawn.face, CropSpec())])
    assert [said.probability for said in reading.presence.values()] == pytest.approx(scores, abs=1e-5)
    assert [said.present for said in reading.presence.values()] == [score >= 0.5 for score in scores]
    assert np.isnan(reading.aus.values).all() and list(reading.presence) == [*network.units]


def test_opengraphau_mefl_resnet50(loaded, tmp_path):
    compared("opengraphau", loaded, "opengraphau_mefl_resnet50", tmp_path)


def test_opengraphau_swin_base(loaded, tmp_path):
    network, pictures, case = compared("opengraphau", loaded, "opengraphau_swin_base", tmp_path)
    assert np.array_equal(graph_of(network, pictures), case["out_adj"])
