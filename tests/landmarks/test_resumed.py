"""The recipes `landmarks` and `details`: stopped and resumed equals never stopped, bit for bit, with several workers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien.data.labelled import LabelledFaces
from mien.data.renders import render
from mien.geometry import head
from mien.recipes import details, landmarks
from mien.recipes.details import DetailsConfig
from mien.recipes.landmarks import LandmarksConfig
from mien.training import RunOptions
from mien.weights import load


@pytest.fixture
def drawn_faces(monkeypatch):
    """Drawn heads in place of the photos, which not every machine has."""
    turned = [render(head.bundled(), angles=(0.0, yaw, 0.0), size=192) for yaw in (-20.0, 0.0, 15.0)]
    faces = LabelledFaces(np.stack([one.photo.rgb for one in turned]), np.stack([one.face.landmarks for one in turned]).astype(np.float32))
    for recipe in (landmarks, details):
        monkeypatch.setattr(recipe, "need", lambda folder, *_: folder)
        monkeypatch.setattr(recipe, "people", lambda *_, **__: [])
        monkeypatch.setattr(recipe, "label_faces", lambda *_, **__: faces)
    monkeypatch.setattr(details, "_flat", lambda _: turned[1].face.landmarks)
    monkeypatch.setattr(landmarks, "validate", lambda *_: 0.0)
    monkeypatch.setattr(details, "validate", lambda *_: {})


@pytest.mark.parametrize(("recipe", "config"), [(landmarks, LandmarksConfig), (details, DetailsConfig)], ids=["landmarks", "details"])
def test_stopped_and_resumed_equals_never_stopped(recipe, config, drawn_faces, tmp_path):
    whole = config(data=tmp_path, out=tmp_path / "whole", batch=2, steps=4, options=RunOptions(precision="bf16-mixed", workers=2, every=2))
    parts = replace(whole, out=tmp_path / "parts")
    weights = recipe.train(whole)
    assert "steps = 4" in load(weights).recipe and str(tmp_path) not in load(weights).recipe  # nobody need know where things lay
    last = recipe.train(parts)
    (parts.out / "step-00000004.ckpt").unlink()
    last.unlink()
    assert recipe.train(parts) == last
    one, other, before = (
        load_file(f) for f in (whole.out / "step-00000004.ckpt", parts.out / "step-00000004.ckpt", parts.out / "step-00000002.ckpt")
    )
    assert sorted(path.name for path in (whole.out / "samples").iterdir()) == ["points-00000002.png", "points-00000004.png"]
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert not all(torch.equal(one[name], before[name]) for name in one)  # the comparison can fail
    assert all(torch.equal(tensor, load_file(last)[name]) for name, tensor in load_file(weights).items())
