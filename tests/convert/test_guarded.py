"""A conversion runs in a process of its own: its errors come back as they are, and its limits hold."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from mien import weights
from mien.convert import guarded
from mien.convert.guarded import Limits
from mien.errors import DataError, UsageError, WeightsError

MIB = 2**20


@pytest.fixture
def honest(tmp_path):
    torch.save({"a": torch.ones(3)}, tmp_path / "honest.pt")
    return tmp_path / "honest.pt"


def test_the_result_appears_and_nothing_else(honest, tmp_path):
    guarded.convert("tensors", honest, tmp_path / "out" / "held.safetensors")
    assert torch.equal(weights.load(tmp_path / "out" / "held.safetensors").tensors["a"], torch.ones(3))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["held.safetensors"]


def test_errors_come_back_as_they_are(tmp_path):
    (tmp_path / "bomb.pt").write_bytes(b"cos\nsystem\n(S'echo executed > executed.txt'\ntR.")
    with pytest.raises(WeightsError, match=r"bomb\.pt: the pickle asks for os\.system, which holds no numbers: refused"):
        guarded.convert("tensors", tmp_path / "bomb.pt", tmp_path / "out" / "held.safetensors")
    with pytest.raises(DataError, match="no ICT-FaceKit model at"):
        guarded.convert("ict", tmp_path / "nowhere.npz", tmp_path / "out" / "held.safetensors")
    with pytest.raises(UsageError, match="did you mean 'tensors'"):
        guarded.convert("tensor", tmp_path / "bomb.pt", tmp_path / "out" / "held.safetensors")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_file_that_swells_its_reader_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "zeros.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (400 * MIB,)})
        for _ in range(400):
            member.write(bytes(MIB))
    assert (tmp_path / "zeros.npz").stat().st_size < 4 * MIB
    with pytest.raises(WeightsError, match=r"takes more than 0\.7 GiB of memory, far more than its size needs: refused"):
        guarded.convert("tensors", tmp_path / "zeros.npz", tmp_path / "held.safetensors", Limits(seconds=300, memory=720 * MIB))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["zeros.npz"]


def test_a_reader_that_takes_too_long_or_dies_is_told(honest, tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="was not read after 0 s, far longer than its size needs"):
        guarded.convert("tensors", honest, tmp_path / "held.safetensors", Limits(seconds=0.05, memory=2**32))
    monkeypatch.setattr(guarded.sys, "executable", "/bin/false")
    with pytest.raises(WeightsError, match=r"ended early \(exit code 1\); its limit was"):
        guarded.convert("tensors", honest, tmp_path / "held.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["honest.pt"]


@pytest.mark.parametrize("name", ["one_of", "difflib", "__doc__", "Iterable", "", 7])
def test_only_errors_of_mien_are_told_as_such(tmp_path, name):
    done = subprocess.CompletedProcess([], 1, stdout=json.dumps({"error": name, "text": "anything"}), stderr="it broke")
    told = guarded._told(tmp_path / "a.pt", done, Limits(seconds=1, memory=2**30))
    assert isinstance(told, WeightsError) and "ended early (it broke)" in str(told)


def test_a_module_in_the_folder_of_the_file_is_not_imported(honest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')")
    guarded.convert("tensors", honest, tmp_path / "held.safetensors")
    assert (tmp_path / "held.safetensors").is_file()
