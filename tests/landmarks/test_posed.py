"""Expressions drawn for training: random, in range, and labelled by whoever drew them."""

import numpy as np
import pytest

from mien import registry
from mien.aus import MAX_INTENSITY
from mien.data.posed import posed, random_expression
from mien.data.renders import render
from mien.edits import AUEdit, Change
from mien.faces.align import cut
from mien.geometry import head
from mien.types import CropSpec

UPPER_LID, LOWER_LID, CHIN, NOSE = 159, 145, 152, 1


def test_random_expressions_stay_in_range_differ_and_shut_eyes_often():
    edits = [random_expression(np.random.default_rng(seed)) for seed in range(300)]
    values = np.array([change.value for edit in edits for change in edit.changes])
    assert values.min() >= 0.0
    assert values.max() <= MAX_INTENSITY
    assert not any(change.relative for edit in edits for change in edit.changes)
    shut = np.mean([any(change.axis == "AU43L" for change in edit.changes) for edit in edits])
    assert 0.2 < shut < 0.4
    assert len({str(edit) for edit in edits}) > 250


@pytest.fixture(scope="module")
def crop():
    drawn = render(head.bundled(), size=256)
    return cut(drawn.photo, drawn.face, CropSpec())


def test_posed_faces_are_reproducible_and_labelled(crop):
    one, two = (list(posed(registry.engine("mesh"), crop, 3, np.random.default_rng(3))) for _ in range(2))
    assert all(np.array_equal(a.rgb, b.rgb) and np.array_equal(a.landmarks, b.landmarks) for a, b in zip(one, two, strict=True))
    assert all((drawn.rgb != crop.rgb).any() for drawn in one)


@pytest.mark.parametrize(
    ("axes", "above", "below"), [(("AU43L", "AU43R"), UPPER_LID, LOWER_LID), (("AU27",), CHIN, NOSE)], ids=["lids shut", "jaw drops"]
)
def test_drawn_landmarks_follow_the_command(crop, axes, above, below):
    engine = registry.engine("mesh")
    code = engine.encode([crop])[0]
    steps = [AUEdit(tuple(Change(axis, dose, relative=False) for axis in axes)) for dose in (0.0, 2.5, 5.0)]
    drawn = engine.decode([engine.shift(code, step) for step in steps])
    apart = [points[below, 1] - points[above, 1] for points in (d.landmarks for d in drawn)]
    assert apart[0] > apart[1] + 0.5 > apart[2] + 1.0
