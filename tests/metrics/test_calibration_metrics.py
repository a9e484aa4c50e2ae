"""Brier score, expected calibration error and the table of a reliability diagram."""

import math

import numpy as np
import pytest

from mien.metrics.calibration import brier_score, calibration_error, calibrations, reliabilities, reliability

SAID = np.array([0.05, 0.15, 0.15, 0.95, 1.0, math.nan, 0.5])
LABELS = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, math.nan])


def test_each_bin_says_what_was_said_and_what_was_found():
    table = reliability(SAID, LABELS)
    np.testing.assert_allclose(table[["from", "to"]], [[0.0, 0.1], [0.1, 0.2], [0.9, 1.0]])
    assert table["faces"].tolist() == [1, 2, 2]
    np.testing.assert_allclose(table["said"], [0.05, 0.15, 0.975])
    np.testing.assert_allclose(table["found"], [0.0, 0.5, 1.0])


def test_the_error_is_what_bins_are_off_in_the_mean_over_faces():
    assert calibration_error(SAID, LABELS) == pytest.approx((1 * 0.05 + 2 * 0.35 + 2 * 0.025) / 5)
    assert calibration_error(SAID, LABELS, bins=1) == pytest.approx(abs(np.mean(SAID[:5]) - 0.6))


def test_the_brier_score_is_the_mean_square():
    assert brier_score(SAID, LABELS) == pytest.approx((0.05**2 + 0.15**2 + 0.85**2 + 0.05**2 + 0) / 5)
    assert brier_score(np.full(4, 0.5), np.array([0.0, 1, 1, 0])) == 0.25


def test_probabilities_that_mean_what_they_say_have_no_error_and_others_have():
    rng = np.random.default_rng(0)
    chance = rng.uniform(0, 1, 60_000)
    labels = (rng.uniform(0, 1, 60_000) < chance).astype(float)
    assert calibration_error(chance, labels) < 0.01
    assert calibration_error(chance**3, labels) > 0.2
    assert brier_score(chance, labels) < brier_score(chance**3, labels)


def test_every_unit_has_its_rows():
    said, labels = np.stack([SAID, 1 - SAID], axis=1), np.stack([LABELS, np.full(7, math.nan)], axis=1)
    table = calibrations(["AU12", "AU04"], said, labels)
    assert table["unit"].tolist() == ["AU12", "AU04"] and table["faces"].tolist() == [5, 0]
    assert table["present"][0] == pytest.approx(0.6) and table["ece"][0] == pytest.approx(calibration_error(SAID, LABELS))
    assert table["brier"][0] == pytest.approx(brier_score(SAID, LABELS))
    assert table.loc[1, ["present", "brier", "ece"]].isna().all()
    rows = reliabilities(["AU12", "AU04"], said, np.stack([LABELS, LABELS], axis=1))
    assert rows["unit"].tolist() == ["AU12"] * 3 + ["AU04"] * 3
    np.testing.assert_allclose(rows[rows["unit"] == "AU12"].drop(columns="unit"), reliability(SAID, LABELS))
    np.testing.assert_allclose(rows.loc[rows["unit"] == "AU04", "from"], [0.0, 0.8, 0.9])
    assert len(reliabilities(["AU12", "AU04"], said, labels)) == 3
