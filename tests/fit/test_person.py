"""Frames of one person: what each shows beyond the person's own rest."""

import numpy as np
import pytest
import torch

from mien.aus import AUVector
from mien.geometry import rotation
from mien.geometry.fitting import fit, neutral, person

EVERY = ("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26", "AU43")


@pytest.fixture(scope="module")
def prior():
    return neutral.bundled()


def frames(model, prior, expressions, angles=None, *, noise=0.3):
    """Landmarks of somebody, 20 pixels a cm, seen with `noise` pixels."""
    generator = np.random.default_rng(3)
    shape = torch.from_numpy(0.7 * generator.normal(size=len(model.identity))).float()
    seen = []
    for i, aus in enumerate(expressions):
        points = model.landmarks(model.vertices(shape, torch.from_numpy(AUVector.of(aus).values.copy()).float())).double().numpy()
        turned = 20.0 * (points + prior.offset) @ rotation.from_angles(np.array(angles[i] if angles else (0.0, 0.0, 0.0))).T
        seen.append(turned * np.array([1, -1, -1]) + np.array([300.0, 250.0, 0.0]) + noise * generator.normal(size=points.shape))
    return np.stack(seen)


def shown(model, prior, landmarks):
    return [code.expression for code in person.fit_person(landmarks, model, prior)]


def test_brows_and_jaw_that_move_together_are_all_read(model, prior):
    rise = np.concatenate([np.zeros(4), np.linspace(0, 1, 10), np.ones(2)])
    expressions = [{"AU01": s, "AU02": s, "AU26": 1.5 * s} for s in rise]
    landmarks = frames(model, prior, expressions)
    read = shown(model, prior, landmarks)
    for unit, full in (("AU01", 1.0), ("AU02", 1.0), ("AU26", 1.5)):
        values = [aus[unit] for aus in read]
        assert np.corrcoef(values, rise)[0, 1] > 0.97, unit
        assert 0.9 * full < values[-1] - values[0] < 1.5 * full, unit


def test_a_still_face_does_not_flicker(model, prior):
    tilts = [(0.0, 0.0, 3 * np.sin(i / 3)) for i in range(20)]
    values = np.array([[aus[unit] for unit in EVERY] for aus in shown(model, prior, frames(model, prior, [{}] * 20, tilts))])
    assert np.abs(values - np.median(values, axis=0)).max() < 0.3


def test_turning_away_is_measured_as_a_picture_alone_is(model, basis, prior):
    angles = [(0.0, 0.0, 0.0)] * 8 + [(0.0, 32.0, 0.0)] * 2
    landmarks = frames(model, prior, [{}] * 8 + [{"AU12": 3}] * 2, angles)
    solution, own = person.solve_person(landmarks, basis, prior)
    turned = fit.beyond_rest(solution, own)[8:]
    centred = person._own_prior(fit.solve(landmarks, basis, prior), basis, prior)
    alone = fit.beyond_rest(fit.solve(landmarks[8:], basis, centred), own)
    assert np.allclose(turned, alone)


def test_poses_and_identity_are_those_of_the_frames(model, prior):
    angles = [(2.0 * (i % 3), 4.0 * (i % 4), 0.0) for i in range(12)]
    codes = person.fit_person(frames(model, prior, [{"AU26": i % 4} for i in range(12)], angles), model, prior)
    found = rotation.to_angles(np.stack([code.pose.rotation for code in codes]))
    assert np.allclose(found - found[0], np.array(angles) - angles[0], atol=2.0)
    assert all(np.array_equal(code.shape, codes[0].shape) for code in codes)


def test_somebody_else_among_photos_is_noticed(model, prior):
    mine = frames(
        model, prior, [{}, {"AU12": 3}, {"AU26": 3, "AU01": 2}, {}], [(0.0, 0.0, 0.0), (5.0, 10.0, 0.0), (0.0, -10.0, 5.0), (0.0, 0.0, 0.0)]
    )
    assert not len(person.unlike(mine, model, prior))
    wider = mine.copy()
    wider[3, :, 0] *= 1.2
    assert person.unlike(wider, model, prior).tolist() == [3]
    assert person.unlike(wider[2:], model, prior).tolist() == [0, 1]


def test_one_face_and_turned_ones_are_nobody_else(model, prior):
    turned = frames(model, prior, [{}] * 3, [(0.0, 40.0, 0.0)] * 3)
    assert not len(person.unlike(turned, model, prior)) and not len(person.unlike(turned[:1], model, prior))
