"""Scores become probabilities: fitted to labels, kept where labels do not tell, carried in weight files."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien import weights
from mien.errors import WeightsError
from mien.nn import calibration
from mien.nn.calibration import Calibration, best_threshold, fitted, plain

SLOPE, OFFSET = torch.tensor([3.0, 20.0, 0.5]), torch.tensor([-1.0, -9.0, -3.0])


def drawn(count, seed=0):
    """Scores of three units, wide and narrow ones, and labels that are there with the probability of a known sigmoid."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(count, 3, generator=draw) * torch.tensor([1.0, 0.1, 2.0]) + torch.tensor([0.0, 0.4, 1.0])
    chance = torch.sigmoid(SLOPE * scores + OFFSET)
    return scores, (torch.rand(count, 3, generator=draw) < chance).float(), chance


def test_a_fit_finds_the_sigmoid_that_labels_were_drawn_from():
    scores, labels, chance = drawn(40_000)
    found = fitted(scores, labels)
    torch.testing.assert_close(found.slope, SLOPE, rtol=0.06, atol=0)
    torch.testing.assert_close(found.probabilities(scores), chance, rtol=0, atol=0.01)


def test_faces_whose_label_or_score_is_not_known_do_not_count():
    scores, labels, _ = drawn(500)
    more = torch.full((90, 3), 7.0)
    unknown = torch.full((90, 3), math.nan)
    both = fitted(torch.cat([scores, more, unknown]), torch.cat([labels, unknown, torch.ones(90, 3)]))
    for part, expected in zip(both, fitted(scores, labels), strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-4, atol=1e-5)


def test_units_of_which_labels_do_not_tell_keep_what_they_had():
    scores, labels, _ = drawn(400)
    labels[:, 0] = 1.0  # one class only
    labels[:, 1] = 1 - labels[:, 1]  # the score falls where the unit is
    kept = Calibration(torch.tensor([4.0, 5.0, 6.0]), torch.tensor([-2.0, -1.0, 0.0]), torch.tensor([0.5, 0.4, 0.3]))
    found = fitted(scores, labels, kept)
    for part, before in zip(found, kept, strict=True):
        assert torch.equal(part[:2], before[:2]) and part[2] != before[2]
    nothing = fitted(scores, torch.full_like(labels, math.nan))
    assert all(torch.equal(part, before) for part, before in zip(nothing, plain(3), strict=True))
    assert all(torch.equal(part, before) for part, before in zip(fitted(torch.ones(400, 3), labels), plain(3), strict=True))


def test_the_plain_sigmoid_has_its_half_where_it_is_told():
    half = plain(2, half=0.5, slope=4.0)
    torch.testing.assert_close(half.probabilities(torch.tensor([[0.5, 0.6]])), torch.tensor([[0.5, 1 / (1 + math.exp(-0.4))]]))
    assert half.present(half.probabilities(torch.tensor([0.499, 0.501]))).tolist() == [False, True]


def test_scores_that_part_people_well_get_a_steep_and_finite_slope():
    scores = torch.linspace(-1, 1, 41)[:, None]
    found = fitted(scores, (scores > 0.01).float())
    said = found.probabilities(scores)
    assert 0 < said.min() < 0.05 and 0.95 < said.max() < 1
    assert found.present(said).flatten().tolist() == (scores > 0.01).flatten().tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_probabilities_rise_with_scores(seed, count):
    scores, labels, _ = drawn(count, seed)
    found = fitted(scores, labels)
    assert (found.slope > 0).all()
    said = found.probabilities(scores.sort(0).values)
    assert (said.diff(dim=0) >= 0).all() and said.min() >= 0 and said.max() <= 1


def f1(called, present):
    return 2 * (called & present).sum() / (called.sum() + present.sum())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40))
def test_no_threshold_has_a_better_f1(faces):
    faces = [*faces, (4, True)]  # somebody shows the unit
    probabilities, present = np.array([p for p, _ in faces]) / 9, np.array([there for _, there in faces])
    found = best_threshold(probabilities, present)
    assert f1(probabilities >= found, present) == max(f1(probabilities >= each, present) for each in probabilities)
    assert 0 <= found <= 1 and not np.isin(found, probabilities[probabilities > 0])


def test_a_rare_unit_has_a_threshold_below_a_half():
    scores, labels, _ = drawn(4000)
    found = fitted(scores, labels)
    rare = labels.mean(0).argmin()
    assert labels[:, rare].mean() < 0.15 and 0 < found.threshold[rare] < 0.3


def test_it_comes_back_from_a_weight_file_and_leaves_the_network_alone(tmp_path):
    found, path = fitted(*drawn(300)[:2]), tmp_path / "reader.safetensors"
    network = {"sc": torch.ones(3, 2)}
    weights.save(path, network | calibration.stored(found), {"kind": "some reader"})
    file = weights.load(path)
    back = calibration.of(file, 3)
    assert all(torch.equal(one, other) for one, other in zip(back, found, strict=True))
    assert list(calibration.without(file).tensors) == ["sc"] and calibration.without(file).config == file.config
    with pytest.raises(WeightsError, match=r"reader\.safetensors: calibration\.slope has not a number for each of 4 units"):
        calibration.of(file, 4)


def test_files_without_one_and_with_half_of_one(tmp_path):
    weights.save(tmp_path / "none.safetensors", {"sc": torch.ones(3)}, {})
    assert calibration.of(weights.load(tmp_path / "none.safetensors"), 3) is None
    half = calibration.stored(plain(3))
    half.pop("calibration.threshold")
    weights.save(tmp_path / "half.safetensors", half, {})
    with pytest.raises(WeightsError, match=r"calibration\.threshold has not a number"):
        calibration.of(weights.load(tmp_path / "half.safetensors"), 3)
