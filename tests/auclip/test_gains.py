"""Gains: what is drawn for them, what is measured, and that both sides of a unit are alike."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mien.aus import AUShift, AUVector
from mien.data.expressions import Sitter
from mien.faces.landmarks import face_of
from mien.metrics import gains as measuring
from mien.metrics.gains import drawn, gains, view
from mien.nn.mapper import LEVELS, LevelsMapper
from mien.nn.stylegan2 import Generator, initialise
from mien.types import Face, Pose, Reading

NAMES = ("AU12L", "AU12R", "AU25")


class Same:
    """A network to which everybody is the same."""

    def code(self, photo, face):
        return np.ones(4)


class Bright:
    """A reader that takes how much lighter a picture has become for AU12, and never sees AU25 move."""

    name, measures = "bright", frozenset(NAMES)

    def measure(self, crops):
        return [Reading(crop.face, AUVector.of({"AU12": 1.0, "AU25": 0.0}), {}, (0.0, 0.0, 0.0)) for crop in crops]

    def measure_against(self, crops, references):
        lighter = [float(c.rgb.mean()) - float(r.rgb.mean()) for c, r in zip(crops, references, strict=True)]
        return [
            Reading(c.face, AUVector.of({"AU12": 1 + step, "AU25": 0.0}), {}, (0.0, 0.0, 0.0))
            for c, step in zip(crops, lighter, strict=True)
        ]


@pytest.fixture
def set_of():
    """A generator and a mapper of 16 pixels, and a person in the middle of a grey picture."""
    generator = Generator((6,) * 3, 8, 2).requires_grad_(False)
    initialise(generator, torch.Generator().manual_seed(1))
    mapper = LevelsMapper([3, 8], 6, tuple(LEVELS), "calibrated", NAMES)
    points = np.random.default_rng(0).uniform(8, 24, (468, 3))
    sitter = Sitter(np.full((32, 32, 3), 120, np.uint8), face_of(points, 1.0), Pose(np.eye(3), 2.0, np.full(2, 16.0)), torch.zeros(1, 6, 8))
    return generator, mapper, sitter


def test_nothing_is_drawn_for_no_gain_and_something_for_one(set_of):
    generator, mapper, sitter = set_of
    change, face = AUShift.of({"AU12": 5.0}), view(generator, sitter)
    assert np.array_equal(drawn(mapper, generator, sitter, face, change, gain=0.0), sitter.rgb)
    made = drawn(mapper, generator, sitter, face, change, gain=3.0)
    assert made.shape == sitter.rgb.shape and not np.array_equal(made, sitter.rgb)


def test_a_gain_is_by_what_is_read_and_one_for_both_sides(set_of, monkeypatch):
    """A picture that becomes lighter by 0.5 for each step asked and gain: twice as much is to be asked for."""
    monkeypatch.setattr(measuring.registry, "reader", lambda name: Bright())
    monkeypatch.setattr(
        measuring, "landmarker", lambda: SimpleNamespace(place=lambda rgb, square: Face((0.0, 0.0, 9.0, 9.0), 1.0, np.ones((468, 3))))
    )

    monkeypatch.setattr(measuring, "recognizer", Same)

    def lighter(mapper, generator, sitter, view, change, *, gain):
        return sitter.rgb + np.uint8(round(0.5 * gain * change["AU12"]))

    monkeypatch.setattr(measuring, "drawn", lighter)
    generator, mapper, sitter = set_of
    left, right, still = gains(mapper, generator, [sitter, sitter])
    assert left == right == pytest.approx(2.0)
    assert still == 1.0, "nothing is seen of it"


def test_faces_that_were_not_read_say_nothing():
    asked, told = np.array([2.0, 5.0]), np.array([[1.0, 2.5], [np.nan, np.nan], [2.0, np.nan]])
    assert measuring.missed(told, asked) == pytest.approx((1 + 2.5**2) / (2 * 2**2 + 5**2))
    assert np.isnan(measuring.missed(np.full((2, 2), np.nan), asked))
    assert measuring.best_gain(lambda gain: np.nan) == 1.0
    assert measuring.best_gain(lambda gain: 0.5, most=0.3) == 0.3


def test_the_best_gain_is_where_the_cost_is_least():
    """And a face that is lost for it costs as much as a movement that is not seen."""
    tried = []

    def cost(gain, response=0.25, lost=0.0):
        tried.append(gain)
        return (1 - response * gain) ** 2 + lost * gain

    assert measuring.best_gain(cost) == 4.0
    assert tried == pytest.approx([0.5, 1, 2, 4, 8, 8**0.5, 32**0.5])
    assert measuring.best_gain(lambda gain: cost(gain, response=0.36)) == pytest.approx(8**0.5)
    assert measuring.best_gain(lambda gain: cost(gain, response=0.6, lost=0.05)) == pytest.approx(2**0.5)
    assert measuring.best_gain(lambda gain: cost(gain, lost=0.2)) < 3.0
    assert measuring.best_gain(lambda gain: cost(gain, response=1e-3)) > 8.0, "as far as is tried"
    assert measuring.best_gain(lambda gain: cost(gain, response=0.1), most=3.0) == pytest.approx(8**0.5), "as far as may be"
    assert measuring.best_gain(lambda gain: cost(gain, response=-1.0)) == 1.0, "it goes the wrong way"


def test_four_steps_with_the_largest_gain_come_to_the_limit(set_of):
    _, mapper, _ = set_of
    assert measuring.largest_gain(mapper, "AU12") == math.inf
    held = LevelsMapper([3, 8], 6, tuple(LEVELS), "calibrated", NAMES, limit=0.5)
    held.load_state_dict(mapper.state_dict())
    gain = measuring.largest_gain(held, "AU12")
    four = mapper.steps(torch.from_numpy(AUShift.of({"AU12": 4.0}).values.astype(np.float32))[None])
    assert float(mapper.move(torch.zeros(1, 6, 8), gain * four).detach().norm()) == pytest.approx(0.5, rel=1e-3)
