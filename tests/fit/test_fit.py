"""Heads whose pose, identity and expression are known, turned into landmarks and fitted."""

import numpy as np
import pytest
import torch

from mien.aus import AXES, AUShift, AUVector, mirror
from mien.errors import WeightsError
from mien.geometry import rotation
from mien.geometry.fitting import fit, measured, neutral, person
from mien.weights import Weights

SCALE = 9.0  # pixels per cm


@pytest.fixture(scope="module")
def plain(basis):
    return neutral.from_head(basis.identity, noise=0.03, depth_noise=0.1)


@pytest.fixture(scope="module")
def prior():
    return neutral.bundled()


@pytest.fixture(scope="module")
def mirrored(basis):
    flipped = basis.mean * np.array([-1.0, 1.0, 1.0])
    return np.linalg.norm(flipped[:, None] - basis.mean[None], axis=2).argmin(axis=1)


def people(model, count, *, seed=0):
    return np.random.default_rng(seed).normal(size=(count, len(model.identity))) * 0.7


def landmarks(model, shape, aus, angles, offset=0.0):
    """Photo landmarks of a head: x right, y down, z away."""
    shape, values = torch.from_numpy(shape).float(), torch.from_numpy(aus.values.copy()).float()
    points = model.landmarks(model.vertices(shape, values)).double().numpy() + offset
    seen = SCALE * points @ rotation.from_angles(np.array(angles, float)).T
    return seen * np.array([1, -1, -1]) + np.array([200.0, 150.0, 0.0])


@pytest.mark.parametrize("angles", [(0, 0, 0), (12, 20, -15), (-15, -30, 10), (5, 42, 0)])
@pytest.mark.parametrize(("build", "within"), [(0.0, 1.0), (1.0, 2.0)])  # a face longer or flatter than the mean looks up or down a little
def test_the_pose_comes_back(model, plain, angles, build, within):
    seen = landmarks(model, build * people(model, 1)[0], AUVector.of({"AU12": 3, "AU26": 3}), angles)
    (code,) = fit.fit(seen[None], model, plain)
    assert np.allclose(rotation.to_angles(code.pose.rotation), angles, atol=within)
    assert code.pose.scale == pytest.approx(SCALE, rel=0.03)


@pytest.mark.parametrize("axis", [a for a in measured.SOLVED if a not in {"AU23", "AU24", "AU28"}])
def test_each_axis_comes_back(model, plain, axis):
    seen = landmarks(model, np.zeros(1), AUVector.of({axis: 4}), (0, 8, 0))
    (code,) = fit.fit(seen[None], model, plain)
    assert code.expression[axis] == pytest.approx(4, abs=0.8)
    others = [code.expression.known[other] for other in measured.SOLVED if other != axis]
    assert max(others) < 1.5


def test_a_mixture_comes_back_at_an_angle_from_another_face(model, plain):
    asked = {"AU01": 3.0, "AU02": 2.0, "AU12L": 4.0, "AU12R": 1.0, "AU27": 1.5, "AU43R": 5.0}
    seen = landmarks(model, people(model, 1, seed=3)[0], AUVector.of(asked), (5, -20, 7))
    (code,) = fit.fit(seen[None], model, plain)
    for axis, value in asked.items():
        assert code.expression[axis] == pytest.approx(value, abs=1.0), axis


def test_mirrored_landmarks_give_mirrored_units(model, plain, mirrored):
    seen = landmarks(model, people(model, 1, seed=1)[0], AUVector.of({"AU12L": 4, "AU01R": 3, "AU17": 2}), (4, 10, 5))
    other = (seen * np.array([-1, 1, 1]))[mirrored]
    one, two = fit.fit(np.stack([seen, other]), model, plain)
    for axis in measured.MEASURED:
        assert two.expression[mirror(axis)] == pytest.approx(one.expression[axis], abs=0.25), axis
    pitch, yaw, roll = rotation.to_angles(one.pose.rotation)
    assert np.allclose(rotation.to_angles(two.pose.rotation), [pitch, -yaw, -roll], atol=0.5)


def test_a_face_does_not_depend_on_its_batch(model, prior, plain):
    faces = [landmarks(model, who, AUVector.of({"AU12": 2}), (0, 5 * i, 0)) for i, who in enumerate(people(model, 5))]
    for statistics in (prior, plain):
        together = fit.fit(np.stack(faces), model, statistics)
        for face, code in zip(faces, together, strict=True):
            (alone,) = fit.fit(face[None], model, statistics)
            assert np.allclose(alone.expression.known.values, code.expression.known.values, atol=1e-6)
            assert np.allclose(alone.shape, code.shape, atol=1e-6)


def test_closed_neutral_mouths_of_many_people_stay_neutral(model, prior):
    faces = [landmarks(model, who, AUVector.neutral(), (0, 0, 0), prior.offset) for who in people(model, 30)]
    codes = fit.fit(np.stack(faces), model, prior)
    for unit in ("AU12", "AU15", "AU25", "AU26", "AU43"):
        assert np.median([code.expression[unit] for code in codes]) < 0.7, unit
    assert all(np.isnan(code.expression["AU33"]) for code in codes)


def test_what_landmarks_cannot_tell_is_not_a_number(model, prior):
    (code,) = fit.fit(landmarks(model, np.zeros(1), AUVector.of({"AU61": 5}), (0, 0, 0))[None], model, prior)
    unknown = {axis for axis, value in zip(AXES, code.expression.values, strict=True) if np.isnan(value)}
    assert unknown == set(AXES) - measured.MEASURED
    assert not np.isnan(code.neutral.values).any()


def test_expression_and_neutral_draw_the_fitted_head(model, basis, prior):
    seen = landmarks(model, people(model, 1)[0], AUVector.of({"AU12": 3, "AU27": 1, "AU43L": 2}), (3, 10, 2), prior.offset)[None]
    solution = fit.solve(seen, basis, prior)
    (code,) = fit.codes(solution, prior)
    total = code.expression.known.values + code.neutral.values
    assert np.allclose(total[measured.SOLVED_ROWS], 5 * solution.activations[0])
    assert np.allclose(np.delete(total, measured.SOLVED_ROWS), 0)
    drawn = model.landmarks(model.vertices(torch.from_numpy(code.shape).float(), torch.from_numpy(total).float()))
    apart = np.linalg.norm((code.pose.project(drawn.double().numpy()) - seen[0])[:, :2], axis=1).mean()
    assert apart / np.linalg.norm(seen[0, 33, :2] - seen[0, 263, :2]) < 0.03
    assert apart / np.linalg.norm(seen[0, 33, :2] - seen[0, 263, :2]) == pytest.approx(fit.errors(solution, seen, basis)[0], abs=2e-3)


def test_a_few_wild_points_do_not_turn_the_head(model, plain):
    seen = landmarks(model, np.zeros(1), AUVector.neutral(), (0, 10, 0))
    wild = seen.copy()
    wild[[10, 151, 9, 8, 168]] += [40, 30, 0]
    before, after = fit.fit(np.stack([seen, wild]), model, plain)
    assert np.allclose(rotation.to_angles(before.pose.rotation), rotation.to_angles(after.pose.rotation), atol=1.5)


def test_the_frames_of_a_person_share_identity_and_rest(model, prior):
    who = people(model, 1, seed=5)[0]
    smiles = [0, 0, 1, 2, 3, 4, 3, 2, 1, 0]
    frames = np.stack([landmarks(model, who, AUVector.of({"AU12": s, "AU15": 2}), (0, 3 * s, 0), prior.offset) for s in smiles])
    codes = person.fit_person(frames, model, prior)
    assert all(np.array_equal(code.shape, codes[0].shape) for code in codes)
    measured_smiles = [code.expression["AU12"] for code in codes]
    assert np.corrcoef(measured_smiles, smiles)[0, 1] > 0.97
    assert np.ptp(measured_smiles) > 2.5
    assert np.median([code.expression["AU15"] for code in codes]) < 0.5  # always there: this person's rest


def test_few_photos_of_a_person_are_measured_against_everyone(model, prior):
    frames = np.stack([landmarks(model, people(model, 1)[0], AUVector.of({"AU12": 3}), (0, y, 0), prior.offset) for y in (0, 10)])
    shared, alone = person.fit_person(frames, model, prior), fit.fit(frames, model, prior)
    assert [c.expression for c in shared] == [c.expression for c in alone]


def test_names_of_one_movement_move_it_once():
    jaw = measured.independent(AUShift.of({"AU26": 2.5, "AU27": 1.0, "AU12": 1}))
    assert dict(jaw.items()) == {"AU12L": 1, "AU12R": 1, "AU27": 1.0}
    assert dict(measured.independent(AUShift.of({"AU26": -2.5})).items()) == {"AU27": -1.0}
    assert dict(measured.independent(AUShift.of({"AU45": 3})).items()) == {"AU43L": 3, "AU43R": 3}


def test_following_names_are_filled_in():
    solved = np.zeros(len(measured.SOLVED))
    solved[measured.SOLVED.index("AU27")] = 1.5
    solved[measured.SOLVED.index("AU43L")] = 4
    shown = measured.spread(solved)
    assert (shown["AU26"], shown["AU27"], shown["AU45L"], shown["AU45R"]) == (3.75, 1.5, 4, 0)


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="not a fit"):
        neutral.from_weights(Weights({}, {"kind": "head"}, tmp_path))
