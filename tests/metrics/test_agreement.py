"""Numbers of agreement, against scikit-learn, scipy and a published table."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, mean_absolute_error, roc_auc_score

from mien.metrics.agreement import agreement, auc, correlations, icc31, occurrence, pearson

#: Four judges on six targets: Shrout & Fleiss 1979, table 2.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


@given(st.integers(0, 10_000), st.integers(12, 60))
def test_all_numbers_are_those_of_the_libraries(seed, n):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[0.0, 5.0], rng.integers(0, 6, n)]).astype(float)
    predicted = np.concatenate([[0.3, 4.0], np.clip(truth[2:] + rng.normal(0, 2, n), 0, 5).round(1)])  # ties and all
    found = agreement(predicted, truth, thresholds=(2, 2))
    yes, there = predicted >= 2, truth >= 2
    assert (found.faces, found.present) == (n + 2, there.sum())
    assert found.f1 == pytest.approx(f1_score(there, yes))
    assert found.accuracy == pytest.approx(accuracy_score(there, yes))
    assert found.balanced == pytest.approx(balanced_accuracy_score(there, yes))
    assert found.auc == pytest.approx(roc_auc_score(there, predicted))
    assert found.pcc == pytest.approx(pearsonr(predicted, truth).statistic)
    assert found.mae == pytest.approx(mean_absolute_error(truth, predicted))


def test_icc_of_the_published_table():
    """Their table 4 gives ICC(3,1) = .71."""
    assert icc31(SHROUT_FLEISS) == pytest.approx(0.7148, abs=5e-5)


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_icc_asks_for_consistency_and_not_for_the_same_level(seed, offset):
    a = np.random.default_rng(seed).normal(size=20)
    assert icc31(np.column_stack([a, a + offset])) == pytest.approx(1)
    assert icc31(np.column_stack([a, -a])) == pytest.approx(-1)
    b = np.random.default_rng(seed + 1).normal(size=20)  # of two judges: twice the covariance over the sum of the variances
    assert icc31(np.column_stack([a, b])) == pytest.approx(2 * np.cov(a, b)[0, 1] / (a.var(ddof=1) + b.var(ddof=1)))


def test_what_is_not_measured_is_left_out():
    predicted, truth = np.array([1.0, np.nan, 3.0, 4.0, 5.0]), np.array([0.0, 5.0, np.nan, 4.0, 5.0])
    kept = [0, 3, 4]
    assert agreement(predicted, truth, thresholds=(2, 2)) == agreement(predicted[kept], truth[kept], thresholds=(2, 2))


def test_numbers_that_are_not_defined_are_nan():
    nothing = asdict(agreement(np.zeros(0), np.zeros(0), thresholds=(2, 2)))
    assert all(math.isnan(value) for name, value in nothing.items() if name not in ("faces", "present"))
    absent = agreement(np.array([0.0, 1.0, 0.5]), np.zeros(3), thresholds=(2, 2))
    assert all(math.isnan(value) for value in (absent.f1, absent.balanced, absent.auc, absent.pcc))
    assert absent.accuracy == 1 and absent.mae == 0.5
    assert occurrence(np.array([True, False]), np.array([False, False]))[0] == 0  # found where there is nothing: no NaN, and no mercy
    assert math.isnan(auc(np.ones(2), np.array([True, True])))
    assert math.isnan(icc31(np.array([[1.0, 2.0], [1.0, 2.0]])))


def test_a_prediction_that_never_changes_says_nothing():
    truth = np.array([0.0, 1.0, 2.0])
    assert pearson(np.full(3, 0.1), truth) == 0
    assert agreement(np.full(3, 0.1), truth, thresholds=(2, 2)).icc == pytest.approx(0)


def test_yes_and_no_have_no_intensities():
    found = agreement(np.array([0.2, 3.0, 4.0]), np.array([0.0, 1.0, 1.0]), thresholds=(2, 0.5), graded=False)
    assert (found.f1, found.auc) == (1, 1)
    assert all(math.isnan(value) for value in (found.pcc, found.mae, found.icc))


def test_each_column_correlates_by_itself():
    """One that follows, one turned round, one that never changes, and one of which the truth never does."""
    draw = np.random.default_rng(0)
    truth = np.column_stack([*draw.normal(size=(3, 50)), np.full(50, 0.1)])
    predicted = np.column_stack([truth[:, 0] + draw.normal(size=50), -2 * truth[:, 1] + 7, np.full(50, 0.1), draw.normal(size=50)])
    found = correlations(predicted, truth)
    assert found[:3] == pytest.approx([pearsonr(predicted[:, 0], truth[:, 0]).statistic, -1, 0]) and np.isnan(found[3])
    assert np.isnan(correlations(np.zeros((0, 2)), np.zeros((0, 2)))).all() and np.isnan(pearson(np.zeros(1), np.ones(1)))
