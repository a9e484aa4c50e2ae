"""The tables of papers: published rows, ours beside them, as a table, LaTeX and a picture; and the command that makes them."""

import json
import math
import re
import shutil

import pandas as pd
import pytest

from mien import registry
from mien.cli import main
from mien.data.layouts import coded, fgnet
from mien.metrics.detection import latex, plot, report
from mien.metrics.detection.plan import plan
from mien.metrics.detection.published import CERTAINTY, Published, published
from mien.metrics.detection.scores import Detection, FoldScore, UnitScore
from mien.metrics.detection.table import f1_of, printed, shown, table

SHARED = (1, 2, 4, 6, 12)
PAIRS = {("DISFA", ""): fgnet.UNITS["DISFA"], ("BP4D", ""): fgnet.UNITS["BP4D"], ("DISFA", "BP4D"): SHARED, ("BP4D", "DISFA"): SHARED}
NAN = math.nan


@pytest.mark.parametrize(("test", "train"), PAIRS)
def test_published_rows_say_whose_they_are_and_how_certain(test, train):
    rows = published(test, train)
    for row in rows:
        assert row.units == PAIRS[test, train] and set(row.f1) in (set(), set(row.units)), row
        assert row.citation and row.source and row.certainty in CERTAINTY, row
        assert (row.source == "literature") == (row.certainty != "read"), row
        assert all(0 < value < 100 for value in (*row.f1.values(), row.average)), row
        assert not (row.certainty == "consistent" and row.differs), row
    assert rows[-1].method == "FG-Net" and len({row.method for row in rows}) == len(rows)


def test_averages_that_are_not_the_mean_of_their_units_are_known():
    told = {(test, train, row.method) for test, train in PAIRS for row in published(test, train) if row.differs}
    pairs = {("DISFA", "", who) for who in ("DRML", "EAC-Net", "UGN-B")} | {("BP4D", "", who) for who in ("DRML", "EAC-Net")}
    assert told == pairs


def test_published_rows_of_a_few_units_have_their_own_mean_and_no_printed_average():
    row = Published("A", "a", "a", "read", (1, 2), {1: 10.0, 2: 30.0}, 25.0)
    assert f1_of(row, (1, 2)) == ({1: 10.0, 2: 30.0}, 20.0) and printed(row, (1, 2)) == "25.0*"
    assert f1_of(row, (2,)) == ({2: 30.0}, 30.0) and printed(row, (2,)) == ""
    assert math.isnan(f1_of(row, (2, 5))[1]), "no mean of a part of the units"
    average = Published("B", "b", "b", "read", (1, 2), {}, 40.0)
    assert f1_of(average, (1, 2))[1] == 40.0 and printed(average, (1, 2)) == "40.0"
    assert shown([row, average], (1, 2)) == [row, average] and shown([row, average], (2,)) == [row] and shown([row, average], (5,)) == []


@pytest.fixture
def found(corpora):
    """A test in two folds, by hand: nothing shows AU02 in the second."""
    planned = plan([registry.reader("geometry")], coded.read(corpora / "DISFA"), (0, 2), units="1,2")
    first, second = UnitScore(40, 10, 0.5, 0.75, 0.8), UnitScore(40, 0, NAN, 1.0, NAN)
    folds = (
        FoldScore(0, 9, 41, ("a.png",), {1: first, 2: UnitScore(40, 4, 0.25, 0.5, 0.5)}),
        FoldScore(2, 9, 40, (), {1: first, 2: second}),
    )
    return Detection(planned, 2.0, folds, (), ("A note.",))


def test_a_table_of_a_reader_beside_published_rows(found):
    peers = shown(published("DISFA"), found.plan.units)
    rows = table([found], peers).set_index(["method", "score", "fold"])
    own = rows.loc["geometry"]
    assert own.loc[("F1", "0"), ["AU01", "AU02", "mean"]].tolist() == [50, 25, 37.5]
    assert own.loc[("F1", "2"), ["AU01", "mean"]].tolist() == [50, 50] and math.isnan(own.loc[("F1", "2"), "AU02"])
    assert own.loc[("F1", "mean"), ["AU01", "AU02", "mean"]].tolist() == [50, 25, 37.5]
    assert own.loc[("accuracy", "mean"), ["AU01", "AU02"]].tolist() == [75, 75] and own.loc[("AUC", "0"), "mean"] == 65
    assert own.loc["positives"]["AU02"].tolist() == [4, 0]
    peer = rows.loc["FG-Net", "F1", "mean"]
    assert peer[["AU01", "AU02", "mean"]].tolist() == pytest.approx([63.6, 66.9, 65.25]) and peer["printed"] == ""
    assert peer[["certainty", "citation", "source"]].tolist() == ["consistent", "Yin et al., WACV 2024", "literature"]
    page = report.page(table([found], peers))
    assert page.loc[page["score"] == "positives", "AU02"].tolist() == [4, 0] and "source" not in page
    assert "in 1 of them no face was found. A unit is present in DISFA from intensity 2 of 0..5 on" in report.said(found)


def test_latex_has_a_row_for_each_method_and_its_source(found):
    peers = shown(published("DISFA"), found.plan.units)
    text = latex.latex([found], peers)
    body = text.split("\\toprule")[1].split("\\bottomrule")[0]
    rows = [re.split(r"\s*(?<!\\)&\s*", line.split(" \\\\")[0]) for line in body.splitlines() if "&" in line]
    assert {len(row) for row in rows} == {6} and "{lrrrrl}" in text
    assert rows[0] == ["Method", "AU1", "AU2", "mean", "printed", "certainty"]
    assert rows[len(peers)] == ["FG-Net", "63.6", "66.9", "65.2", "", "consistent"] or rows[len(peers)][3] == "65.3"
    assert rows[-3:] == [
        ["geometry, F1", "50.0", "25.0", "37.5", "", "measured"],
        ["geometry, accuracy", "75.0", "75.0", "75.0", "", "measured"],
        ["geometry, AUC", "80.0", "50.0", "65.0", "", "measured"],
    ]
    assert "% Yin et al., WACV 2024 (literature)" in body and "% A note." in text
    assert latex.escaped(r"a_b & 5% \x~") == r"a\_b \& 5\% \textbackslash{}x\textasciitilde{}"


def test_a_plot_has_a_bar_for_each_unit_and_a_mark_for_each_method(found):
    peers = published("DISFA")
    drawn = plot.figure([found], peers)
    (axes,) = drawn.axes
    assert [bar.get_height() for bar in axes.patches] == [50, 25, 37.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["AU01", "AU02", "mean"]
    marks = {points.get_label(): points.get_offsets()[:, 1].tolist() for points in axes.collections}
    assert marks["its folds"] == [50, 25, 37.5] and marks["FG-Net (consistent)"] == pytest.approx([63.6, 66.9, 65.25])
    assert {text.get_text() for text in drawn.legends[0].get_texts()} == {
        "geometry",
        "its folds",
        *(f"{p.method} ({p.certainty})" for p in peers),
    }


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["score", "aus", *map(str, words)])
    told = capsys.readouterr()
    return end.value.code, told.out, told.err


def test_within_a_corpus(corpora, once, capsys, tmp_path):
    words = ("--data", corpora / "DISFA", "--reader", "geometry", "--fold", "0,1,2")
    files = ("-o", tmp_path / "t.csv", "--latex", tmp_path / "t.tex", "--plot", tmp_path / "t.png", "--write", tmp_path / "page.md")
    code, out, err = run(capsys, *words, *files)
    assert code == 0 and "29 frames of 27 people" in out and "no frame that was read shows AU01, AU02, AU09" in err
    rows = pd.read_csv(tmp_path / "t.csv").set_index(["method", "score", "fold"])
    assert list(rows.columns[:9]) == [*(f"AU{unit:02d}" for unit in fgnet.UNITS["DISFA"]), "mean"]
    assert rows.loc[("FG-Net", "F1", "mean"), "source"] == "literature" and len(rows.loc["geometry"]) == 15
    assert "FG-Net: Yin et al., WACV 2024 (literature)" in " ".join(out.split())
    page = (tmp_path / "page.md").read_text()
    assert "`mien score aus --data DISFA --reader geometry --fold 0,1,2`" in page and "| FG-Net | F1 | mean | 63.60 |" in page
    assert (tmp_path / "t.tex").read_text().startswith("% Reader geometry on DISFA") and (tmp_path / "t.png").is_file()
    code, out, _ = run(capsys, *words, "--json", "--aus", "25,12", "--no-published")
    document = json.loads(out)
    assert code == 0 and list(document["units"]) == ["AU12", "AU25"] and document["published"] == []
    assert [fold["units"]["AU25"]["f1"] for fold in document["folds"]] == [1, 1, 1] and document["mean"]["f1"] == 1
    assert document["folds"][0]["faceless"] == ["images/SN002/00002.png"]
    assert rows.loc[("geometry", "F1", "mean"), "AU25"] == 100 * document["units"]["AU25"]["f1"]


def test_across_corpora(corpora, once, taught, capsys, monkeypatch):
    monkeypatch.chdir(corpora)
    reader = taught('corpus = "BP4D"\nfold = 0')
    monkeypatch.setattr(registry, "reader", lambda name: reader)
    code, out, _ = run(capsys, "--train", "BP4D", "--test", "DISFA", "--aus", "1,2,4,6,12")
    said = " ".join(out.split())
    assert code == 0 and "whose weights say that they learned from BP4D, on DISFA, folds 0, 1, 2" in said
    assert "61.30" in out and "AU09" not in out, "FG-Net's row from BP4D to DISFA"
    code, short, _ = run(capsys, "--train", "BP4D", "--data", "DISFA")
    assert code == 0 and short == out, "those are the units that papers report on both, and two names of an option"
    code, out, err = run(capsys, "--train", "DISFA", "--test", "BP4D")
    assert (code, out, err.count("\n")) == (1, "", 1) and "the weights of reader taught were trained on BP4D" in err
    code, out, err = run(capsys, "--data", "BP4D", "--fold", "0,1")
    assert (code, out) == (1, "") and "fold 1 of BP4D needs weights that were trained for it" in err


def test_lists_of_fg_net(corpora, once, capsys):
    code, out, err = run(capsys, "--data", corpora / "labels/DISFA", "--pictures", corpora / "data", "--fold", "1", "--aus", "25")
    assert (code, err) == (0, "") and "Reader geometry on FG-Net's DISFA, fold 1: 9 frames of 9 people" in " ".join(out.split())


def test_what_is_missing_makes_exit_code_3(corpora, once, capsys, tmp_path):
    shutil.copytree(corpora / "DISFA", tmp_path / "DISFA")
    shutil.rmtree(tmp_path / "DISFA/ActionUnit_Labels/SN001")
    shutil.rmtree(tmp_path / "DISFA/images/SN009")
    (tmp_path / "DISFA/images/SN010/00001.png").write_text("no picture")
    code, out, err = run(capsys, "--data", tmp_path / "DISFA", "--fold", "0", "--aus", "25")
    assert code == 3 and "8 frames of 7 people" in out
    assert "SN009: neither pictures nor a film" in err and "fold 0: there are no labels of SN001" in err
    assert "images/SN010/00001.png" in err and "not read, the others are scored" in err


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ((), 2, "two tables are needed, PRED and TRUTH, or a corpus: --data DIR"),
        (("a.csv",), 2, "two tables are needed"),
        (("a.csv", "b.csv", "--fold", "0"), 2, "--fold: this is for a reader on a corpus"),
        (("a.csv", "b.csv", "--data", "DISFA"), 2, "a.csv and --data DISFA: give two tables, or a corpus alone"),
        (("--data", "DISFA", "--plot", "p.xyz"), 2, "--plot p.xyz: its suffix '.xyz' is not one of .png, .pdf, .svg"),
        (("--data", "DISFA", "-o", "t.xls"), 1, "cannot write a table to t.xls"),
        (("--data", "DISFA", "--fold", "3"), 2, "--fold: '3' is not one of 0, 1, 2"),
        (("--data", "DISFA", "--reader", "no"), 2, "reader 'no' is not one of"),
        (("--data", "DISFA", "--train", "BP4D"), 1, "the weights of reader geometry do not say that they were trained on a corpus"),
        (("--data", "pool"), 1, "has no corpus that is coded in action units"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_before_anything_is_read(corpora, capsys, monkeypatch, words, code, why):
    monkeypatch.chdir(corpora)
    ended, out, err = run(capsys, *words)
    assert (ended, out, err.count("\n")) == (code, "", 1) and why in err
