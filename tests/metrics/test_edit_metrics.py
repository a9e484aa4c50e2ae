"""Dose and response, on responses whose answer is known."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mien import aus
from mien.errors import UsageError
from mien.metrics import edits, pages
from mien.metrics.edits import DOSES, Response

UNITS = list(aus.NAMES)


def _response(gain, offsets, leak=0.0):
    """Faces that answer `gain` times the dose from different starts; AU24 follows at `leak`."""
    moved = gain * np.tile(DOSES, (len(offsets), 1))
    measured = np.zeros((len(offsets), len(DOSES), len(UNITS)))
    measured[:, :, UNITS.index(12)] = moved + np.array(offsets)[:, None]
    measured[:, :, UNITS.index(24)] = leak * np.array(DOSES)
    return Response(12, moved, {"own": measured})


def test_a_faithful_answer():
    (row,) = edits.table([_response(1.0, [0.0, 0.0])]).to_dict("records")
    assert (row["au"], row["faces"]) == ("AU12", 2)
    assert [row[f"{by} {n}"] for by in ("own + pixels", "landmarks") for n in ("r", "within", "slope")] == pytest.approx([1] * 6)
    assert row["leak"] == 0


def test_a_constant_error_is_its_own_rmse():
    (row,) = edits.table([_response(1.0, [0.5, -0.5])]).to_dict("records")
    assert row["own + pixels rmse"] == pytest.approx(0.5) and row["landmarks rmse"] == pytest.approx(0)
    (row,) = edits.table([_response(0.0, [0.0])]).to_dict("records")
    assert row["landmarks rmse"] == pytest.approx(np.sqrt(np.mean(np.square(DOSES))))


def test_what_is_kept_is_told_at_the_highest_dose_without_lost_faces():
    response = _response(1.0, [0.0, 0.0])
    away = np.arange(12.0).reshape(2, 6)
    lost = np.vstack([np.linspace(1, 0.5, 6), np.full(6, np.nan)])
    kept = {"shape": lost, "outside": away, "identity": np.full((2, 6), np.nan)}
    response = Response(12, response.moved, response.measured, kept)
    for table in (edits.table([response]), edits.solved([response], DOSES)):
        (row,) = table.to_dict("records")
        assert (row["shape"], row["outside"]) == (0.5, 8) and np.isnan(row["identity"])
    told = edits.curves(response)
    assert (told["au"], told["kept"]["outside"][1]) == ("AU12", [6, 7, 8, 9, 10, 11])
    assert told["measured"] == {"own": [list(DOSES)] * 2} and told["moved"] == [list(DOSES)] * 2


def test_different_starts_cost_correlation_and_not_slope():
    (row,) = edits.table([_response(0.5, [0.0, 3.0])]).to_dict("records")
    assert row["own + pixels r"] < 0.8 and row["own + pixels within"] == pytest.approx(1)
    assert row["own + pixels slope"] == pytest.approx(0.5)


def test_each_judge_has_its_columns_and_the_first_is_asked_for_the_leak():
    response = _response(1.0, [0.0])
    other = {"teacher": _response(0.4, [0.0], leak=0.2).measured["own"], "own": response.measured["own"]}
    (row,) = edits.table([Response(12, response.moved, other)]).to_dict("records")
    assert (row["teacher + pixels slope"], row["own + pixels slope"]) == pytest.approx((0.4, 1.0))
    assert row["most"] == "AU24 1.0"


def test_a_leak_is_named():
    (row,) = edits.table([_response(1.0, [0.0], leak=0.4)]).to_dict("records")
    assert row["most"] == "AU24 2.0" and row["leak"] > 0


def test_a_face_that_is_lost_is_left_out():
    response = _response(1.0, [0.0, 0.0])
    response.moved[0, 3] = np.nan
    response.measured["own"][0, 3] = np.nan
    (row,) = edits.table([response]).to_dict("records")
    assert row["faces"] == 1 and row["own + pixels r"] == pytest.approx(1)


def test_commands_that_are_met_are_counted_and_lost_faces_are_not_met():
    response = _response(0.8, [0.0, 0.0])
    response.measured["own"][1] = np.nan
    (row,) = edits.solved([response], DOSES).to_dict("records")
    assert row["own met"] == pytest.approx(3 / 12)  # 0, 1 and 2 of the face that was found are off by 0, .2 and .4
    assert row["own error"] == pytest.approx(0.5)


def _read_alone(unit, likely, strong=None, leak=0.0):
    """Two faces by a reader that says how likely a unit is at each dose, and perhaps how strong; AU24 follows at `leak`."""
    measured, said = (np.full((2, len(DOSES), len(UNITS)), np.nan) for _ in range(2))
    said[:, :, UNITS.index(unit)] = likely
    said[:, :, UNITS.index(24)] = np.linspace(0.1, 0.1 + leak, len(DOSES))
    if strong is not None:
        measured[:, :, UNITS.index(unit)] = strong
    return Response(unit, np.tile(DOSES, (2, 1)), {"net": measured}, likely={"net": said})


def test_a_unit_that_is_only_likely_is_told_by_its_probability():
    rising = [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.2, 0.3, 0.4, 0.5, 0.6, 0.9]]
    for table in (edits.table([_read_alone(12, rising, leak=0.25)]), edits.solved([_read_alone(12, rising, leak=0.25)], DOSES)):
        (row,) = table.to_dict("records")
        assert (row["net p low"], row["net p high"]) == pytest.approx((0.15, 0.75)) and 0.97 < row["net p within"] <= 1
        assert row["net p r"] == pytest.approx(np.corrcoef(np.ravel(rising), np.tile(DOSES, 2))[0, 1])
        assert (row["net p leak"], row["net p most"]) == (pytest.approx(0.25), "AU24 0.25"), "in the reader's own kind of number"
        assert not {"net r", "net slope", "net rmse", "net met", "leak"} & set(row), "a probability is no steps"


def test_a_unit_whose_intensity_is_measured_is_told_by_it():
    responses = [_read_alone(4, 0.5), _read_alone(12, 0.5, strong=np.array(DOSES) / 2)]
    unsure, strong = edits.table(responses).to_dict("records")
    assert (strong["net r"], strong["net slope"]) == pytest.approx((1, 0.5)) and np.isnan(strong["net p r"])
    assert unsure["net p r"] == 0 and np.isnan(unsure["net r"]), "it says the same at every dose"
    assert np.isnan(strong["leak"]) and strong["most"] == "", "of no other unit it measures the intensity"
    unsure, strong = edits.solved(responses, DOSES).to_dict("records")
    assert strong["net met"] == 2 / 6 and np.isnan(unsure["net met"]) and unsure["net p high"] == 0.5
    assert edits.curves(responses[1])["likely"] == {"net": [[0.5] * 6] * 2}


def test_probabilities_are_drawn_as_such(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, dpi: drawn.extend(figure.axes))
    edits.plot([_read_alone(4, 0.5), _read_alone(12, 0.5, strong=np.array(DOSES))], tmp_path / "curves.png")
    assert [axes.get_title() for axes in drawn[:2]] == ["AU4 Brow lowerer, probability", "AU12 Lip corner puller"]
    assert drawn[0].get_ylim() == (0, 1) and drawn[1].get_ylim()[1] >= 5
    assert drawn[0].lines[-1].get_ydata().tolist() == [0.5] * 6


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    page, table = tmp_path / "results.md", edits.table([_response(1.0, [0.0])])
    for name, word in (("a", "first"), ("b", "second"), ("a", "third")):
        pages.write_section(page, name, f"Title {name}", f"mien score {name}", [word, pages.markdown(table, 2)])
    text = page.read_text()
    assert text.count("## Title a") == text.count("## Title b") == 1
    assert "first" not in text and text.index("third") < text.index("second")
    assert "| AU12 | 1 | 1.00 |" in text


def test_units_are_chosen_by_name_among_those_that_move():
    moves = {"AU01L", "AU01R", "AU12L", "AU12R", "AU25", "AU04L"}
    assert edits.movable(moves) == (1, 12, 25), "of AU04 a side alone"
    assert edits.movable(moves, "25, AU1,") == edits.movable(moves, "au01,25") == (1, 25)
    for wrong in ("4", "12,AU99", "smile"):
        with pytest.raises(UsageError, match=r"--aus: '\w+' is not one of AU01, AU12, AU25"):
            edits.movable(moves, wrong)
