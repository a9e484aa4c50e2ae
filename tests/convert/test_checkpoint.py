"""Checkpoints of every kind come in number for number; what is cut off, changed or lies about itself is refused with the reason."""

import argparse
import collections
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from mien.convert import checkpoint
from mien.errors import WeightsError


@pytest.fixture
def network():
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4))
    for number, tensor in enumerate(layers.state_dict().values()):
        tensor.copy_(torch.arange(tensor.numel(), dtype=tensor.dtype).reshape(tensor.shape) + number)
    return layers


def read(path):
    return checkpoint.tensors(checkpoint.read(path))


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "row"])
def test_a_checkpoint_of_torch_comes_in_number_for_number(tmp_path, network, zip_format):
    numbers = torch.arange(24.0).reshape(4, 6)
    value = {
        "g_ema": network.state_dict(),
        "optim": torch.optim.Adam(network.parameters()).state_dict(),
        "args": argparse.Namespace(size=256, path="ffhq"),
        "settings": collections.defaultdict(list, lr=[0.1]),
        "parameter": nn.Parameter(numbers),
        "views": [numbers[1:3, ::2], numbers.T, numbers[:0]],
        "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "kinds": {str(kind): torch.tensor([1], dtype=kind) for kind in (torch.bool, torch.uint8, torch.int16, torch.int64, torch.float64)},
        "array": np.arange(4, dtype=">f4"),
        "device": torch.device("cpu"),
        "none": None,
    }
    torch.save(value, tmp_path / "model.ckpt", _use_new_zipfile_serialization=zip_format)
    held = checkpoint.read(tmp_path / "model.ckpt")
    assert held["args"] == {"size": 256, "path": "ffhq"} and held["settings"] == {"lr": [0.1]} and held["none"] is None
    found = checkpoint.tensors(held)
    assert all(torch.equal(found[f"g_ema.{name}"], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(found["parameter"], numbers) and not found["parameter"].requires_grad
    assert all(torch.equal(found[f"views.{i}"], view) for i, view in enumerate(value["views"]))
    assert torch.equal(found["half"], value["half"])
    assert all(torch.equal(found[f"kinds.{name}"], tensor) for name, tensor in value["kinds"].items())
    assert found["array"].tolist() == [0, 1, 2, 3]
    found["parameter"].zero_()
    assert torch.equal(found["views.1"], numbers.T), "every tensor has memory of its own"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_torchscript_archive_is_read_without_its_code(tmp_path, network):
    script = torch.jit.trace(network.eval(), torch.zeros(1, 3, 8, 8))
    torch.jit.save(script, str(tmp_path / "script.pt"))
    found = read(tmp_path / "script.pt")
    assert all(torch.equal(found[name], tensor) for name, tensor in network.state_dict().items())


def test_pickles_and_files_of_numpy(tmp_path):
    arrays = {"mean": np.arange(6.0).reshape(2, 3), "faces": np.asfortranarray(np.arange(6).reshape(3, 2))}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(arrays))
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    for name in ("a.pkl", "a.npz", "b.npz"):
        found = read(tmp_path / name)
        assert {key: found[key].numpy().tolist() for key in found} == {key: array.tolist() for key, array in arrays.items()}
    np.save(tmp_path / "a.npy", arrays["faces"])
    assert read(tmp_path / "a.npy")["value"].tolist() == arrays["faces"].tolist()
    np.save(tmp_path / "embedding.npy", np.array({"faces": np.arange(3), "bary": torch.ones(2)}, dtype=object), allow_pickle=True)
    assert sorted(read(tmp_path / "embedding.npy")) == ["bary", "faces"]


def test_the_suffix_is_not_believed(tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "model.npz")
    assert read(tmp_path / "model.npz").keys() == network.state_dict().keys()


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "row"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, network, zip_format):
    torch.save(network.state_dict(), tmp_path / "whole.pt", _use_new_zipfile_serialization=zip_format)
    content = (tmp_path / "whole.pt").read_bytes()
    for end in {*range(0, len(content), len(content) // 60), len(content) - 1}:
        (tmp_path / "cut.pt").write_bytes(content[:end])
        with pytest.raises(WeightsError, match=r"cut\.pt"):
            read(tmp_path / "cut.pt")


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "row"])
def test_changed_bytes_make_other_numbers_or_one_error(tmp_path, network, zip_format):
    torch.save(network.state_dict(), tmp_path / "whole.pt", _use_new_zipfile_serialization=zip_format)
    content = (tmp_path / "whole.pt").read_bytes()
    draw, refused = np.random.default_rng(0), 0
    for _ in range(300):
        changed = bytearray(content)
        for at in draw.integers(len(content), size=3):
            changed[at] = draw.integers(256)
        (tmp_path / "changed.pt").write_bytes(changed)
        try:
            read(tmp_path / "changed.pt")
        except WeightsError:
            refused += 1
    assert refused > 100


def strided(offset, size, stride, *, kind="FloatStorage", count=4, data=b"\0" * 16, extra=()):
    """A zip file of torch with one tensor in one storage."""
    buffer, numbers = io.BytesIO(), object()

    class Written(pickle.Pickler):
        def persistent_id(self, thing):
            return ("storage", getattr(torch, kind), "0", "cpu", count) if thing is numbers else None

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (numbers, offset, size, stride, False, collections.OrderedDict())

    Written(buffer, protocol=2).dump({"weight": Tensor()})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name, content in (("a/data.pkl", buffer.getvalue()), ("a/data/0", data), *extra):
            members.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (strided(0, (5,), (1,)), r"size \(5,\) reaches beyond its storage of 4 numbers"),
        (strided(3, (2,), (1,)), "reaches beyond its storage"),
        (strided(0, (2, 2), (3, 1)), "reaches beyond its storage"),
        (strided(0, (10**12,), (0,)), "reaches beyond its storage"),
        (strided(0, (2**40, 2**40), (1, 1)), "reaches beyond its storage"),
        (strided(-1, (2,), (1,)), "offset -1"),
        (strided(0, (2,), (-1,)), r"stride \(-1,\)"),
        (strided(0, (2, 2), (1,)), r"size \(2, 2\), stride \(1,\)"),
        (strided(0, (2.0,), (1,)), r"size \(2.0,\)"),
        (strided(0, (4,), (1,), count=5), "a storage of 5 numbers needs 20 bytes, the file has 16 for it"),
        (strided(0, (4,), (1,), count=2**60), "the file has 16 for it"),
        (strided(0, (4,), (1,), count=-4), "a storage '0' of -4 numbers"),
        (strided(0, (4,), (1,), data=b""), "the file has 0 for it"),
        (strided(0, (4,), (1,), kind="ComplexFloatStorage"), "asks for torch.ComplexFloatStorage"),
        (strided(0, (4,), (1,), extra=[("a/byteorder", b"big")]), "its numbers are big-endian"),
        (strided(0, (4,), (1,), data=np.array([0, 1, np.nan, 2], "<f4").tobytes()), "weight holds NaN: the file is damaged"),
    ],
    ids=range(16),
)
def test_tensors_that_lie_are_refused(tmp_path, content, reason):
    (tmp_path / "lies.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        read(tmp_path / "lies.pt")


def npy(shape, kind="<f4", data=b"\0" * 16):
    header = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (npy((5,)), r"shape \(5,\) and type float32 needs 20 bytes, the file has 16"),
        (npy((2**50,)), "the file has 16"),
        (npy((3,)), "needs 12 bytes, the file has 16"),
        (npy((4,), kind="O"), "is not a whole file of arrays"),
        (npy((), kind="O", data=b"cos\nsystem\n(S'x'\ntR."), "asks for os.system"),
        (b"\x93NUMPY\x03\x00" + npy((4,))[8:], "of version"),
        (npy((4,))[:60], "is not a whole file of arrays"),
        (b"<!DOCTYPE html><title>Quota exceeded</title>", "is not a whole pickle"),
        (b"", "is not a whole pickle"),
        (struct.pack("<Q", 20) + b'{"a":{"dtype":"F32"}}', "is a safetensors file: mien reads those as they are"),
        (pickle.dumps({"epoch": 3}), "there is no tensor in it"),
    ],
    ids=range(11),
)
def test_other_files_that_lie_or_are_something_else_are_refused(tmp_path, content, reason):
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        read(tmp_path / "other.pth")


def test_two_tensors_of_one_name_and_no_file_are_refused(tmp_path):
    torch.save({"a": {"b": torch.ones(1)}, "a.b": torch.ones(1)}, tmp_path / "twice.pt")
    with pytest.raises(WeightsError, match=r"two tensors have the name a\.b"):
        read(tmp_path / "twice.pt")
    with pytest.raises(WeightsError, match="no file at"):
        read(tmp_path / "nowhere.pt")
