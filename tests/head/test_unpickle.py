import io
import os
import pickle

import numpy as np
import pytest
import torch
from scipy import sparse

from mien.convert import unpickle
from mien.errors import WeightsError


class _Attack:
    def __reduce__(self):
        return os.system, ("echo executed > executed.txt",)


@pytest.fixture
def write(tmp_path):
    def write(value, protocol=2):
        path = tmp_path / "value.pkl"
        path.write_bytes(pickle.dumps(value, protocol=protocol))
        return path

    return write


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_reads_arrays_sparse_matrices_tensors_and_chumpy(write, chumpy, protocol):
    array = np.arange(6.0).reshape(2, 3)
    value = {
        "array": array,
        "sparse": sparse.csc_matrix(array),
        "tensor": torch.from_numpy(array),
        "chumpy": chumpy(array),
        "list": [chumpy(array), "text", 3],
        "scalar": np.float32(1.5),
    }
    found = unpickle.read(write(value, protocol))
    for name in ("array", "tensor", "chumpy"):
        assert np.array_equal(np.asarray(found[name]), array), name
    assert np.array_equal(found["sparse"].toarray(), array)
    assert np.array_equal(found["list"][0], array)
    assert found["list"][1:] == ["text", 3]
    assert found["scalar"] == np.float32(1.5)


def test_refuses_a_call_and_does_not_make_it(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write({"v_template": _Attack()})
    with pytest.raises(WeightsError, match="system"):
        unpickle.read(path)
    assert not (tmp_path / "executed.txt").exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "builtins getattr", "importlib import_module", "subprocess Popen", "torch load", "numpy load", "pickle loads"]
)
def test_refuses_every_other_name(tmp_path, name):
    path = tmp_path / "bad.pkl"
    path.write_bytes(b"c" + name.replace(" ", "\n").encode() + b"\n(S'1'\ntR.")
    with pytest.raises(WeightsError, match="refused"):
        unpickle.read(path)


def test_refuses_a_class_off_the_list_by_the_old_protocol(tmp_path):
    buffer = io.BytesIO()
    buffer.write(b"ccopy_reg\n_reconstructor\n(c_codecs\nencode\nc__builtin__\nobject\nNtR.")
    path = tmp_path / "bad.pkl"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError):
        unpickle.read(path)


def test_refuses_sparse_indices_out_of_range(write):
    matrix = sparse.csc_matrix(np.eye(3))
    matrix.indices = matrix.indices + 1_000_000
    with pytest.raises(WeightsError):
        unpickle.read(write(matrix))


@pytest.mark.parametrize("data", [b"", b"not a pickle", pickle.dumps(np.ones(100))[:-40]])
def test_refuses_damaged_files(tmp_path, data):
    path = tmp_path / "bad.pkl"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"bad\.pkl"):
        unpickle.read(path)
