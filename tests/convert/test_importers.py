"""Published head models come in once and are read back whole."""

import pytest
import torch

from mien.convert import importers
from mien.errors import UsageError, WeightsError
from mien.geometry import head


def test_a_head_is_saved_and_read_back(tmp_path):
    model = head.bundled()
    head.save(model, tmp_path / "head.safetensors")
    again = head.load(tmp_path / "head.safetensors")
    assert (again.name, again.shape_names, again.axes_known) == (model.name, model.shape_names, model.axes_known)
    shape, aus = torch.linspace(-1, 1, len(model.identity)), torch.full((model.mixing.shape[0],), 2.0)
    assert torch.allclose(again.vertices(shape, aus), model.vertices(shape, aus), atol=1e-5)
    assert again.loops.keys() == model.loops.keys()
    assert torch.equal(again.landmarks(again.mean), model.landmarks(model.mean))


def test_an_unknown_format_and_a_file_of_another_kind_are_refused(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'flame'"):
        importers.convert("flam", tmp_path / "x.pkl", tmp_path / "out.safetensors")
    (tmp_path / "generic_model.pkl").write_bytes(b"no pickle")
    with pytest.raises(WeightsError, match=r"generic_model\.pkl"):
        importers.convert("flame", tmp_path / "generic_model.pkl", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.data
def test_ict_comes_in_with_its_action_units(data, tmp_path):
    importers.convert("ict", data / "ict_face_model.npz", tmp_path / "ict.safetensors")
    model = head.load(tmp_path / "ict.safetensors")
    assert model.name == "ict" and "AU12L" in model.axes_known
