"""Dose and response, on responses whose answer is known."""

import numpy as np
import pytest

from mien import aus
from mien.metrics import edits, pages
from mien.metrics.edits import DOSES, Response

UNITS = list(aus.NAMES)


def _response(gain, offsets, leak=0.0):
    """Faces that answer `gain` times the dose from different starts; AU24 follows at `leak`."""
    moved = gain * np.tile(DOSES, (len(offsets), 1))
    measured = np.zeros((len(offsets), len(DOSES), len(UNITS)))
    measured[:, :, UNITS.index(12)] = moved + np.array(offsets)[:, None]
    measured[:, :, UNITS.index(24)] = leak * np.array(DOSES)
    return Response(12, moved, measured)


def test_a_faithful_answer():
    (row,) = edits.table([_response(1.0, [0.0, 0.0])]).to_dict("records")
    assert (row["au"], row["faces"]) == ("AU12", 2)
    assert (row["moved"], row["within"], row["read"]) == pytest.approx((1, 1, 1))
    assert (row["slope"], row["read slope"]) == pytest.approx((1, 1))
    assert row["leak"] == 0


def test_different_starts_cost_correlation_and_not_slope():
    (row,) = edits.table([_response(0.5, [0.0, 3.0])]).to_dict("records")
    assert row["read"] < 0.8 and row["moved"] == pytest.approx(1)
    assert (row["slope"], row["read slope"]) == pytest.approx((0.5, 0.5))


def test_a_leak_is_named():
    (row,) = edits.table([_response(1.0, [0.0], leak=0.4)]).to_dict("records")
    assert row["most"] == "AU24 2.0" and row["leak"] > 0


def test_a_face_that_is_lost_is_left_out():
    response = _response(1.0, [0.0, 0.0])
    response.moved[0, 3] = np.nan
    assert edits.table([response]).faces.item() == 1


def test_an_answer_that_never_changes_does_not_correlate():
    assert edits.correlation(np.array(DOSES), np.ones(6)) == 0
    assert np.isnan(edits.correlation(np.zeros(0), np.zeros(0)))


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    page, table = tmp_path / "results.md", edits.table([_response(1.0, [0.0])])
    for name, word in (("a", "first"), ("b", "second"), ("a", "third")):
        pages.write_section(page, name, f"Title {name}", f"mien score {name}", [word, pages.markdown(table, 2)])
    text = page.read_text()
    assert text.count("## Title a") == text.count("## Title b") == 1
    assert "first" not in text and text.index("third") < text.index("second")
    assert "| AU12 | 1 | 1.00 |" in text
