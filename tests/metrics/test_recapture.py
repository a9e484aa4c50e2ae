"""Codes commanded and found again."""

import math

import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error

from mien.errors import DataError
from mien.metrics.recapture import reinference_errors


def test_each_group_has_its_root_mean_square():
    rng = np.random.default_rng(0)
    commanded, found = (
        {"light": rng.normal(size=(7, 27)), "pose": rng.normal(size=(7, 6)), "camera": rng.normal(size=(7, 3))} for _ in "ab"
    )
    del commanded["camera"]
    errors = reinference_errors(commanded, found)
    assert errors == {
        group: pytest.approx(root_mean_squared_error(codes.ravel(), found[group].ravel())) for group, codes in commanded.items()
    }
    assert set(reinference_errors(commanded, commanded).values()) == {0.0}


def test_pictures_in_which_nothing_was_found_are_left_out():
    commanded, found = np.zeros((3, 2)), np.array([[3.0, 4.0], [np.nan, 0.0], [3.0, 4.0]])
    assert reinference_errors({"pose": commanded}, {"pose": found})["pose"] == pytest.approx(math.sqrt(12.5))
    assert math.isnan(reinference_errors({"pose": commanded}, {"pose": np.full((3, 2), np.nan)})["pose"])


def test_codes_of_another_capture_are_refused():
    with pytest.raises(DataError, match="the capture gives no light: it gives pose, shape"):
        reinference_errors({"light": np.zeros((1, 27))}, {"pose": np.zeros((1, 6)), "shape": np.zeros((1, 100))})
    with pytest.raises(DataError, match=r"light was commanded as \(1, 27\) numbers and found as \(1, 9\)"):
        reinference_errors({"light": np.zeros((1, 27))}, {"light": np.zeros((1, 9))})
