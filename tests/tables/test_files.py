"""Tables that are written part by part are those that are written whole."""

import json

import numpy as np
import pandas as pd
import pytest

from mien import tables
from mien.errors import DataError

TABLE = pd.DataFrame({"file": ["a.mp4", "=cmd()", "c.mp4", None], "frame": np.arange(4), "AU12": [0.1234567891, np.nan, 2.0, 5.0]})


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
@pytest.mark.parametrize("cuts", [(4,), (1, 3), (0, 2, 2, 4)])
def test_parts_make_the_whole(tmp_path, suffix, cuts):
    whole = tables.write(TABLE, tmp_path / f"whole.{suffix}")
    with tables.writing(tmp_path / f"parts.{suffix}", TABLE.head(0)) as append:
        for begin, end in zip((0, *cuts), (*cuts, 4), strict=True):
            append(TABLE.iloc[begin:end])
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[suffix]
    pd.testing.assert_frame_equal(read(tmp_path / f"parts.{suffix}"), read(whole))
    if suffix != "parquet":
        assert (tmp_path / f"parts.{suffix}").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_a_table_without_rows_has_its_columns(tmp_path, suffix):
    path = tables.write(TABLE.head(0), tmp_path / f"none.{suffix}")
    if suffix == "json":
        assert json.loads(path.read_text()) == []
    else:
        assert list({"csv": pd.read_csv, "parquet": pd.read_parquet}[suffix](path)) == list(TABLE)


def test_each_part_is_a_row_group(tmp_path):
    from pyarrow import parquet

    with tables.writing(tmp_path / "t.parquet", TABLE.head(0)) as append:
        append(TABLE.iloc[:3])
        append(TABLE.iloc[3:])
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [3, 1]


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_a_table_appears_when_all_is_written_or_not_at_all(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_text("what was there before")
    with pytest.raises(KeyboardInterrupt), tables.writing(path, TABLE.head(0)) as append:
        append(TABLE)
        raise KeyboardInterrupt
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_name_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match="its suffix"), tables.writing(tmp_path / "t.xlsx", TABLE.head(0)):
        pytest.fail("it was opened")
