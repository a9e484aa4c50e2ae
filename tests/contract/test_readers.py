"""What every reader promises (`mien.protocols.Reader`)."""

import numpy as np
import pytest

from mien import aus
from mien.aus import AXES, AUVector
from mien.data.renders import render
from mien.faces import align
from mien.geometry import head
from mien.protocols import ComparingReader, CropSpec, Reader


def _numbers(reading):
    return np.array([*reading.aus.values, *reading.angles, *reading.emotions.values()])


def test_it_is_a_reader_under_the_name_of_its_module(reader):
    assert isinstance(reader, Reader)
    assert type(reader).__module__.startswith(f"mien.readers.{reader.name}")
    assert set(reader.measures) <= set(AXES)


def test_what_it_measures_is_an_intensity_and_the_rest_is_nan(reader, crops):
    for reading in reader.measure(crops):
        for axis in AXES:
            value = reading.aus[axis]
            assert (0 <= value <= 5) if axis in reader.measures else np.isnan(value), axis


def test_emotions_are_scores_that_sum_to_one(reader, crops):
    for reading in reader.measure(crops):
        assert set(reading.emotions) <= set(aus.EMOTIONS)
        assert all(0 <= score <= 1 for score in reading.emotions.values())
        assert not reading.emotions or np.isclose(sum(reading.emotions.values()), 1.0)


def test_a_smile_is_a_smile(reader, crops):
    neutral, smile = reader.measure(crops)
    assert smile.aus["AU12"] > neutral.aus["AU12"] + 1


def test_the_head_turns_as_documented(reader, crops):
    """+ pitch looks up, + yaw turns to the subject's right, + roll tilts clockwise as the viewer sees it."""
    straight, turned = reader.measure(crops)
    np.testing.assert_allclose(np.subtract(turned.angles, straight.angles), (5.0, 12.0, -4.0), atol=6.0)


def test_a_picture_against_itself_is_what_it_shows(reader, crops):
    if not isinstance(reader, ComparingReader):
        pytest.skip("does not compare")
    for alone, compared in zip(reader.measure(crops), reader.measure_against(crops, crops), strict=True):
        np.testing.assert_allclose(compared.aus.values, alone.aus.values, atol=0.1)
        np.testing.assert_allclose(compared.angles, alone.angles, atol=1.0)
    assert reader.measure_against([], []) == []


def test_a_change_is_added_to_what_the_reference_shows(reader, drawn, crops):
    if not isinstance(reader, ComparingReader):
        pytest.skip("does not compare")
    smiling = render(head.bundled(), AUVector.of({"AU12": 3}))
    now = align.cut(smiling.photo, smiling.face, CropSpec())
    (before,), (after,) = reader.measure(crops[:1]), reader.measure_against([now], crops[:1])
    assert after.aus["AU12"] - before.aus["AU12"] == pytest.approx(3, abs=1.2)
    assert after.aus["AU01"] - before.aus["AU01"] == pytest.approx(0, abs=0.5)
    assert after.face is now.face
    assert all((0 <= after.aus[axis] <= 5) if axis in reader.measures else np.isnan(after.aus[axis]) for axis in AXES)


def test_a_face_does_not_depend_on_its_batch(reader, crops):
    together = reader.measure(crops)
    for crop, reading in zip(crops, together, strict=True):
        np.testing.assert_allclose(_numbers(reader.measure([crop])[0]), _numbers(reading), atol=1e-5)
    swapped = reader.measure(crops[::-1])
    np.testing.assert_allclose(_numbers(swapped[0]), _numbers(together[1]), atol=1e-5)
    assert reader.measure([]) == []


def test_each_reading_keeps_its_face(reader, crops):
    assert [reading.face for reading in reader.measure(crops)] == [crop.face for crop in crops]


def test_the_global_random_state_is_left_alone(reader, crops, no_global_randomness):
    with no_global_randomness():
        reader.measure(crops)
