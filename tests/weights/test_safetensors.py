"""Files of mien's own that are cut off, changed or lie about themselves are refused with the reason."""

import json
import struct

import pytest
import torch
from torch import nn

from mien import weights
from mien.errors import WeightsError
from mien.faces.identity import Recognizer

CONFIG = {"config": '{"kind": "test"}'}


def written(path, tensors, data=b"\0" * 16, metadata=CONFIG, length=None, header=None):
    """A safetensors file with a header made by hand."""
    text = header if header is not None else json.dumps({"__metadata__": metadata, **tensors}).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(start=0, end=16, shape=(4,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def test_what_is_written_by_hand_is_read(tmp_path):
    held = weights.load(written(tmp_path / "x.safetensors", {"a": entry()}))
    assert held.tensors["a"].tolist() == [0, 0, 0, 0] and held.config == {"kind": "test"}


HEADER = json.dumps({"__metadata__": CONFIG, "a": entry()}).encode()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"tensors": {"a": entry()}, "length": 2**63}, "header too large"),
        ({"tensors": {"a": entry()}, "length": 200_000_000}, "header too large"),
        ({"tensors": {"a": entry()}, "length": 5000}, "invalid header length"),
        ({"tensors": {"a": entry()}, "length": 10}, "(?i)header"),
        ({"tensors": {"a": entry()}, "header": b"{"}, "(?i)header"),
        ({"tensors": {"a": entry()}, "data": b"\0" * 15}, "incomplete metadata"),
        ({"tensors": {"a": entry()}, "data": b"\0" * 17}, "incomplete metadata"),
        ({"tensors": {"a": entry(0, 16), "b": entry(8, 24)}, "data": b"\0" * 24}, "invalid offset"),
        ({"tensors": {"a": entry(0, 16), "b": entry(20, 36)}, "data": b"\0" * 36}, "invalid offset"),
        ({"tensors": {"a": entry(4, 20)}, "data": b"\0" * 20}, "invalid offset"),
        ({"tensors": {"a": entry(16, 0)}}, "(?i)invalid|overflow"),
        ({"tensors": {"a": entry(shape=(5,))}}, "(?i)invalid|shape"),
        ({"tensors": {"a": entry(shape=(2**40, 2**40))}}, "(?i)overflow|invalid|shape"),
        ({"tensors": {"a": entry(0, 2**62)}}, "(?i)invalid|incomplete|shape"),
        ({"tensors": {"a": entry(dtype="F99")}}, "unknown variant"),
        ({"tensors": {}, "header": HEADER[:-1] + b', "a": ' + json.dumps(entry(0, 8, (2,))).encode() + b"}"}, "is not a whole"),
        ({"tensors": {"a": entry()}, "metadata": {}}, "has no mien configuration in its header: convert it with"),
        ({"tensors": {"a": entry()}, "metadata": {"config": "{"}}, "is no JSON"),
        ({"tensors": {"a": entry()}, "metadata": {"config": "[1]"}}, "is no table of options"),
        ({"tensors": {"a": entry()}, "data": struct.pack("<4f", 0, 1, float("nan"), 2)}, r"a in .* holds NaN: fetch or convert it again"),
    ],
    ids=range(20),
)
def test_a_file_that_lies_is_refused(tmp_path, parts, reason):
    path = written(tmp_path / "lies.safetensors", **parts)
    with pytest.raises(WeightsError, match=reason) as error:
        weights.load(path)
    assert "lies.safetensors" in str(error.value) and "\n" not in str(error.value)


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    content = written(tmp_path / "whole.safetensors", {"a": entry()}).read_bytes()
    for end in range(len(content)):
        (tmp_path / "cut.safetensors").write_bytes(content[:end])
        with pytest.raises(WeightsError, match="is not a whole safetensors file"):
            weights.load(tmp_path / "cut.safetensors")


def test_tensors_of_another_network_are_named(tmp_path):
    network = nn.Linear(3, 2)
    weights.save(tmp_path / "x.safetensors", {"weight": torch.ones(2, 4), "offset": torch.ones(2)}, {})
    with pytest.raises(
        WeightsError, match=r"does not fit Linear: missing bias; unknown offset; weight is \(2, 4\), the network needs \(2, 3\)"
    ):
        weights.fill(network, weights.load(tmp_path / "x.safetensors"))


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "held.safetensors").write_bytes(b"as it was")
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(WeightsError, match=r"held\.safetensors cannot be written: No space left on device"):
        weights.save(tmp_path / "held.safetensors", {"a": torch.ones(3)}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["held.safetensors"]
    assert (tmp_path / "held.safetensors").read_bytes() == b"as it was"


def test_a_configuration_that_lies_is_refused_before_memory_is_taken(tmp_path):
    config = {"kind": "arcface", "size": 112, "units": [1, 1, 1, 1], "widths": [200_000] * 4, "code": 512}  # a terabyte of network
    weights.save(tmp_path / "vast.safetensors", {"a": torch.zeros(2)}, config)
    with pytest.raises(WeightsError, match="does not fit IRSE: missing"):
        Recognizer(tmp_path / "vast.safetensors")
    weights.save(tmp_path / "other.safetensors", {"a": torch.zeros(2)}, {"kind": "head"})
    with pytest.raises(WeightsError, match=r"is no network for identity .* but head"):
        Recognizer(tmp_path / "other.safetensors")
