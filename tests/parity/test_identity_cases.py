"""The published network for identity, through the importer and the code that users run."""

import numpy as np
import pytest
import torch

from mien import weights
from mien.convert import importers
from mien.faces.identity import Recognizer
from mien.nn.irse import IRSE, compatible

BOUND = 1e-4  # of the reference's spread


def spread_error(ours, theirs):
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / theirs.std()


def last(pictures):
    """Channels last, as photos are."""
    return np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))


@pytest.fixture(scope="module")
def imported(loaded, tmp_path_factory):
    """The case's arrays, and its tensors as `mien weights import` writes them."""
    folder = tmp_path_factory.mktemp("arcface")
    state, case = loaded("arcface_irse50")
    torch.save(state, folder / "model_ir_se50.pth")
    importers.convert("arcface", folder / "model_ir_se50.pth", folder / "arcface.safetensors")
    return case, folder / "arcface.safetensors"


def test_arcface_irse50(imported):
    """Codes of aligned crops, and of pictures as identity losses show them."""
    case, path = imported
    network = Recognizer(path)
    assert network.name == "arcface, IR-SE-50 of 112 px"
    assert spread_error(network.codes(last(case["in_image112_u8"])), case["out_feat112"]) < BOUND
    large = case["in_image256_u8"]
    assert spread_error(network.compatible_codes(last(large)), case["out_feat256"]) < BOUND
    doubled = large[..., ::-1].repeat(2, axis=2).repeat(2, axis=3)
    assert spread_error(network.compatible_codes(last(doubled)), case["out_feat512"]) < BOUND


def test_arcface_irse50_body(imported):
    """Grids before the last layer, which e4e and pSp share."""
    case, path = imported
    stored = weights.load(path)
    network = weights.fill(IRSE(**{name: value for name, value in stored.config.items() if name != "kind"}), stored)
    with torch.inference_mode():
        pictures = torch.from_numpy(case["in_image112_u8"]).float() / 127.5 - 1
        grid = network.body(network.input_layer(pictures))
    assert spread_error(grid[:, ::8].numpy(), case["out_body112"]) < BOUND


def test_the_case_can_fail(imported):
    """The quirk of the losses is no matter of rounding."""
    case, path = imported
    network = Recognizer(path)
    plain = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(case["in_image256_u8"]).float(), 112)
    quirk = compatible(torch.from_numpy(case["in_image256_u8"]).float())
    assert quirk.shape == plain.shape and not torch.allclose(quirk, plain, atol=1.0)
    other = network.codes(last(plain.round().byte().numpy()))
    assert spread_error(other, case["out_feat256"]) > 100 * BOUND
