"""The change between two sets of landmarks of one person, whose expression is known."""

import numpy as np
import pytest
import torch

from mien.aus import AUVector
from mien.geometry import rotation
from mien.geometry.fitting import learn_response, neutral
from mien.geometry.fitting.change import Reference, change
from mien.geometry.fitting.measured import MIRRORED, SOLVED

SURE = np.ones(468)


@pytest.fixture(scope="module")
def prior(basis):
    return neutral.from_head(basis.identity)


def seen(model, aus, angles=(0.0, 0.0, 0.0), *, who=0, noise=0.0):
    """Landmarks in pixels of somebody, 9 pixels a cm."""
    shape = torch.from_numpy(0.7 * np.random.default_rng(who).normal(size=len(model.identity))).float()
    points = model.landmarks(model.vertices(shape, torch.from_numpy(AUVector.of(aus).values.copy()).float())).double().numpy()
    points += noise * np.random.default_rng(1).normal(size=points.shape)
    return 9.0 * points @ rotation.from_angles(np.array(angles)).T * np.array([1, -1, -1]) + np.array([200.0, 150.0, 0.0])


def steps(found, unit):
    return 5 * np.mean([found.activations[i] for i, axis in enumerate(SOLVED) if axis.startswith(unit)])


@pytest.mark.parametrize(
    "unit", ["AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU10", "AU12", "AU15", "AU17", "AU20", "AU25", "AU27", "AU43"]
)
@pytest.mark.parametrize("size", [0.5, 3.0])
def test_a_unit_comes_back_on_anybody_and_faint_ones_too(model, basis, prior, unit, size):
    before, after = seen(model, {}, who=4), seen(model, {unit: size}, who=4)
    found = change(Reference.of(before, basis, prior), after, SURE, basis, prior)
    assert steps(found, unit) == pytest.approx(size, rel=0.3)
    others = [abs(a) for axis, a in zip(SOLVED, found.activations, strict=True) if not axis.startswith(unit)]
    assert 5 * max(others) < 0.4 * size


def test_the_head_may_turn(model, basis, prior):
    before, after = seen(model, {"AU12": 1}), seen(model, {"AU12": 3, "AU01": 2}, (4.0, 15.0, -8.0))
    found = change(Reference.of(before, basis, prior), after, SURE, basis, prior)
    assert steps(found, "AU12") == pytest.approx(2, abs=0.6) and steps(found, "AU01") == pytest.approx(2, abs=0.6)
    assert np.allclose(rotation.to_angles(found.placement.rotation[0]), (4, 15, -8), atol=4)


def test_nothing_changed_is_nothing(model, basis, prior):
    face = seen(model, {"AU12": 3}, who=2)
    found = change(Reference.of(face, basis, prior), face, SURE, basis, prior)
    assert np.abs(found.activations).max() < 1e-3 and np.abs(found.residual).max() < 1e-3


def test_what_is_shown_stays_within_0_and_5(model, basis, prior):
    before = seen(model, {"AU12": 2})
    reference = Reference.of(before, basis, prior)
    for aus in ({"AU12": 0, "AU15": 5}, {"AU12": 5, "AU27": 5}):
        shown = reference.shown + change(reference, seen(model, aus), SURE, basis, prior).activations
        assert shown.min() > -1e-6 and shown.max() < 1 + 1e-6


def test_noise_of_a_network_is_no_movement(model, basis, prior):
    reference = Reference.of(seen(model, {}), basis, prior)
    found = change(reference, seen(model, {}, noise=0.03), np.zeros(468), basis, prior)
    assert 5 * np.abs(found.activations).max() < 0.5


def test_the_response_is_the_slope_the_same_on_both_sides():
    drawn, measured = np.zeros((40, len(SOLVED))), np.zeros((40, len(SOLVED)))
    left, jaw = SOLVED.index("AU12L"), SOLVED.index("AU27")
    drawn[:20, [left, MIRRORED[left]]], measured[:20, left], measured[:20, MIRRORED[left]] = 0.6, 0.3, 0.42
    drawn[20:, jaw], measured[20:, jaw] = -0.4, -0.01
    response = learn_response.learn(drawn, measured)
    assert response[left] == response[MIRRORED[left]] == pytest.approx(0.6)
    assert response[jaw] == pytest.approx(0.25)  # never less: noise would be blown up
    assert response[SOLVED.index("AU01L")] == 1
