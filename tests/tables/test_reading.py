"""Tables come back from files in mien's terms, whoever wrote them; joined, they tell which faces are the same."""

import contextlib
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien import tables
from mien.aus import AUVector
from mien.errors import DataError
from mien.tables.joining import join
from mien.tables.reading import read
from mien.types import Face, Reading


def rows():
    points = np.random.default_rng(3).uniform(0, 200, (468, 3))
    face = Face((20.0, 30.0, 150.0, 160.0), 0.9, points)
    smile = Reading(face, AUVector.of({"AU12": 3.0, "AU17": 1.5}, others=0.25), {}, (0.0, 0.0, 0.0))
    return [tables.Row("=a.jpg", (640, 480), smile), tables.Row("b.jpg", (640, 480), None)]


NAMES = st.sampled_from(["file", "frame", "face", "AU12", "AU12_c", "other"])
CELLS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4)


def csv(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
@pytest.mark.parametrize("columns", ["mien", "openface", "pyfeat"])
def test_what_was_written_is_read(tmp_path, columns, suffix):
    found = read(tables.write(tables.table(rows(), columns), tmp_path / f"t.{suffix}"))
    assert found.tool == columns
    assert found.keys["frame"] == [0, 0]
    if columns != "openface":
        assert found.keys["file"] == ["=a.jpg", "b.jpg"]
    for unit, value in (("AU12", 3.0), ("AU17", 1.5), ("AU01", 0.25)):
        np.testing.assert_allclose(found.units[unit], [value, math.nan], atol=1e-6)
    points = rows()[0].reading.face.landmarks[tables.LANDMARK68, :2]
    np.testing.assert_allclose(found.points[0], points, rtol=1e-6)
    assert np.isnan(found.points[1]).all()


def test_openface_as_its_own_program_writes_it(tmp_path):
    """Spaces after commas, frames from 1, zeros where the face was lost, AU28 as yes or no only."""
    header = "frame, face_id, timestamp, confidence, success, AU12_r, AU12_c, AU28_c"
    found = read(csv(tmp_path / "o.csv", f"{header}\n1, 0, 0.0, 0.98, 1, 2.50, 1, 1\n2, 0, 0.033, 0.1, 0, 0.00, 0, 0\n"))
    assert found.keys == {"frame": [0, 1], "face": [0, 0]} and found.tool == "openface"
    assert found.graded == {"AU12"} and set(found.units) == {"AU12", "AU28"}
    np.testing.assert_array_equal(found.units["AU12"], [2.5, math.nan])
    np.testing.assert_array_equal(found.units["AU28"], [1, math.nan])
    assert found.points is None


def test_labels_by_hand(tmp_path):
    found = read(csv(tmp_path / "l.csv", "\ufefffile,AU1,AU04_c\na.png,5,1\nb.png,,0\n"))
    assert found.keys == {"file": ["a.png", "b.png"]} and found.graded == {"AU01"}
    np.testing.assert_array_equal(found.units["AU01"], [5, math.nan])
    np.testing.assert_array_equal(found.units["AU04"], [1, 0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,AU12\na,9\n", "row 1: AU12 is 9: it goes from 0 to 5; leave empty what is not known"),
        ("file,AU12_c\na,1\nb,2\n", "row 2: AU12_c is 2: it goes from 0 to 1"),
        ("input,frame,FaceScore,AU12\na,0,1,3\n", "row 1: AU12 is 3: it goes from 0 to 1"),
        ("file,AU12\na,1\nb,much\n", "row 2: 'much' in column AU12 is not a number"),
        ("file,AU12\na,inf\n", "row 1: 'inf' in column AU12 is not a number"),
        ("AU12\n3\n", "does not say which face a row is of: it needs a column file, frame, face"),
        ("file,AU12\n", "has no row below its header"),
        ("", "the file is empty"),
        ('file,AU12\n"a,1\nb,2', "is not a whole table: unexpected end of data"),
        ("file,AU12\na,1\nb,2,3\n", "line 3: 3 cells under 2 columns"),
        ("file,AU12\na,1,\n", "line 2: 3 cells under 2 columns"),
        ("file,AU12,AU12\na,1,2\n", "has two columns AU12: keep one"),
        ("file,AU1,AU01\na,1,2\n", "has AU1 and AU01, which are one action unit: keep one"),
        ("frame,AU12\n0,1\n1.5,1\n", "row 2: frame is 1.5: it counts from 0"),
        ("frame,timestamp,confidence,AU12_r\n0,0,1,1\n", "row 1: frame is 0: it counts from 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_row(tmp_path, text, says):
    with pytest.raises(DataError, match=says):
        read(csv(tmp_path / "t.csv", text))


def test_names_stay_what_they_are(tmp_path):
    assert read(csv(tmp_path / "t.csv", "file,AU12\n001,NA\nnull,2\n\n")).keys == {"file": ["001", "null"]}


@settings(deadline=None)
@given(st.text("file,AU12_cr\n\"'\x00 \r\t5.-e\u00e9", max_size=60), st.sampled_from(["file,AU12\n", "frame,face,AU12_c\n", ""]))
def test_anything_is_a_table_or_told_to_be_none(tmp_path_factory, text, header):
    with contextlib.suppress(DataError):
        found = read(csv(tmp_path_factory.getbasetemp() / "any.csv", header + text))
        assert all(len(values) == len(next(iter(found.keys.values()))) for values in found.units.values())


@settings(deadline=None)
@given(CELLS | st.dictionaries(NAMES, CELLS) | st.lists(st.dictionaries(NAMES, CELLS | st.lists(CELLS)) | CELLS, max_size=4))
def test_any_json_is_a_table_or_told_to_be_none(tmp_path_factory, document):
    with contextlib.suppress(DataError):
        read(csv(tmp_path_factory.getbasetemp() / "any.json", json.dumps(document)))


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(DataError, match=r"cannot read a table from t.xlsx: its suffix '.xlsx' is not one of .csv"):
        read(tmp_path / "t.xlsx")
    with pytest.raises(DataError, match="there is no such file"):
        read(tmp_path / "t.csv")
    for name in ("t.parquet", "t.json"):
        with pytest.raises(DataError, match="is not a whole table"):
            read(csv(tmp_path / name, "neither"))


def labels(path, frame: dict):
    pd.DataFrame(frame).to_csv(path, index=False)
    return read(path)


def test_faces_are_joined_on_all_keys_that_both_tables_have(tmp_path):
    first = labels(
        tmp_path / "a.csv", {"file": ["x/a.jpg", "x/b.jpg", "x/b.jpg"], "frame": [0, 0, 0], "face": [0, 0, 1], "AU12": [0, 1, 2]}
    )
    second = labels(tmp_path / "b.csv", {"face": [1, 0, 0], "file": ["b.jpg", "a.jpg", "c.jpg"], "AU12": [3, 4, 5]})
    found = join(first, second)
    assert found.on == ("file", "face")
    assert (found.rows.tolist(), found.others.tolist()) == ([0, 2], [1, 0])
    assert (found.alone, found.others_alone) == (("b.jpg, face 0",), ("c.jpg, face 0",))


def test_folders_count_where_names_alone_are_not_enough(tmp_path):
    first = labels(tmp_path / "a.csv", {"file": ["x/a.jpg", "y/a.jpg"], "AU12": [0, 1]})
    second = labels(tmp_path / "b.csv", {"file": ["y/a.jpg"], "AU12": [3]})
    assert join(first, second).rows.tolist() == [1]


def test_openface_joins_by_frame(tmp_path):
    first = labels(tmp_path / "a.csv", {"frame": [1, 2, 3], "timestamp": [0, 1, 2], "confidence": [1, 1, 1], "AU12_r": [0, 1, 2]})
    found = join(first, labels(tmp_path / "b.csv", {"file": ["v.mp4", "v.mp4"], "frame": [1, 2], "AU12": [1, 2]}))
    assert (found.on, found.rows.tolist(), found.alone) == (("frame",), [1, 2], ("frame 0",))


def test_tables_that_cannot_be_joined(tmp_path):
    by_file, by_frame = labels(tmp_path / "a.csv", {"file": ["a.jpg"]}), labels(tmp_path / "b.csv", {"frame": [0]})
    with pytest.raises(DataError, match=r"a.csv has file, .*b.csv has frame: both need a key of one name"):
        join(by_file, by_frame)
    with pytest.raises(DataError, match=r"no face is in both tables: .*a.csv begins with a.jpg, .*c.csv with c.jpg"):
        join(by_file, labels(tmp_path / "c.csv", {"file": ["c.jpg"]}))
    with pytest.raises(DataError, match=r"d.csv has several rows for a.jpg: both tables need a column face"):
        join(by_file, labels(tmp_path / "d.csv", {"file": ["a.jpg", "a.jpg"], "face": [0, 1]}))
