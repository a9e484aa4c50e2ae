"""The published mappers of StyleGAN2's codes, through the importers and the code that users run."""

import numpy as np
import torch

from mien import weights
from mien.convert import importers
from mien.nn import mapper

BOUND = 1e-4  # of the reference's spread


def spread_error(ours, theirs):
    ours = ours.numpy()
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / theirs.std()


def imported(kind, state, folder):
    held = {f"mapper.{name}": tensor for name, tensor in state.items()} | {"decoder.input.input": torch.ones(1, 8, 4, 4)}
    torch.save({"state_dict": held, "opts": {"mapper_type": "LevelsMapper"}}, folder / "best_model.pt")
    importers.convert(kind, folder / "best_model.pt", folder / "imported.safetensors")
    return mapper.of(weights.load(folder / "imported.safetensors"))


@torch.inference_mode()
def test_auclip_mapper(loaded, tmp_path):
    """A change for all rows, one for each row, no fine level, and the moved code."""
    state, case = loaded("auclip_mapper")
    network = imported("auclip", state, tmp_path)
    assert network.units == ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")
    change, rows, code = (torch.from_numpy(case[f"in_{name}"]) for name in ("increment", "x_perlayer", "w"))
    moved = network(network.repeated(change))
    assert spread_error(moved[:, [0, 3, 4, 7, 8, 17]], case["out_delta_repeat"]) < BOUND
    assert spread_error((code + mapper.USED * moved)[:, ::3], case["out_w_hat"]) < BOUND
    assert spread_error(network(rows), case["out_delta_perlayer"]) < BOUND
    coarse = imported("auclip", {name: tensor for name, tensor in state.items() if not name.startswith("fine")}, tmp_path)
    assert coarse.levels == ("course_mapping", "medium_mapping")
    assert spread_error(coarse(rows)[:, 6:10], case["out_delta_nofine"]) < BOUND


@torch.inference_mode()
def test_styleclip_mapper(loaded, tmp_path):
    """How a code moves, and where to."""
    state, case = loaded("styleclip_mapper")
    network = imported("styleclip", state, tmp_path)
    code = torch.from_numpy(case["in_w"])
    assert spread_error(network(code), case["out_delta"]) < BOUND
    assert spread_error(code + mapper.USED * network(code), case["out_w_hat"]) < BOUND


@torch.inference_mode()
def test_the_case_can_fail(loaded, tmp_path):
    """The norm along the rows is no matter of rounding."""
    state, case = loaded("auclip_mapper")
    network = imported("auclip", state, tmp_path)
    for level in network.levels:
        network.get_submodule(level).mapping[0].axis = 2
    assert spread_error(network(torch.from_numpy(case["in_x_perlayer"])), case["out_delta_perlayer"]) > 100 * BOUND
