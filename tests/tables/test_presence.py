"""What readers say beyond intensities, in every dialect: the reader decides which columns there are."""

import math

import numpy as np
import pandas as pd
import pytest

from mien import aus, tables
from mien.aus import AUVector
from mien.tables import openface, pyfeat
from mien.tables.reading import read
from mien.types import Face, Presence, Reading


class Detector:
    """Says whether units are there, and how strong some are."""

    name = "detector"

    def __init__(self, detects, measures=()):
        self.detects, self.measures, self.thresholds = detects, frozenset(measures), dict.fromkeys(detects, 0.5)

    def measure(self, crops):
        raise NotImplementedError


class Ensemble(Detector):
    def __init__(self, *members):
        axes = {axis for member in members for axis in member.measures}
        super().__init__(tuple(dict.fromkeys(unit for member in members for unit in member.detects)), axes)
        self.members = members


def row(presence, values=(), spread=(), file="a.jpg"):
    face = Face((20.0, 30.0, 150.0, 160.0), 0.9, np.random.default_rng(3).uniform(0, 200, (468, 3)))
    return tables.Row(
        file, (640, 480), Reading(face, AUVector.of(dict(values), others=math.nan), {}, (0.0, 0.0, 0.0), presence, dict(spread))
    )


SAID = {"AU12": Presence(0.81, True), "AU19": Presence(0.3, False), "AU12L": Presence(0.4, True)}
DETECTOR = Detector(("AU12", "AU19", "AU12L"))
NOBODY = tables.Row("b.jpg", (640, 480), None)


def test_a_reader_that_detects_has_a_probability_and_a_yes_or_no_for_each_unit():
    table = tables.table([row(SAID), NOBODY], reader=DETECTOR)
    assert list(table)[: len(tables.COLUMNS)] == list(tables.COLUMNS)
    assert list(table)[len(tables.COLUMNS) :] == ["AU12_p", "AU12_c", "AU19_p", "AU19_c", "AU12L_p", "AU12L_c"]
    assert table.iloc[0, -6:].tolist() == [0.81, 1, 0.3, 0, 0.4, 1]
    assert math.isnan(table.AU12[0]), "a probability is no intensity"
    assert table.iloc[1, -6:].isna().all()


def test_the_columns_are_those_of_the_reader_whatever_was_found():
    some = tables.table([row(SAID)], reader=DETECTOR)
    for rows in ([], [NOBODY]):
        assert list(tables.table(rows, reader=DETECTOR)) == list(some)
        assert (tables.table(rows, reader=DETECTOR).dtypes == some.dtypes).all()
    assert list(tables.table([], reader=Detector((), ["AU12L"]))) == list(tables.table([])) == list(tables.COLUMNS)


def test_an_ensemble_tells_how_far_its_readers_are_apart_where_two_say_something():
    ensemble = Ensemble(
        Detector(("AU12", "AU04"), ["AU12L", "AU12R", "AU17", "AU01L"]),
        Detector(("AU12", "AU25"), ["AU12L", "AU12R", "AU17", "AU01R", "AU02L"]),
        Detector((), ["AU02L", "AU09L"]),
    )
    said = {"AU12": Presence(0.8, True, 0.1), "AU04": Presence(0.2, False), "AU25": Presence(0.6, True)}
    told = row(said, {"AU12": 3.0}, {"AU12L": 0.2, "AU12R": 0.4, "AU17": 0.7, "AU02L": 0.9})
    table = tables.table([told, NOBODY], reader=ensemble)
    beyond = list(table)[len(tables.COLUMNS) :]
    assert beyond[:7] == ["AU12_p", "AU12_c", "AU12_p_sd", "AU04_p", "AU04_c", "AU25_p", "AU25_c"]
    assert beyond[7:] == ["AU12_sd", "AU17_sd", "AU02L_sd", "AU12L_sd", "AU12R_sd"]
    assert table.loc[0, "AU12_p_sd"] == 0.1
    np.testing.assert_allclose(table.loc[0, beyond[-5:]].astype(float), [0.3, 0.7, 0.9, 0.2, 0.4])
    assert table.loc[1, beyond].isna().all()


def test_openface_has_yes_and_no_as_the_reader_says_it():
    """AU12 is strong and not there, AU04 is weak and there; of AU01 is said nothing, so that its strength counts."""
    said = {"AU12": Presence(0.2, False), "AU04": Presence(0.7, True), "AU43": Presence(0.9, True), "AU28": Presence(0.6, True)}
    table = tables.table([row(said, {"AU12": 4.0, "AU04": 0.2, "AU01": 1.5, "AU43": 0.1})], "openface")
    assert list(table) == list(openface.COLUMNS)
    assert [table.loc[0, f"{unit}_c"] for unit in ("AU12", "AU04", "AU01", "AU45", "AU28")] == [0, 1, 1, 1, 1]
    assert [table.loc[0, f"{unit}_r"] for unit in ("AU12", "AU04", "AU45")] == [4.0, 0.2, 0.1]
    assert math.isnan(table.loc[0, "AU02_c"])


def test_pyfeat_has_the_probability_where_there_is_one():
    table = tables.table([row({"AU12": Presence(0.2, False), "AU45": Presence(0.9, True)}, {"AU12": 4.0, "AU01": 1.5})], "pyfeat")
    assert list(table) == list(pyfeat.COLUMNS)
    assert (table.AU12[0], table.AU01[0], table.AU43[0]) == (0.2, 0.3, 0.9)
    assert math.isnan(table.AU02[0])


@pytest.mark.parametrize("columns", ["mien", "openface"])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_what_was_written_is_read(tmp_path, columns, suffix):
    """Yes and no counts where no intensity was measured."""
    rows = [row({"AU12": Presence(0.8, True), "AU04": Presence(0.9, True)}, {"AU04": 0.5}), NOBODY]
    reader = Detector(("AU12", "AU04"), aus.axes("AU04"))
    found = read(tables.write(tables.table(rows, columns, reader), tmp_path / f"t.{suffix}"))
    assert found.graded >= {"AU04"} and "AU12" not in found.graded
    np.testing.assert_array_equal(found.units["AU12"], [1, math.nan])
    np.testing.assert_array_equal(found.units["AU04"], [0.5, math.nan])


def test_intensities_count_before_yes_and_no_where_there_are_any(tmp_path):
    pd.DataFrame({"file": ["a", "b"], "AU12": [2.0, None], "AU12_c": [0, 1]}).to_csv(tmp_path / "t.csv", index=False)
    found = read(tmp_path / "t.csv")
    np.testing.assert_array_equal(found.units["AU12"], [2, math.nan])
    assert found.graded == {"AU12"}
