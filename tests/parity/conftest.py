"""Parity cases: inputs and outputs of published implementations, one folder each; tests are named after them."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session")
def cases():
    """The folder of the cases: $MIEN_PARITY, or the copy kept here."""
    return Path(os.environ.get("MIEN_PARITY", Path(__file__).parent / "cases"))


@pytest.fixture(scope="session")
def loaded(cases):
    """The state dict of a case, which its manifest describes, and its arrays."""

    def load(name):
        if "MIEN_PARITY" not in os.environ and not (cases / name).is_dir():
            pytest.skip(f"the case {name} is large: MIEN_PARITY names the folder that has it")
        manifest = json.loads((cases / name / "manifest.json").read_text())
        salt = manifest.get("salt", "")
        state = {key: torch.from_numpy(np.asarray(drawn(key, spec, salt))) for key, spec in manifest["tensors"].items()}
        with np.load(cases / name / "case.npz") as case:
            return state, dict(case)

    return load


def drawn(name, spec, salt):
    """A tensor of a case: literal, else uniform in [low, high), else normal, of a seed that its name and the salt make."""
    kind, shape = np.dtype(spec["dtype"]), tuple(spec["shape"])
    if "value" in spec:
        return np.broadcast_to(np.asarray(spec["value"], kind), shape).copy()
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(f"{salt}:{name}".encode())))
    if "low" in spec:
        return rng.uniform(spec["low"], spec["high"], shape).astype(kind)
    return (np.float32(spec["mean"]) + np.float32(spec["std"]) * rng.standard_normal(shape, np.float32)).astype(kind)
