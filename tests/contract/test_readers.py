"""What every reader promises (`mien.protocols.Reader`)."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mien import aus, registry
from mien.aus import AXES, AUVector
from mien.data.renders import render
from mien.errors import UsageError
from mien.faces import align
from mien.faces.align import Square
from mien.geometry import head
from mien.protocols import (
    ComparingReader,
    CropSpec,
    DetectingReader,
    EnsembleReader,
    HeatmapReader,
    Reader,
    TwofoldReader,
    WeightedReader,
)
from mien.tables import DIALECTS, Row, table


def _numbers(reading):
    said = [number for presence in reading.presence.values() for number in presence]
    return np.array([*reading.aus.values, *reading.angles, *reading.emotions.values(), *said, *reading.spread.values()])


@pytest.fixture
def learned(request, reader):
    """Readers whose weights have learned something."""
    if "unlearned" in request.node.callspec.id:
        pytest.skip("has learned nothing")
    return reader


def test_it_is_a_reader_under_the_name_of_its_module(reader):
    assert isinstance(reader, Reader)
    assert type(reader).__module__.startswith(f"mien.readers.{reader.name}")
    assert set(reader.measures) <= set(AXES)


def test_what_it_measures_is_an_intensity_and_the_rest_is_nan(reader, crops):
    for reading in reader.measure(crops):
        for axis in AXES:
            value = reading.aus[axis]
            assert (0 <= value <= 5) if axis in reader.measures else np.isnan(value), axis


def test_it_says_the_presence_of_every_unit_that_it_detects_and_of_no_other(reader, crops):
    detects = reader.detects if isinstance(reader, DetectingReader) else ()
    assert len(set(detects)) == len(detects)
    assert all(re.fullmatch(r"AU\d\d[LR]?", unit) for unit in detects)
    for reading in reader.measure(crops):
        assert tuple(reading.presence) == tuple(detects)
        assert all(0 <= said.probability <= 1 and isinstance(said.present, bool) for said in reading.presence.values())


def test_what_is_surer_is_there_where_what_is_less_sure_is(reader, crops):
    """A unit has one threshold, for all faces."""
    if not isinstance(reader, DetectingReader):
        pytest.skip("does not detect")
    readings = reader.measure(crops)
    for unit in reader.detects:
        said = sorted(reading.presence[unit][:2] for reading in readings)
        assert [present for _, present in said] == sorted(present for _, present in said), unit


def test_a_unit_is_there_from_its_threshold_on(reader, crops):
    if not isinstance(reader, DetectingReader):
        pytest.skip("does not detect")
    assert set(reader.thresholds) == set(reader.detects) and all(0 <= threshold <= 1 for threshold in reader.thresholds.values())
    for reading in reader.measure(crops):
        for unit, said in reading.presence.items():
            assert said.present == (said.probability >= reader.thresholds[unit]), unit


def test_its_heatmaps_lie_over_the_face(reader, crops):
    if not isinstance(reader, HeatmapReader):
        pytest.skip("draws no heatmaps")
    for crop, maps in zip(crops, reader.heatmaps(crops), strict=True):
        assert tuple(maps) == reader.detects
        for cells in maps.values():
            assert cells.dtype == np.float32 and cells.ndim == 2 and cells.shape[0] == cells.shape[1]
            assert np.abs(cells).max() <= 1
        square = reader.placed(crop)
        assert isinstance(square, Square)
        middle = crop.face.landmarks[:, :2].mean(axis=0)
        assert np.linalg.norm(middle - (square.x, square.y)) < 0.3 * square.half, "in pixels of the photo"
        assert crop.face.box[2] < 2 * square.half < 4 * crop.face.box[2]
    alone = [reader.heatmaps([crop])[0] for crop in crops]
    for one, together in zip(alone, reader.heatmaps(crops), strict=True):
        for unit in reader.detects:
            np.testing.assert_allclose(one[unit], together[unit], atol=1e-5)
    assert reader.heatmaps([]) == []


def test_an_ensemble_says_how_far_its_readers_are_apart(reader, crops):
    members = reader.members if isinstance(reader, EnsembleReader) else ()
    measured = Counter(axis for member in members for axis in member.measures)
    told = Counter(unit for member in members if isinstance(member, DetectingReader) for unit in member.detects)
    for reading in reader.measure(crops):
        assert {axis for axis, spread in reading.spread.items() if spread >= 0} == {axis for axis in measured if measured[axis] > 1}
        assert {unit for unit, said in reading.presence.items() if said.spread >= 0} == {unit for unit in told if told[unit] > 1}


def test_a_reader_of_two_parts_says_what_they_say(reader, crops):
    if not isinstance(reader, TwofoldReader):
        pytest.skip("has no parts")
    parts = zip(reader.sequence.measure(crops), reader.single.measure(crops), strict=True)
    for reading, (one, other) in zip(reader.measure(crops), parts, strict=True):
        np.testing.assert_allclose(_numbers(reader.joined(one, other)), _numbers(reading), atol=1e-6)


def test_all_that_it_says_goes_into_tables(reader, crops):
    rows = [Row("a.png", (384, 384), reading) for reading in reader.measure(crops)]
    for columns in DIALECTS:
        assert len(table(rows, columns, reader)) == len(crops)
        assert list(table(rows, columns, reader)) == list(table([], columns, reader))


def test_it_says_where_its_weights_are_and_takes_others_if_it_has_any(reader):
    if isinstance(reader, WeightedReader):
        assert type(registry.reader(reader.name, weights=reader.path)) is type(reader) and reader.path.is_file()
    elif not isinstance(reader, EnsembleReader):
        with pytest.raises(UsageError, match=f"the reader {reader.name} has no weights; it has no options"):
            registry.reader(reader.name, weights=Path("network.safetensors"))


def test_emotions_are_scores_that_sum_to_one(reader, crops):
    for reading in reader.measure(crops):
        assert set(reading.emotions) <= set(aus.EMOTIONS)
        assert all(0 <= score <= 1 for score in reading.emotions.values())
        assert not reading.emotions or np.isclose(sum(reading.emotions.values()), 1.0)


def test_a_smile_is_a_smile(learned, crops):
    neutral, smile = learned.measure(crops)
    if "AU12L" in learned.measures:
        assert smile.aus["AU12"] > neutral.aus["AU12"] + 1
    if "AU12" in smile.presence:
        assert smile.presence["AU12"].probability > neutral.presence["AU12"].probability
        assert smile.presence["AU12"].present


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
