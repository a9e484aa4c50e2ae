"""A network that looks at the mirror image too: what is left there is right here."""

import pytest
import torch

from mien.nn import graphau
from mien.nn.graphau import HYBRID, SIDED

SIDED_ONE = {"main": HYBRID, "sided": SIDED, "graded": ("AU12L", "AU12R", "AU25")}


def test_partners():
    units = ("AU12", "AU25", "AU12L", "AU12R", "AU06R", "AU06L")
    assert [units[place] for place in graphau.partners(units)] == ["AU12", "AU25", "AU12R", "AU12L", "AU06L", "AU06R"]


@pytest.mark.parametrize("stage", [1, 2])
@torch.inference_mode()
def test_a_mirrored_face_shows_the_same_on_the_other_side(tiny, faces, stage):
    network = tiny(stage=stage, **SIDED_ONE)
    network.grades.weight *= 0.05  # between 0 and 5
    network.grades.bias[:] = 0.5
    here, there = (graphau.read(network, pictures) for pictures in (faces, faces.flip(3)))
    for one, other, units in zip(here[:2], there[:2], (network.units, network.graded), strict=True):
        left, right = (torch.stack([told[:, units.index(f"AU12{side}")] for told in (one, other)]) for side in "LR")
        assert torch.allclose(left, right.flip(0), atol=1e-6) and not torch.allclose(left, right, atol=1e-4)
        both = [place for place, unit in enumerate(units) if unit[-1] not in "LR"]
        assert torch.allclose(one[:, both], other[:, both], atol=1e-6)
    alone = network.tell(faces)
    assert not torch.allclose(alone.scores, here.scores, atol=1e-4)


@torch.inference_mode()
def test_a_published_network_looks_once(tiny, faces):
    network = tiny(mode="compatible", **SIDED_ONE)
    assert torch.equal(graphau.read(network, faces).scores, network(faces))


@torch.inference_mode()
def test_intensities_lie_in_0_to_5(tiny, faces):
    network = tiny(**SIDED_ONE)
    network.grades.weight *= 1000
    told, read = network.tell(faces).intensities, graphau.read(network, faces).intensities
    assert told.min() < 0 and told.max() > 5 and read.min() >= 0 and read.max() <= 5 and 0 < read.mean() < 5
