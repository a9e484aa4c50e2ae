"""The arithmetic of action units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien import aus
from mien.aus import AXES, AUShift, AUVector
from mien.errors import EditError

SHIFTS = arrays(np.float64, len(AXES), elements=st.floats(-5, 5, width=16)).map(AUShift)
VECTORS = arrays(np.float64, len(AXES), elements=st.floats(0, 5, width=16)).map(AUVector)


@given(VECTORS, VECTORS)
def test_the_difference_of_two_expressions_leads_from_one_to_the_other(a, b):
    np.testing.assert_allclose((a + (b - a)).values, b.values, atol=1e-12)


@given(VECTORS, SHIFTS)
def test_an_expression_stays_within_facs(v, s):
    moved = (v + s).values
    assert moved.min() >= 0 and moved.max() <= 5


@given(SHIFTS, SHIFTS)
def test_shifts_are_a_vector_space(a, b):
    assert a + b == b + a
    assert a - a == AUShift.of({})
    assert -a == AUShift.of({}) - a
    assert 2 * a == a + a
    assert hash(a + b) == hash(b + a)


@given(SHIFTS)
def test_the_parts_of_a_face_split_a_shift(s):
    parts = [s.only(part) for part in aus.PARTS]
    assert parts[0] + parts[1] + parts[2] == s
    assert sum(len(p.moved) for p in parts) == len(s.moved)


def test_every_unit_is_in_exactly_one_region():
    units = sorted(u for region in aus.REGIONS.values() for u in region)
    assert units == sorted(aus.NAMES)


@pytest.mark.parametrize("name", ["AU12", "au12", "AU 12", "AU012"])
def test_names_may_be_written_loosely(name):
    assert aus.axes(name) == ("AU12L", "AU12R")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("AU99", "AU99 is not an action unit that mien knows"),
        ("smile", "'smile' is not an action unit"),
        ("AU17L", "no left or right: write AU17"),
    ],
)
def test_a_wrong_name_is_told_what_is_allowed(name, says):
    with pytest.raises(EditError, match=says):
        aus.axes(name)


def test_mirroring_twice_is_nothing_and_gaze_swaps():
    assert all(aus.mirror(aus.mirror(axis)) == axis for axis in AXES)
    assert all(aus.mirror(axis) in AXES for axis in AXES)
    assert (aus.mirror("AU12L"), aus.mirror("AU61"), aus.mirror("AU17")) == ("AU12R", "AU62", "AU17")


def test_both_sides_are_read_as_their_mean():
    v = AUVector.of({"AU12L": 2, "AU12R": 4})
    assert (v["AU12"], v["AU12L"], v["AU1"]) == (3, 2, 0)


def test_what_was_not_measured_does_not_move():
    unknown = AUVector.of({"AU12": 3}, others=float("nan"))
    assert (unknown - AUVector.of({"AU01": 2})).moved == ("AU12L", "AU12R")
    assert unknown.known == AUVector.of({"AU12": 3})
    assert repr(unknown) == "AUVector(AU12L=+3.00, AU12R=+3.00)"


def test_numbers_cannot_be_changed_behind_a_measurement():
    mine = np.zeros(len(AXES))
    v = AUVector(mine)
    mine[0] = 1
    assert v == AUVector.neutral()
    with pytest.raises(ValueError, match="read-only"):
        v.values[0] = 1


def test_emotions_are_expressions_within_facs():
    for name in aus.EMOTIONS:
        values = aus.emotion(name).values
        assert values.min() >= 0 and values.max() <= 5
    with pytest.raises(EditError, match="did you mean 'happiness'"):
        aus.emotion("hapiness")


def test_axes_are_written_as_units_where_both_sides_are_there():
    assert aus.written(["AU25", "AU12R", "AU12L", "AU46L"]) == "AU12, AU25, AU46L"
    assert aus.written(AXES) == ", ".join(map(aus.column, aus.NAMES)) and aus.written([]) == ""
    assert {axis for name in aus.written(AXES[3:20]).split(", ") for axis in aus.axes(name)} == set(AXES[3:20])
