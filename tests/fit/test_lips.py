"""What the gap between the lips says of the muscles around the mouth, on heads whose expression is known."""

import numpy as np
import pytest

from mien.aus import AUVector
from mien.geometry.fitting import fit, lips, neutral
from mien.geometry.fitting.measured import SOLVED, SOLVED_ROWS

SCALE = 9.0  # pixels per cm
_LOWER_LIP = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 146, 91, 181, 84, 17, 314, 405, 321, 375]


@pytest.fixture(scope="module")
def prior():
    return neutral.bundled()


def seen(basis, prior, aus, *, gap=None):
    """Landmarks in pixels of a resting face with these units; `gap` lays the lower lip so far below the upper one."""
    points = basis.mean + prior.offset
    points = points + np.tensordot(AUVector.of(aus).values[SOLVED_ROWS] / 5, basis.units, axes=1)
    if gap is not None:
        points[_LOWER_LIP, 1] += lips.gap(points[None])[0] - gap
    return SCALE * points * np.array([1, -1, -1]) + np.array([200.0, 150.0, 0.0])


def read(basis, prior, landmarks):
    solution = fit.solve(landmarks[None], basis, prior)
    return dict(zip(SOLVED, fit.beyond_rest(solution, prior)[0], strict=True))


def test_the_gap_of_the_lips_is_read_as_lips_that_part(basis, prior):
    shown = [read(basis, prior, seen(basis, prior, {}, gap=gap))["AU25"] for gap in (0.0, 0.08, 0.4, 0.7)]
    assert shown[0] < 0.1 and shown[1] < 0.1
    assert 0.3 < shown[2] < shown[3]


@pytest.mark.parametrize("jaw", [2.0, 4.0])
def test_a_jaw_that_drops_parts_the_lips(basis, prior, jaw):
    found = read(basis, prior, seen(basis, prior, {"AU27": jaw}))
    assert found["AU25"] > 0.5
    assert found["AU27"] > 0.6 * jaw


def test_lips_that_are_apart_do_not_press(basis, prior):
    bared = read(basis, prior, seen(basis, prior, {"AU12": 4, "AU24": 4, "AU23": 4, "AU28": 2}, gap=0.6))
    assert bared["AU23"] == bared["AU24"] == bared["AU28"] == 0
    pressed = read(basis, prior, seen(basis, prior, {"AU24": 4}, gap=0.0))
    assert pressed["AU24"] > 1.5


def test_a_mouth_that_is_pulled_wide_is_no_funnel(basis, prior):
    smile = seen(basis, prior, {"AU12": 5, "AU20": 2, "AU25": 4, "AU22": 2})
    assert read(basis, prior, smile)["AU22"] == read(basis, prior, smile)["AU18"] == 0
    assert read(basis, prior, seen(basis, prior, {"AU22": 5}))["AU22"] > 1.5


def test_limits_leave_room(basis, prior):
    mouth = lips.Lips.of(basis.mean + prior.offset, basis.units, prior.factors)
    rng = np.random.default_rng(0)
    for _ in range(50):
        face = basis.mean + prior.offset + np.tensordot(rng.uniform(0, 1, len(SOLVED)), basis.units, axes=1)
        least, most = mouth.limits(face, prior.rest)
        assert (least >= 0).all() and (least <= most).all() and (most <= 1 + prior.rest).all()
