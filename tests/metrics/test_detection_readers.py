"""Readers that say themselves whether units are there, ensembles, weights for each fold, and several readers side by side, on the
miniature corpora.
"""

import json
import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mien import artefacts, registry, weights
from mien.cli import main
from mien.data.layouts import coded
from mien.errors import UsageError, WeightsError
from mien.metrics.detection import latex, learned, plot, report
from mien.metrics.detection.plan import plan
from mien.metrics.detection.scores import Detection, FoldScore, UnitScore, score
from mien.metrics.detection.table import table, units_of
from mien.readers.ensemble import Ensemble
from mien.types import Presence


@pytest.fixture
def detecting():
    """Readers that read as geometry does, measure what is told, and are sure of some units as geometry says that they are strong."""
    geometry = registry.reader("geometry")

    def make(thresholds, measures=geometry.measures, **options):
        def said(reading):
            sure = {unit: reading.aus[unit] / 5 for unit in thresholds}
            return {unit: Presence(probability, probability >= thresholds[unit]) for unit, probability in sure.items()}

        def measure(crops):
            return [replace(reading, presence=said(reading)) for reading in geometry.measure(crops)]

        told = {"name": "sure", "recipe": ""} | options
        return SimpleNamespace(detects=tuple(thresholds), thresholds=thresholds, measures=measures, measure=measure, **told)

    return make


def test_a_unit_counts_by_what_the_reader_says_of_presence_where_it_does(corpora, once, detecting):
    """A probability from 0.4 on is an intensity from 2 on; from 0 on everything is there."""
    corpus = coded.read(corpora / "DISFA")
    by_intensity = score(plan([registry.reader("geometry")], corpus, (0,), units="12,25"), 2.0).folds[0].units
    reader = detecting({"AU12": 0.4, "AU25": 0.0})
    planned = plan([reader], corpus, (0,), units="6,12,25")
    found = score(planned, 5.1).folds[0].units
    assert planned.detected == {12, 25} and planned.units == (6, 12, 25)
    assert found[12] == by_intensity[12], "the same faces in the same order"
    frames, there = found[25].frames, found[25].positives
    assert found[25].f1 == pytest.approx(2 * there / (frames + there)) and found[25].auc == by_intensity[25].auc
    assert found[6].f1 == 0 and found[6].auc > 0.5, "no intensity is above 5.1"


def test_a_reader_without_intensities_is_tested_on_what_it_detects(corpora, detecting):
    reader = detecting({"AU12": 0.4, "AU25": 0.4}, measures=frozenset())
    planned = plan([reader], coded.read(corpora / "DISFA"), (0,), units="6,12,25")
    assert planned.units == (12, 25) == tuple(sorted(planned.detected))
    assert planned.notes == ("Reader sure says nothing of AU06: there are no numbers.",)
    with pytest.raises(UsageError, match="reader sure says nothing of AU06, AU09"):
        plan([reader], coded.read(corpora / "DISFA"), (0,), units="6,9")
    other = detecting({"AU25": 0.4}, measures=frozenset())
    assert plan([reader, other], coded.read(corpora / "DISFA"), (0,), units="12,25").units == (25,), "what all of them say"


def test_the_report_says_when_a_unit_counts_as_found(corpora, detecting):
    def told(reader, units="12,25"):
        planned = plan([reader], coded.read(corpora / "DISFA"), (0,), units=units)
        fold = FoldScore(0, 1, 2, (), {unit: UnitScore(2, 1, 1.0, 1.0, 1.0) for unit in planned.units})
        found = Detection(planned, 2.0, (fold,), (), ())
        return report.said(found), report.document(found, [])["detected"]

    itself, since = "the reader says itself whether it is there, from a probability on that is in its weights", "from intensity 2 on"
    said, detected = told(registry.reader("geometry"))
    assert f"the reader detects it {since}. " in said and itself not in said and detected == []
    said, detected = told(detecting({"AU12": 0.4, "AU25": 0.4}))
    assert f"; {itself}. " in said and since not in said and detected == ["AU12", "AU25"]
    said, detected = told(detecting({"AU25": 0.4}))
    assert f"; of AU25 {itself}, of AU12 the reader detects it {since}. " in said and detected == ["AU25"]


def test_an_ensemble_knows_whom_its_members_know(detecting):
    def ensemble(*recipes):
        geometry = registry.reader("geometry")
        return Ensemble(geometry, [detecting({}, recipe=recipe, name=f"member {n}") for n, recipe in enumerate(recipes)])

    of_fold, other = ensemble("", 'corpus = "DISFA"\nfold = 1'), ensemble('corpus = "BP4D"\nfold = 0', "")
    assert learned.tester([of_fold], "DISFA", 1) is of_fold and learned.tester([of_fold, other], "DISFA", 0) is other
    with pytest.raises(WeightsError, match=r"fold 0 of DISFA .* those of reader member 1 were trained for fold 1"):
        learned.tester([of_fold], "DISFA", 0)
    assert learned.doubts([ensemble('corpus = "DISFA"')], "DISFA")[0].startswith("The weights of reader member 0 learned from DISFA and do")
    learned.check([other], "BP4D")
    for recipes, why in ((("", ""), "do not say that"), (('corpus = "BP4D"', 'corpus = "DISFA"'), "were trained on BP4D and DISFA")):
        with pytest.raises(WeightsError, match=f"--train BP4D: the weights of reader ensemble {why}"):
            learned.check([ensemble(*recipes)], "BP4D")


@pytest.fixture
def two(corpora, detecting):
    """Tests of two readers: one says nothing of AU02, the other nothing of AU25."""

    def test(name, ones):
        reader = detecting(dict.fromkeys(ones, 0.4), measures=frozenset(), name=name)
        planned = plan([reader], coded.read(corpora / "DISFA"), (0,), units="1,2,25")
        scores = {unit: UnitScore(40, 10, 0.1 * unit, 0.75, 0.8) for unit in planned.units}
        return Detection(planned, 2.0, (FoldScore(0, 9, 41, (), scores),), (), planned.notes)

    return [test("first", ("AU01", "AU25")), test("second", ("AU01", "AU02"))]


def test_readers_side_by_side_have_the_units_of_either(two):
    assert units_of(two) == (1, 2, 25)
    rows = table(two, []).set_index(["method", "score", "fold"])
    assert list(rows)[:4] == ["AU01", "AU02", "AU25", "mean"]
    first, second = (rows.loc[name, "F1", "0"] for name in ("first", "second"))
    assert first["AU25"] == 250 and math.isnan(first["AU02"]) and second["AU02"] == 20 and math.isnan(second["AU25"])
    page = report.page(table(two, [])).set_index(["method", "score", "fold"])
    assert page.loc[("first", "positives", "0"), ["AU01", "AU02", "AU25"]].tolist() == [10, "", 10]
    text = latex.latex(two, [])
    assert "first, F1 & 10.0 & -- & 250.0" in text and "second, F1 & 10.0 & 20.0 & --" in text
    (axes,) = plot.figure(two, []).axes
    assert np.nan_to_num([bar.get_height() for bar in axes.patches]) == pytest.approx([10, 0, 250, 130, 10, 20, 0, 15])
    middles = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
    assert middles[:4] == pytest.approx([-0.2, 0.8, 1.8, 2.8]) and middles[4:] == pytest.approx([0.2, 1.2, 2.2, 3.2])


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["score", "aus", *map(str, words)])
    told = capsys.readouterr()
    return end.value.code, told.out, told.err


@pytest.fixture
def files(reader_files, tmp_path):
    """Weights of `graphau` for each fold of DISFA."""

    def write(fold):
        stored = weights.load(reader_files / "graphau.safetensors")
        recipe = f'corpus = "DISFA"\nfold = {fold}\n'
        weights.save(tmp_path / f"fold{fold}.safetensors", stored.tensors, stored.config, recipe=recipe)
        return tmp_path / f"fold{fold}.safetensors"

    return [write(fold) for fold in range(3)]


def test_weights_of_every_fold(corpora, once, capsys, files, tmp_path):
    words = ("--data", corpora / "DISFA", "--reader", "graphau", "--train", "DISFA", "--aus", "4,12,25", "--no-published")
    named = [word for path in files for word in ("--weights", path)]
    code, out, err = run(capsys, *words, *named, "--json", "--write", tmp_path / "page.md")
    found = json.loads(out)
    assert code == 0 and "Reader graphau says nothing of AU25" in err
    assert found["detected"] == ["AU04", "AU12"] and [fold["fold"] for fold in found["folds"]] == [0, 1, 2]
    assert "--reader graphau --weights fold0.safetensors --weights fold1.safetensors" in (tmp_path / "page.md").read_text()
    code, _, err = run(capsys, *words, *named[:4])
    assert code == 1 and "fold 2 of DISFA needs weights that were trained for it" in err
    code, out, _ = run(capsys, *words, *named[:2], "--fold", "0")
    assert code == 0 and "whose weights say that they learned from DISFA, on DISFA, fold 0" in " ".join(out.split())


@pytest.fixture
def here(reader_files, monkeypatch):
    """A machine on which weights of networks are."""
    registry._built.cache_clear()
    monkeypatch.setattr(artefacts, "weight_files", partial(artefacts.weight_files, folders=(reader_files,)))
    yield
    registry._built.cache_clear()


def test_an_ensemble_and_its_members_side_by_side(corpora, once, capsys, here, tmp_path):
    words = ("--data", corpora / "DISFA", "--fold", "0", "--aus", "4,12,25", "-o", tmp_path / "t.csv", "--plot", tmp_path / "t.png")
    code, out, _ = run(capsys, *words, "--reader", "ensemble", "--reader", "geometry", "--latex", tmp_path / "t.tex")
    said = " ".join(out.split())
    assert code == 0 and "Reader ensemble on DISFA, fold 0" in said and "Reader geometry on DISFA, fold 0" in said
    assert "of AU04, AU12 the reader says itself" in said and "of AU25 the reader detects it from intensity 2 on" in said
    rows = pd.read_csv(tmp_path / "t.csv").set_index(["method", "score", "fold"])
    assert rows.loc[("ensemble", "F1", "0"), "AU25"] == rows.loc[("geometry", "F1", "0"), "AU25"] == 100, "geometry alone measures it"
    assert (tmp_path / "t.png").is_file() and "ensemble, F1" in (tmp_path / "t.tex").read_text()


def test_weights_are_of_one_reader_that_has_any(corpora, capsys, files):
    words = ("--data", corpora / "DISFA", "--weights", files[0])
    code, out, err = run(capsys, *words, "--reader", "graphau", "--reader", "fgnet")
    assert (code, out, err.count("\n")) == (2, "", 1) and "--weights are of one reader, not of graphau and fgnet: name one --reader" in err
    for name in ("geometry", "ensemble"):
        code, out, err = run(capsys, *words, "--reader", name)
        assert (code, out, err.count("\n")) == (2, "", 1) and f"the reader {name} has no weights" in err
    code, _, err = run(capsys, "a.csv", "b.csv", "--weights", files[0])
    assert code == 2 and "--weights: this is for a reader on a corpus" in err
