"""Texts in action units: what a map tells beyond what it tells of nothing."""

import numpy as np
import pytest
import torch

from mien import aus, text, weights
from mien.errors import EditError
from mien.losses import clip as losses
from mien.nn import clip
from mien.nn.tokens import WORDS, packed_words
from mien.text import understanding

from .conftest import KNOWN, small_clip


def axes(**values):
    return aus.AUVector.of(values).values


def test_what_is_seen_beyond_nothing_is_asked_for_and_what_is_ruled_out_is_0():
    usual = axes(AU12=0.6, AU04=0.7, AU25=0.5, AU15=0.2)
    wanted = understanding.asked(axes(AU12=2.5, AU04=0.7, AU25=0.6, AU15=0.1), usual)
    assert wanted["AU12"] == pytest.approx(1.6 * 2.5)
    assert np.isnan([wanted[unit] for unit in ("AU25", "AU01", "AU04", "AU15")]).all()  # the mouth alone is spoken of
    assert understanding.asked(axes(AU12=4.9), usual)["AU12"] == aus.MAX_INTENSITY
    closed = understanding.asked(axes(AU12=0.6, AU04=0.7, AU25=0.05, AU15=0.2), usual)
    assert closed["AU25"] == 0 and np.isnan(closed["AU12"])


def test_words_for_several_parts_mean_all_of_the_expression():
    usual = axes(AU12=0.6, AU04=0.7, AU25=0.5, AU23=0.3, AU61=0.5)
    angry = understanding.asked(axes(AU12=0.5, AU04=3.0, AU25=0.6, AU23=2.0, AU61=0.5), usual)
    assert angry["AU04"] == pytest.approx(4.8) and angry["AU23"] == pytest.approx(3.2)
    assert angry["AU12"] == 0 and angry["AU01"] == 0  # a smile ends
    assert np.isnan(angry["AU25"]) and np.isnan(angry["AU61"])  # a little more than usual; gaze is nobody's emotion
    rest = understanding.asked(axes(AU12=0.1, AU04=0.1, AU25=0.1, AU23=0.3, AU61=0.5), usual)
    assert rest["AU12"] == rest["AU04"] == rest["AU25"] == 0


@pytest.fixture
def file(tmp_path):
    """A network whose map tells AU12 of the direction of "smile", AU4 against it."""
    network = small_clip()
    comparer = losses.Comparer(network, KNOWN)
    smile, nothing = comparer.texts(["a smile", "a face"])
    weight = torch.zeros(len(aus.AXES), 16)
    weight[aus.AXES.index("AU12L")] = weight[aus.AXES.index("AU12R")] = 3 * (smile - nothing) / (smile - nothing).square().sum()
    weight[aus.AXES.index("AU04L")] = -weight[aus.AXES.index("AU12L")]
    beside = {f"{understanding.UNITS}weight": weight, f"{understanding.UNITS}bias": torch.full((len(aus.AXES),), 0.3)}
    path = tmp_path / "clip.safetensors"
    weights.save(path, network.state_dict() | beside | {WORDS: packed_words(KNOWN)}, {"kind": clip.KIND, **network.config})
    return path


def test_the_map_of_a_file_reads_texts(file):
    assert text.understands(file) and text.default(file) == "units"
    wanted = text.expression("a smile", file)
    assert wanted["AU12"] > 2 and wanted["AU04L"] == 0 and np.isnan(wanted["AU61"])
    stored = weights.load(file)
    flat = {name: tensor * 0 if name == f"{understanding.UNITS}weight" else tensor for name, tensor in stored.tensors.items()}
    weights.save(file, flat, stored.config)
    with pytest.raises(EditError, match="'a smile' names no expression that this small CLIP knows"):
        text.expression("a smile", file)


def test_an_imported_network_moves_codes_and_units_are_understood_by_the_one_that_knows_them(file, tmp_path, monkeypatch):
    """As after `mien weights import clip`: the imported one goes first, and knows no units."""
    stored = weights.load(file)
    (cache := tmp_path / "cache").mkdir()
    own = {name: tensor for name, tensor in stored.tensors.items() if not name.startswith(understanding.UNITS)}
    weights.save(cache / "clip-vit.safetensors", own, stored.config)
    monkeypatch.setenv("MIEN_CACHE", str(cache))
    monkeypatch.setattr(weights, "assets", lambda: file.parent)
    assert text.default() == "directions" and text.default(codes=False) == "units"
    assert text.expression("a smile") == text.expression("a smile", file)


def test_a_network_without_a_map_moves_codes(file):
    stored = weights.load(file)
    own = {name: tensor for name, tensor in stored.tensors.items() if not name.startswith(understanding.UNITS)}
    weights.save(file, own, stored.config)
    assert text.default(file) == "directions"
    with pytest.raises(EditError, match=r"clip\.safetensors knows no action units"):
        text.expression("a smile", file)


def test_phrases_between_commas_are_understood_each_by_itself():
    """By the network that ships."""
    both = text.expression("slightly smiling, eyes closed")
    smile, shut, big = (text.expression(words) for words in ("slightly smiling", "eyes closed", "a big smile"))
    assert both["AU12"] == smile["AU12"] and both["AU43"] == shut["AU43"] and 0 < smile["AU12"] < big["AU12"]
    ended = text.expression("no smile, eyes closed")
    assert ended["AU12"] == 0 and ended["AU43"] == shut["AU43"]
    assert text.expression("a big smile, no smile")["AU12"] == 0, "the last one counts"
