"""Codes of faces: what crops they are made of, which network is taken, and what a report says of it."""

import math

import cv2
import numpy as np
import pytest
import torch

import mien
from mien import weights
from mien.cli.edit import _print_report
from mien.convert import importers
from mien.errors import DataError, WeightsError
from mien.faces import identity
from mien.faces.align import five_points
from mien.faces.templates import template
from mien.metrics.verification import Pixels, score_identity, verify
from mien.nn.irse import IRSE, PUBLISHED, shape_of

SMALL = {"size": 32, "units": [1, 2, 1, 1], "widths": [4, 8, 16, 32], "code": 12}


def network(seed=0):
    """A small network with random weights."""
    net, draw = IRSE(**SMALL), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("weight") or name == "output_layer.3.bias":
                tensor.copy_(torch.randn(tensor.shape, generator=draw) * 0.2 + (tensor.dim() == 1))
    return net


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder of imported files."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def imported(cache):
    """A small network in the layout of published ones, imported."""
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in network().state_dict().items()}}, cache / "mine.pth")
    importers.convert("arcface", cache / "mine.pth", cache / "mine.safetensors")
    return cache / "mine.safetensors"


def test_a_smaller_network_passes_through_the_same_importer(imported):
    assert weights.load(imported).config == {"kind": "arcface", **SMALL}
    assert shape_of(network().state_dict()) == SMALL
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    crops = (pictures.permute(0, 2, 3, 1) * 255).byte().numpy()
    with torch.inference_mode():
        expected = network().eval()(torch.from_numpy(crops).permute(0, 3, 1, 2) / 127.5 - 1)
    assert identity.Recognizer(imported).codes(crops) == pytest.approx(expected.numpy(), abs=1e-6)


def test_the_published_size_is_that_of_the_published_file():
    with torch.device("meta"):
        published = IRSE(**PUBLISHED)
    assert len(published.state_dict()) == 397
    assert published.output_layer[3].weight.shape == (512, 25088)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: {"layer.weight": torch.ones(3)}, "is no IR-SE network for identity"),
        (lambda state: state | {"output_layer.3.weight": torch.ones(12, 5)}, "is no IR-SE network for identity"),
        (lambda state: {k: v for k, v in state.items() if "fc1" not in k}, r"missing body\.0\.res_layer\.5\.fc1\.weight"),
        (lambda state: state | {"styles.0.linear.weight": torch.ones(2)}, r"unknown styles\.0\.linear\.weight"),
    ],
)
def test_other_networks_are_refused_by_what_is_wrong(cache, change, told):
    torch.save(change(dict(network().state_dict())), cache / "other.pth")
    with pytest.raises(WeightsError, match=told):
        importers.convert("arcface", cache / "other.pth", cache / "out.safetensors")
    assert not (cache / "out.safetensors").exists()


def test_files_that_count_no_batches_come_in(cache):
    torch.save({k: v for k, v in network().state_dict().items() if "num_batches" not in k}, cache / "old.pth")
    importers.convert("arcface", cache / "old.pth", cache / "old.safetensors")
    assert identity.Recognizer(cache / "old.safetensors").size == 32


def test_the_aligned_crop_puts_the_five_points_on_the_template(drawn):
    five = five_points(drawn.face.landmarks)
    rgb = drawn.photo.rgb.copy()
    for x, y in five:
        cv2.circle(rgb, (round(x), round(y)), 3, (255, 0, 255), -1)
    crop = identity.aligned(rgb, five, template("arcface").width).astype(int)
    for x, y in [(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)]:
        red, green, blue = crop[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6].reshape(-1, 3).T
        assert (np.minimum(red, blue) - green).max() > 90, (x, y)


def test_that_no_network_is_here_is_told(cache, drawn, capsys, monkeypatch):
    monkeypatch.setattr(identity, "installed", list)
    result = mien.edit(drawn.photo.rgb, "AU12=+2")
    assert result.identity_network == ""
    assert math.isnan(result.identity_similarity[0])
    _print_report(result)
    assert "identity before/after: not measured, no network" in capsys.readouterr().out
    with pytest.raises(WeightsError, match="mien weights import arcface FILE"):
        identity.recognizer()


def test_a_report_names_the_network_of_its_score(imported, drawn, capsys):
    still, moved = mien.edit(drawn.photo.rgb, "AU12=+0"), mien.edit(drawn.photo.rgb, "AU12=+4 AU26=+4")
    assert still.to_dict()["identity_network"] == "mine, IR-SE-12 of 32 px"
    assert still.identity_similarity == [pytest.approx(1.0)]
    assert moved.identity_similarity[0] < 1 - 1e-6
    _print_report(still)
    assert "(cosine by mine, IR-SE-12 of 32 px): 1.000" in capsys.readouterr().out


def test_pairs_are_told_apart_as_counted_by_hand():
    """Six pairs: those of one person have cosines 1.0 and 0.6, the others 0, 0.8, 0 and 0.8."""
    codes = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    found = verify(codes, np.array([0, 0, 1, 1]))
    assert (found.same, found.different) == (2, 4)
    assert found.auc == pytest.approx((4 + 2) / 8), "1.0 beats all four; 0.6 beats 0, 0 and loses to 0.8, 0.8"
    assert found.recognised == 0.5
    with pytest.raises(DataError, match="no pairs"):
        verify(codes, np.zeros(4, int))


def test_the_bundled_network_is_taken_unless_another_was_imported(imported, monkeypatch, tmp_path):
    assert identity.recognizer().name.startswith("mine, ")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "empty"))
    bundled = identity.recognizer()
    assert bundled.name == "identity, IR-SE-18 of 48 px" and bundled.path == weights.bundled("identity")


@pytest.mark.data
def test_the_bundled_network_recognises_more_real_people_than_pixels(data):
    network = identity.Recognizer(weights.bundled("identity"))
    found, pixels = score_identity(data, [network, Pixels()], split="test").to_dict("records")
    assert found["AUC"] > pixels["AUC"] + 10 and found["recognised"] > 2 * pixels["recognised"]


@pytest.mark.data
def test_pixels_recognise_few_real_people(data):
    (row,) = score_identity(data, [Pixels()], split="test").to_dict("records")
    assert (row["people"], row["same"]) == (100, 307)
    assert 55 < row["AUC"] < 70
