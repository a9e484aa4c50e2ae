"""AU-CLIP's latents and DiffusionRig's database."""

import io
import os
import pickle

import lmdb
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mien.data.layouts import auclip
from mien.data.layouts.rig import RigData
from mien.errors import DataError, WeightsError


@pytest.fixture
def faces(tmp_path, picture, text):
    """Five latents with scores and renderings; four are chosen."""
    codes = torch.arange(5 * 18 * 512, dtype=torch.float32).view(5, 18, 512)
    torch.save(codes, tmp_path / "train_faces.pt")
    for i in range(5):
        picture(f"training/train_images/{i:05d}.jpg")
        text(f"training/train_aus/{i:05d}.csv", ",".join(str(round(0.1 * i + 0.01 * k, 3)) for k in range(8)))
    text("truncated_index.csv", "0,1,3,4")
    return tmp_path


def test_auclip(faces):
    found = auclip.read(faces)
    assert list(found.problems) == []
    assert found.codes.shape == (5, 18, 512) and found.codes[3, 0, 0] == 3 * 18 * 512
    assert np.allclose(found.scores[3], 0.3 + 0.01 * np.arange(8)) and found.chosen.tolist() == [0, 1, 3, 4]
    assert found.pictures.names == tuple(f"{i:05d}.jpg" for i in range(5)) and found.pictures.read(4).shape == (8, 6, 3)


def test_auclip_names_all_that_is_wrong(faces, picture, text):
    (faces / "training/train_images/00001.jpg").unlink()
    (faces / "training/train_aus/00003.csv").unlink()
    text("training/train_aus/00004.csv", "1,2,3")
    text("training/train_aus/00077.csv", "0,0,0,0,0,0,0,0")
    picture("training/train_images/00088.jpg")
    text("truncated_index.csv", "0,3,1,9")
    found = auclip.read(faces)
    told = {f"{problem}" for problem in found.problems}
    assert {
        "00001.jpg: the rendering is missing",
        "00003: it has no scores",
        "00004.csv: it is not one row of 8 scores between 0 and 1",
        "00077.csv: there is no latent of this number, only 0 to 4",
        "00088.jpg: there is no latent of this number",
        "truncated_index.csv: the indices do not ascend",
        "00009: truncated_index.csv names it, but it has no latent or no scores",
        "00003: truncated_index.csv names it, but it has no latent or no scores",
        "00004: it has no scores",
    } == told
    assert found.chosen.tolist() == [0, 1]


def test_auclip_takes_codes_of_other_generators_from_safetensors(faces):
    codes = torch.randn(5, 10, 16)
    (faces / "train_faces.pt").unlink()
    save_file({"codes": codes}, faces / "train_faces.safetensors")
    assert torch.equal(auclip.read(faces).codes, codes)
    save_file({"codes": codes, "more": codes + 1}, faces / "train_faces.safetensors")
    with pytest.raises(DataError, match="holds list"):
        auclip.read(faces)
    (faces / "train_faces.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match="not a whole file"):
        auclip.read(faces)


class Bomb:
    def __reduce__(self):
        return os.system, ("echo no",)


def test_auclip_refuses_what_is_no_tensor_of_latents(faces):
    for bad, reason in ((torch.zeros(5, 512), r"\[5, 512\]"), ({"a": 1}, "dict"), (Bomb(), "not a whole file")):
        torch.save(bad, faces / "train_faces.pt")
        with pytest.raises(DataError, match=reason):
            auclip.read(faces)
    with pytest.raises(DataError, match=r"test_faces\.pt"):
        auclip.read(faces, "test")


def png(value):
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def rig_of(path, count, extra=None):
    with lmdb.open(str(path), map_size=2**24) as database, database.begin(write=True) as transaction:
        for i in range(count):
            transaction.put(f"image_{i:06d}".encode(), png(10 * i))
            for k, name in enumerate(("rendered", "normal", "albedo")):
                transaction.put(f"{name}_{i:06d}".encode(), pickle.dumps(torch.full((3, 4, 4), i + k / 10)))
        transaction.put(b"length", str(count).encode())
        for key, value in (extra or {}).items():
            transaction.put(key, value) if value else transaction.delete(key)


def test_rig(tmp_path):
    rig_of(tmp_path / "rig", 3)
    found = RigData(tmp_path / "rig")
    assert len(found) == 3 and list(found.problems) == []
    assert (found.image(2) == 20).all()
    assert np.allclose(found.buffers(2)[[0, 3, 6], 0, 0], [2.0, 2.1, 2.2]) and found.buffers(1).shape == (9, 4, 4)
    assert len(pickle.loads(pickle.dumps(found))) == 3


def test_rig_leaves_out_and_names_what_is_not_whole_and_runs_nothing(tmp_path):
    rig_of(tmp_path / "rig", 3, {b"normal_000001": b"", b"length": b"9", b"albedo_000002": pickle.dumps(Bomb())})
    found = RigData(tmp_path / "rig")
    assert len(found) == 2
    assert [str(p) for p in found.problems] == ["000001: normal missing; it is left out", "length: it says 9, but there are 3 items"]
    assert found.buffers(0).shape == (9, 4, 4)
    with pytest.raises(WeightsError, match="albedo_000002"):
        found.buffers(1)
    rig_of(tmp_path / "none", 0)
    with pytest.raises(DataError, match="no whole item"):
        RigData(tmp_path / "none")
