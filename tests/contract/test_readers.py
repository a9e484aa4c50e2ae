"""What every reader promises (`mien.protocols.Reader`)."""

import numpy as np

from mien import aus
from mien.aus import AXES
from mien.protocols import Reader


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


def test_the_head_turns_as_documented(reader, crops, drawn_smile):
    """+ pitch looks up, + yaw turns to the subject's right, + roll tilts clockwise as the viewer sees it."""
    _, turned = reader.measure(crops)
    np.testing.assert_allclose(turned.angles, (5.0, 12.0, -4.0), atol=6.0)


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
