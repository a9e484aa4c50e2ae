"""How edits are written, and what they ask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien import aus, edits
from mien.aus import AUShift, AUVector
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


def test_both_sides_move_when_none_is_named():
    (edit,) = edits.parse("AU12=+2 AU4L=0")
    assert edit == AUEdit((Change("AU12L", 2, True), Change("AU12R", 2, True), Change("AU04L", 0, False)))


def test_both_sides_alike_are_one_word():
    (edit,) = edits.parse("AU12L=+2 AU12R=+2 AU4L=1 AU4R=+1 AU17=3")
    assert str(edit) == "AU12=+2 AU04L=1 AU04R=+1 AU17=3"


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
        ("AU12=0 AU12=+2", "AU12 is given twice"),
    ],
)
def test_a_wrong_edit_names_the_word_and_the_cure(words, says):
    with pytest.raises(EditError, match=says):
        edits.parse(words)


@given(EDITS, VECTORS)
def test_a_change_as_an_edit_is_the_same_change(edit, face):
    change = edit.shift(face)
    assert np.allclose(edits.change_by(change).shift(face).values, change.values)


def test_an_emotion_leads_to_its_prototype_and_leaves_gaze_and_blinks_alone():
    face = AUVector.of({"AU12": 4, "AU61": 3, "AU45": 1, "AU01L": 5})
    after = face + edits.to_emotion("surprise").shift(face)
    assert (after["AU12"], after["AU61"], after["AU45"], after["AU01"], after["AU26"]) == (0, 3, 1, 4.5, 4.5)
    assert str(edits.to_emotion("fear")) == "like the emotion fear"
    with pytest.raises(EditError, match="did you mean 'contempt'"):
        edits.to_emotion("contemt")


def test_what_edits_command_adds_up_and_leaves_the_rest_unsaid():
    face = AUVector.of({"AU12": 2, "AU01": 1})
    (first,), (second,) = edits.parse("AU12=+1 AU4=0"), edits.parse("AU12L=+4")
    target = edits.commanded([first, AttributeEdit("smiling", 1.0), second], face)
    assert (target["AU12R"], target["AU12L"], target["AU04"]) == (3, 5, 0)
    assert np.isnan(target["AU01"])


def test_a_text_leads_to_what_its_words_show_and_touches_nothing_else():
    smiling = edits.TextEdit("a big smile", AUVector.of({"AU12": 4, "AU15": 0}, others=np.nan))
    measured = AUVector.of({"AU12": 1, "AU15": 2, "AU04": 3})
    assert smiling.shift(measured) == AUShift.of({"AU12": 3, "AU15": -2})
    wanted = edits.commanded([smiling], measured)
    assert (wanted["AU12"], wanted["AU15"]) == (4, 0) and np.isnan(wanted["AU04"])
    assert str(smiling) == 'text "a big smile"'
    unknown = edits.TextEdit("a mohawk")
    assert np.isnan(edits.commanded([unknown], measured).values).all()
    with pytest.raises(EditError, match='text "a mohawk" names no action units'):
        unknown.shift(measured)
