"""The reader on faces that are drawn, so that everything about them is known."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.aus import EMOTIONS, AUVector, emotion
from mien.data.renders import render
from mien.geometry import head
from mien.geometry.fitting import neutral as prior
from mien.geometry.fitting.skinlines import skin_lines
from mien.readers import geometry
from mien.types import Crop


@pytest.fixture(scope="module")
def reader():
    return geometry.build()


def crop_of(aus, angles=(0.0, 0.0, 0.0)):
    """A drawn head, its landmarks where those of the average person are: a head model's mean is nobody's average."""
    drawn = render(head.bundled(), aus, angles=angles, size=256, seed=1)
    usual = drawn.pose.scale * prior.bundled().offset @ drawn.pose.rotation.T * np.array([1, -1, -1])
    return Crop(drawn.photo.rgb, np.eye(3), replace(drawn.face, landmarks=drawn.face.landmarks + usual))


@pytest.fixture(scope="module")
def neutral():
    return crop_of(AUVector.neutral())


def test_a_reading_is_complete(reader, neutral):
    (reading,) = reader.measure([neutral])
    assert reading.face is neutral.face
    assert list(reading.emotions) == list(EMOTIONS)
    assert sum(reading.emotions.values()) == pytest.approx(1)
    assert {a for a, v in reading.aus.items() if not np.isnan(v)} <= reader.measures
    assert 0 <= np.nanmin(reading.aus.values) <= np.nanmax(reading.aus.values) <= 5


def test_nothing_to_read(reader):
    assert reader.measure([]) == []
    assert list(reader.measure_sequence([])) == []


@pytest.mark.parametrize("angles", [(0.0, 25.0, 0.0), (12.0, 0.0, 0.0), (0.0, 0.0, 20.0)])
def test_angles_are_those_of_the_head(reader, neutral, angles):
    before, after = reader.measure([neutral, crop_of(AUVector.neutral(), angles)])
    assert np.allclose(np.subtract(after.angles, before.angles), angles, atol=2.5)


@pytest.mark.parametrize("unit", ["AU01", "AU02", "AU12", "AU15", "AU26", "AU43"])
def test_more_of_a_unit_is_measured_as_more(reader, unit):
    readings = reader.measure([crop_of(AUVector.of({unit: value})) for value in (0.0, 2.0, 4.0)])
    low, middle, high = (reading.aus[unit] for reading in readings)
    assert high > middle + 0.8 > low + 1.6


@pytest.mark.parametrize("name", ["happiness", "surprise", "fear"])
def test_a_prototype_scores_higher_than_neutral(reader, neutral, name):
    before, after = reader.measure([neutral, crop_of(emotion(name))])
    assert after.emotions[name] > before.emotions[name] + 0.1


SMILES = (0, 0, 0, 1, 2, 3, 4, 3, 1, 0)


@pytest.fixture(scope="module")
def frames():
    return [crop_of(AUVector.of({"AU12": float(smile)})) for smile in SMILES]


def test_frames_of_a_person_need_no_pixels(reader, frames):
    bare = [Crop(np.zeros((1, 1, 3), np.uint8), f.to_photo, f.face) for f in frames]
    readings = list(reader.measure_sequence(bare))
    shown = [r.aus["AU12"] for r in readings]
    assert np.corrcoef(shown, SMILES)[0, 1] > 0.95
    assert [r.aus for r in readings] == [r.aus for r in reader.measure_sequence(frames)]


def test_of_a_long_sequence_some_frames_tell_who_it_is(reader, frames, monkeypatch):
    def values(met, together):
        monkeypatch.setattr(geometry, "MET", met)
        monkeypatch.setattr(geometry, "_TOGETHER", together)
        return np.array([reading.aus.values for reading in reader.measure_sequence(frames)])

    whole = values(10, 1)
    np.testing.assert_allclose(values(9, 4), whole, atol=0.5)
    np.testing.assert_allclose(values(9, 4), values(9, 1), atol=1e-9)


def test_a_small_picture_is_read_without_its_furrows(reader, neutral):
    half = Crop(np.ascontiguousarray(neutral.rgb[::8, ::8]), np.diag([8.0, 8.0, 1.0]), neutral.face)
    black = Crop(np.zeros_like(half.rgb), half.to_photo, neutral.face)
    one, two = reader.measure([half, black])
    assert one.emotions == two.emotions


def test_lines_drawn_between_the_brows_are_seen(neutral):
    lined = neutral.rgb.copy()
    x, y = neutral.face.landmarks[[55, 285, 107, 336], :2].mean(axis=0).astype(int)
    lined[y - 8 : y + 8, x - 4 : x + 5 : 4] //= 2
    plain, frown = (skin_lines(rgb, neutral.face.landmarks.astype(float)) for rgb in (neutral.rgb, lined))
    assert frown[0] > plain[0] + 0.5
    assert np.allclose(frown[4:], plain[4:])


@pytest.mark.data
@pytest.mark.slow
def test_real_people_are_told_apart(reader):
    from mien.metrics.reader import score_reader

    table = score_reader(reader, Path(os.environ["MIEN_DATA"])).set_index("measure")
    smile, surprise, anger = "AU12", "AU01 + AU02 + AU05 + AU25 + AU26", "anger score"
    assert table.teacher[smile] >= 0.94 and table.own[smile] >= 0.94
    assert table.teacher[surprise] >= 0.88 and table.own[surprise] >= 0.80
    assert table.own[anger] >= 0.80 and table.teacher[anger] >= 0.72  # 15 angry faces: each is worth 0.07
