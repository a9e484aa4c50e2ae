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
    usual = axes(AU12=0.6, AU04=0.7, AU25=0.5)
    wanted = understanding.asked(axes(AU12=2.5, AU04=0.1, AU25=0.6), usual)
    assert wanted["AU12"] == pytest.approx(4.0) and wanted["AU04"] == 0
    assert np.isnan(wanted["AU25"]) and np.isnan(wanted["AU01"])
    assert understanding.asked(axes(AU12=4.9), usual)["AU12"] == aus.MAX_INTENSITY


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
    assert wanted["AU12"] > 2 and wanted["AU04L"] == 0 and np.isnan(wanted["AU26"])
    with pytest.raises(EditError, match="'a face' names no expression that this small CLIP knows"):
        text.expression("a face", file)


def test_a_network_without_a_map_moves_codes(file):
    stored = weights.load(file)
    own = {name: tensor for name, tensor in stored.tensors.items() if not name.startswith(understanding.UNITS)}
    weights.save(file, own, stored.config)
    assert text.default(file) == "directions"
    with pytest.raises(EditError, match=r"clip\.safetensors knows no action units"):
        text.expression("a smile", file)
