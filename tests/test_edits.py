"""How edits are written, and what they ask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien import aus, edits
from mien.aus import AUVector
from mien.edits import AttributeEdit, AUEdit, Change, TransferEdit
from mien.errors import EditError

STEPS = st.integers(0, 50).map(lambda n: n / 10)
CHANGES = st.one_of(
    st.tuples(st.sampled_from(aus.AXES), STEPS, st.just(False)),
    st.tuples(st.sampled_from(aus.AXES), st.integers(-50, 50).map(lambda n: n / 10), st.just(True)),
).map(lambda c: Change(*c))
EDITS = st.lists(CHANGES, min_size=1, max_size=8, unique_by=lambda c: c.axis).map(lambda c: AUEdit(tuple(c)))
VECTORS = st.dictionaries(st.sampled_from(aus.AXES), STEPS).map(AUVector.of)


@given(EDITS)
def test_what_is_printed_is_read_back(edit):
    assert edits.parse(str(edit)) == (edit,)


@given(EDITS, VECTORS)
def test_setting_sets_and_changing_changes(edit, face):
    after = face + edit.shift(face)
    for c in edit.changes:
        asked = face[c.axis] + c.value if c.relative else c.value
        assert after[c.axis] == pytest.approx(np.clip(asked, 0, 5))


@given(VECTORS, VECTORS)
def test_a_transfer_takes_over_one_part_and_leaves_the_rest(face, other):
    after = face + TransferEdit(other, only="mouth").shift(face)
    for axis in aus.AXES:
        wanted = other if aus.unit_of(axis) in aus.PARTS["mouth"] else face
        assert after[axis] == pytest.approx(wanted[axis])


@given(VECTORS)
def test_set_to_leads_to_the_expression_from_anywhere(target):
    face = AUVector.of({"AU12": 5, "AU01": 2})
    assert np.allclose((face + edits.set_to(target).shift(face)).values, target.values)


def test_both_sides_move_when_none_is_named():
    (edit,) = edits.parse("AU12=+2 AU4L=0")
    assert edit == AUEdit((Change("AU12L", 2, True), Change("AU12R", 2, True), Change("AU04L", 0, False)))


def test_the_three_ways_of_writing_agree():
    assert edits.parse("AU12=3 AU1=1") == edits.parse(["AU12=3", "AU1=1"]) == edits.parse({"AU12": 3, "AU1": 1})
    assert edits.parse("smiling=+1") == (AttributeEdit("smiling", 1.0),)
    assert edits.parse("") == ()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("AU12", "cannot read the edit 'AU12': write AU12=\\+2"),
        ("AU12==2", "cannot read the edit"),
        ("AU12=6", "intensities run from 0 to 5"),
        ("AU12=-6", "changes from -5 to \\+5"),
        ("AU12=nan", "cannot read the edit"),
        ("AU99=1", "AU99 is not an action unit"),
        ("AU12=1 AU12L=+2", "AU12L is given twice"),
    ],
)
def test_a_wrong_edit_names_the_word_and_the_cure(words, says):
    with pytest.raises(EditError, match=says):
        edits.parse(words)
