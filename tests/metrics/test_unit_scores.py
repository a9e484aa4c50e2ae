"""Tables against tables: which faces and units count, and what is told of the others."""

import math

import numpy as np
import pandas as pd
import pytest

from mien.errors import DataError
from mien.metrics.agreement import agreement
from mien.metrics.points import box_sides, errors, eye_distances, score_points, summary
from mien.metrics.units import score_units
from mien.tables.reading import read

TRUTH = {"file": ["a", "b", "c", "d"], "AU12": [0, 1, 4, 5], "AU17": [0, 0, 0, 0], "AU27": [0, 3, 0, 0]}
PREDICTED = {"file": ["b", "c", "d", "e"], "AU12": [0.5, 1.0, 4.0, 0], "AU17": [0, 1, 0, 0], "AU01": [0, 0, 0, 0]}


@pytest.fixture
def scored(tmp_path):
    def score(predicted, truth, threshold=2.0):
        for name, columns in (("pred", predicted), ("truth", truth)):
            pd.DataFrame(columns).to_csv(tmp_path / f"{name}.csv", index=False)
        return score_units(read(tmp_path / "pred.csv"), read(tmp_path / "truth.csv"), threshold)

    return score


def test_every_unit_of_either_table_has_a_row_and_only_shared_ones_numbers(scored):
    score = scored(PREDICTED, TRUTH)
    table = score.table.set_index("au")
    assert list(table.index) == ["AU01", "AU12", "AU17", "AU27", "mean"]
    assert list(table["in"]) == ["pred", "both", "both", "truth", ""]
    assert table.loc[["AU01", "AU27"], "f1":].isna().all(axis=None)
    expected = agreement(np.array([0.5, 1, 4]), np.array([1.0, 4, 5]), thresholds=(2, 2))
    assert table.loc["AU12", ["faces", "present", "f1", "icc"]].tolist() == [3, 2, expected.f1, expected.icc]
    assert (score.joined.alone, score.joined.others_alone) == (("e",), ("a",))


def test_the_mean_leaves_out_what_is_not_defined_and_says_so(scored):
    score = scored(PREDICTED, TRUTH)
    table = score.table.set_index("au")
    assert math.isnan(table.f1["AU17"]) and table.f1["mean"] == table.f1["AU12"]
    assert table.accuracy["mean"] == pytest.approx((table.accuracy["AU12"] + 1) / 2)
    assert (table.faces["mean"], table.present["mean"]) == (6, 2)
    assert score.notes == ("Nothing to find and nothing found, so no F1, in AU17.",)


def test_yes_and_no_against_intensities(scored):
    score = scored({"file": ["a", "b", "c"], "AU12": [1.9, 2.0, 5.0]}, {"file": ["a", "b", "c"], "AU12_c": [0, 1, 1]})
    row = score.table.iloc[0]
    assert (row.f1, row.auc) == (1, 1) and math.isnan(row.mae)


def test_labels_of_0_and_1_under_a_name_of_intensities_are_told(scored):
    score = scored({"file": ["a", "b"], "AU12": [0, 3]}, {"file": ["a", "b"], "AU12": [0, 1]})
    assert score.notes[0] == "No label of truth.csv reaches 2: for labels of 0 and 1 call their columns AUxx_c."
    assert score.table.f1[0] == 0
    assert scored({"file": ["a", "b"], "AU12": [0, 3]}, {"file": ["a", "b"], "AU12": [0, 1]}, threshold=1).table.f1[0] == 1


def test_tables_without_a_common_unit(scored):
    with pytest.raises(DataError, match="have no action unit"):
        scored({"file": ["a"], "AU12": [1]}, {"file": ["a"], "AU17": [1]})


def points68(seed, n=6):
    return np.random.default_rng(seed).uniform(0, 100, (n, 68, 2))


def test_errors_of_points_in_closed_form():
    truth = points68(0)
    moved = truth + np.array([3.0, 4.0])
    np.testing.assert_allclose(errors(moved, truth, eye_distances(truth)), 5 / np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1))
    square = np.zeros((1, 4, 2))
    square[0] = [[0, 0], [8, 0], [0, 2], [8, 2]]
    np.testing.assert_allclose(box_sides(square), [4])


def test_the_area_under_the_cumulative_errors_is_that_of_the_curve():
    found = np.abs(np.random.default_rng(0).normal(0, 0.05, 400))
    found[:20] = np.nan
    score = summary(found)
    at = np.linspace(0, 0.08, 20001)
    curve = [(np.nan_to_num(found, nan=9) <= limit).mean() for limit in at]
    assert score.auc == pytest.approx(100 * np.trapezoid(curve, at) / 0.08, abs=0.02)
    assert score.failures == pytest.approx(100 * (1 - curve[-1]))
    assert (score.faces, score.missed) == (400, 20) and score.mean == pytest.approx(100 * np.nanmean(found))
    assert summary(np.zeros(3)).auc == 100 and summary(np.full(2, np.nan)).failures == 100


def test_points_of_tables(tmp_path):
    truth = points68(1, 3)
    found = truth + 1.0
    found[2] = np.nan
    for name, points in (("pred", found), ("truth", truth)):
        columns = {f"{axis}_{i}": points[:, i, j] for j, axis in enumerate("xy") for i in range(68)}
        pd.DataFrame({"file": ["a", "b", "c"], **columns}).to_csv(tmp_path / f"{name}.csv", index=False)
    scores, joined = score_points(read(tmp_path / "pred.csv"), read(tmp_path / "truth.csv"))
    assert scores["eyes"].mean == pytest.approx(100 * np.mean(np.sqrt(2) / eye_distances(truth[:2])))
    assert scores["box"].mean == pytest.approx(100 * np.mean(np.sqrt(2) / box_sides(truth[:2])))
    assert (scores["box"].faces, scores["box"].missed, len(joined.rows)) == (3, 1, 3)
    pd.DataFrame({"file": ["a"], "AU12": [0]}).to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(DataError, match=r"none.csv has no landmarks: it needs the columns x_0 to x_67"):
        score_points(read(tmp_path / "none.csv"), read(tmp_path / "truth.csv"))
