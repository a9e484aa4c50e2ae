"""Numbers of detection in folds, by hand and against scikit-learn; who may be tested; and whole tests on miniature corpora."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

import mien
from mien import registry
from mien.aus import AXES
from mien.data.layouts import coded, fgnet, folds
from mien.data.layouts.frames import present
from mien.errors import UsageError, WeightsError
from mien.metrics.detection import learned
from mien.metrics.detection.frames import read_frames
from mien.metrics.detection.learned import Learned
from mien.metrics.detection.plan import folds as named_folds
from mien.metrics.detection.plan import plan
from mien.metrics.detection.scores import Detection, FoldScore, UnitScore, mean, score, unit_score

from .conftest import FACELESS, FILMED

NAN = math.nan


@given(st.integers(0, 10_000), st.integers(2, 60))
def test_numbers_of_a_unit_are_those_of_scikit_learn(seed, n):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[0.0, 1.0], rng.integers(0, 2, n)])
    measured = np.clip(2 * truth + rng.normal(1, 1.5, n + 2), 0, 5).round(1)  # ties and all
    unknown = rng.random(n + 2) < 0.2
    unknown[:2] = False
    found = unit_score(np.where(unknown, NAN, measured), truth, 2.0)
    measured, truth = measured[~unknown], truth[~unknown]
    assert found == unit_score(np.append(measured, 4.0), np.append(truth, NAN), 2.0), "nobody knows it in the last frame"
    assert (found.frames, found.positives) == (len(truth), truth.sum())
    assert found.f1 == pytest.approx(f1_score(truth, measured >= 2, zero_division=0))
    assert found.accuracy == pytest.approx(accuracy_score(truth, measured >= 2))
    assert found.auc == pytest.approx(roc_auc_score(truth, measured))


def test_numbers_of_a_unit_by_hand():
    """Two hits, a false alarm, a miss, a rejection: F1 = 4 / (4 + 2); of six pairs of a positive and a negative four are in order."""
    found = unit_score(np.array([4.0, 3.0, 2.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 1.0, 0.0]), 2.0)
    assert (found.frames, found.positives, found.accuracy) == (5, 3, 0.6)
    assert found.f1 == pytest.approx(4 / 6) and found.auc == pytest.approx(5 / 6)


def test_what_is_not_there_cannot_be_found():
    """Not 0, which would pull means down, nor 1: whatever was detected, there is nothing to find."""
    for measured in (np.zeros(3), np.array([0.0, 3.0, 5.0])):
        found = unit_score(measured, np.zeros(3), 2.0)
        assert found.positives == 0 and math.isnan(found.f1) and math.isnan(found.auc)
        assert found.accuracy == np.mean(measured < 2)
    missed = unit_score(np.zeros(3), np.ones(3), 2.0)
    assert missed.f1 == 0 and math.isnan(missed.auc), "all was there, and nothing of it found"
    assert all(math.isnan(value) for value in (unit_score(np.full(2, NAN), np.ones(2), 2.0).accuracy, mean([])))


def test_means_are_over_what_is_defined(corpora):
    def fold(number, one, two):
        return FoldScore(number, 1, 2, (), {1: UnitScore(2, 1, one, 0.5, NAN), 2: UnitScore(2, 1, two, 1.0, NAN)})

    planned = plan([registry.reader("geometry")], coded.read(corpora / "DISFA"), (0, 1, 2), units="1,2")
    found = Detection(planned, 2.0, (fold(0, 0.2, NAN), fold(1, 0.4, NAN), fold(2, 0.9, 0.3)), (), ())
    assert [each.mean("f1") for each in found.folds] == pytest.approx([0.2, 0.4, 0.6])
    assert (found.unit(1, "f1"), found.unit(2, "f1")) == pytest.approx((0.5, 0.3))
    assert found.mean("f1") == pytest.approx(0.4), "of each unit over the folds, then over the units"
    assert found.mean("accuracy") == 0.75 and math.isnan(found.mean("auc"))


def test_folds_by_name():
    assert named_folds(None) == named_folds("2,0, 1") == (0, 1, 2) and named_folds("1,1") == (1,)
    for wrong in ("3", "0,x", "", ","):
        with pytest.raises(UsageError, match=r"--fold: .* is not one of 0, 1, 2"):
            named_folds(wrong)


def test_weights_say_what_they_have_learned_from(taught):
    assert Learned.of(taught('corpus = "BP4D"\nfold = 1\nsteps = 7')) == Learned("BP4D", 1)
    assert Learned.of(taught('corpus = "DISFA"')) == Learned("DISFA", None)
    assert Learned.of(taught("steps = 7")) is Learned.of(taught("")) is Learned.of(registry.reader("geometry")) is None
    assert Learned.of(taught('data = "disfa/bp4d/"')) is None, "what a folder is called says nothing"
    with pytest.raises(WeightsError, match="the recipe in the weights of reader taught is no TOML"):
        Learned.of(taught("corpus = BP4D"))


def test_train_is_what_the_weights_say_or_refused(taught):
    learned.check([taught('corpus = "BP4D"\nfold = 1')], "BP4D")
    for reader, why in (
        (registry.reader("geometry"), "reader geometry do not say that they were trained on a corpus"),
        (taught('corpus = "DISFA"'), "reader taught were trained on DISFA"),
    ):
        with pytest.raises(WeightsError, match=f"--train BP4D: the weights of {why}"):
            learned.check([reader], "BP4D")
    with pytest.raises(UsageError, match=r"--train: 'BP5D' is not one of BP4D, DISFA; did you mean 'BP4D'\?"):
        learned.check([taught('corpus = "BP5D"')], "BP5D")


def test_nobody_is_tested_who_was_learned_from(taught):
    first, second = (taught(f'corpus = "DISFA"\nfold = {fold}', f"of fold {fold}") for fold in (0, 1))
    assert [learned.tester([first, second], "DISFA", fold) for fold in (0, 1)] == [first, second]
    assert learned.tester([first], "BP4D", 2) is first, "of another corpus it knows nobody"
    geometry = registry.reader("geometry")
    assert learned.tester([geometry], "DISFA", 2) is geometry
    with pytest.raises(
        WeightsError, match=r"fold 2 of DISFA .*reader of fold 0 were trained for fold 0, .*of fold 1 were trained for fold 1"
    ):
        learned.tester([first, second], "DISFA", 2)
    unsure = taught('corpus = "DISFA"')
    assert learned.tester([unsure], "DISFA", 2) is unsure
    assert learned.doubts([first, unsure, geometry], "DISFA") and not learned.doubts([first, unsure, geometry], "BP4D")


def test_a_plan_has_the_units_of_papers_or_those_that_are_named(corpora, taught):
    disfa, bp4d, geometry = coded.read(corpora / "DISFA"), coded.read(corpora / "BP4D"), registry.reader("geometry")
    assert plan([geometry], disfa, (0,)).units == fgnet.UNITS["DISFA"] and plan([geometry], bp4d, (0,)).units == fgnet.UNITS["BP4D"]
    shared = (1, 2, 4, 6, 12)
    for corpus, other in ((disfa, "BP4D"), (bp4d, "DISFA")):
        assert plan([taught(f'corpus = "{other}"')], corpus, (0,), train=other).units == shared
    assert plan([geometry], disfa, (0,), units="12,AU05").units == (5, 12), "any that is coded, in its order"
    with pytest.raises(UsageError, match="--aus: 'AU07' is not one of AU01"):
        plan([geometry], disfa, (0,), units="1,7")


def test_a_unit_that_the_reader_does_not_measure_is_told(corpora):
    half = SimpleNamespace(name="half", measures=frozenset(AXES) - {"AU02L"}, measure=lambda crops: [])
    planned = plan([half], coded.read(corpora / "DISFA"), (0,), units="1,2")
    assert planned.units == (1,) and planned.notes == ("Reader half says nothing of AU02: there are no numbers.",)
    with pytest.raises(UsageError, match="reader half says nothing of AU02"):
        plan([half], coded.read(corpora / "DISFA"), (0,), units="2")


def test_frames_in_which_nobody_knows_the_units_are_not_read(corpora):
    corpus, geometry = coded.read(corpora / "BP4D"), registry.reader("geometry")
    with_it, without = (plan([geometry], corpus, (0,), units=units) for units in ("6", "7"))
    assert with_it.frames == 14 and without.frames == 13 and "M001" not in set(without.parts[0].rows["subject"]), "its code is 9"


def truth_and_readings(corpus, fold, units):
    """What the labels say of a fold's pictures, and what `mien.read` measures in them."""
    rows = corpus.tested(fold)
    rows = rows.loc[rows["picture"] != ""]
    tables = [mien.read(corpus.corpus.root / name) for name in rows["picture"]]
    seen = [k for k, table in enumerate(tables) if table["score"].notna().all()]
    measured = {unit: np.array([tables[k][f"AU{unit:02d}"][0] for k in seen]) for unit in units}
    return {unit: rows[present(unit)].to_numpy()[seen] for unit in units}, measured


@pytest.mark.parametrize(("name", "fold", "units"), [("DISFA", 0, (6, 12, 25)), ("BP4D", 1, (1, 2, 12))])
def test_a_corpus_from_end_to_end_has_the_numbers_of_scikit_learn(corpora, once, name, fold, units):
    corpus = coded.read(corpora / name)
    frames = []
    found = score(plan([registry.reader("geometry")], corpus, (fold,), units=",".join(map(str, units))), 2.0, lambda: frames.append(1))
    truth, measured = truth_and_readings(corpus, fold, units)
    assert found.problems == () and len(frames) == found.plan.frames == found.folds[0].frames
    assert found.folds[0].people == len({"DISFA": folds.DISFA, "BP4D": folds.BP4D}[name][fold])
    for unit in units:
        numbers = found.folds[0].units[unit]
        assert (numbers.frames, numbers.positives) == (len(truth[unit]), truth[unit].sum())
        assert numbers.f1 == pytest.approx(f1_score(truth[unit], measured[unit] >= 2))
        assert numbers.accuracy == pytest.approx(accuracy_score(truth[unit], measured[unit] >= 2))
        assert numbers.auc == pytest.approx(roc_auc_score(truth[unit], measured[unit]))
    assert 0.3 < found.mean("f1") <= 1, "faces were read, and not at random"


def test_frames_without_a_face_and_units_without_positives_are_told(corpora, once):
    found = score(plan([registry.reader("geometry")], coded.read(corpora / "DISFA"), (0, 1), units="9,25"), 2.0)
    assert found.folds[0].faceless == (f"images/{FACELESS}/00002.png",) and found.folds[0].units[25].frames == found.folds[0].frames - 1
    assert found.notes == (
        "Fold 0: no face was found in 1 of 10 frames, which count in no number.",
        "Fold 0: no frame that was read shows AU09, whose F1 and AUC are left out of its means.",
        "Fold 1: no frame that was read shows AU09, whose F1 and AUC are left out of its means.",
    )
    assert math.isnan(found.unit(9, "f1")) and found.mean("f1") == found.unit(25, "f1")


def test_a_unit_that_every_frame_shows_has_no_auc_and_is_told(corpora, once):
    corpus = coded.read(corpora / "DISFA")
    shows = corpus.corpus.table["AU25_present"] == 1
    narrow = replace(corpus, corpus=replace(corpus.corpus, table=corpus.corpus.table.loc[shows]))
    found = score(plan([registry.reader("geometry")], narrow, (0,), units="25"), 2.0)
    assert found.notes == ("Fold 0: every frame that was read shows AU25, whose AUC is left out of its means.",)
    assert found.mean("f1") == 1 and math.isnan(found.mean("auc"))


def test_films_are_read_by_the_number_of_a_frame_and_what_cannot_be_read_is_told(corpora, once, tmp_path):
    corpus, geometry = coded.read(corpora / "DISFA"), registry.reader("geometry")
    rows = corpus.tested(2)
    rows = rows.loc[rows["subject"] == FILMED]
    seen = read_frames(geometry, corpus.corpus.root, rows, [12])
    assert rows["frame"].tolist() == [1, 2] and np.isfinite(seen.measured).all() and seen.problems == ()
    swapped = read_frames(geometry, corpus.corpus.root, rows.iloc[::-1], [12])
    assert np.array_equal(swapped.measured, seen.measured[::-1])
    beyond = read_frames(geometry, corpus.corpus.root, rows.assign(frame=[2, 9]), [12])
    assert np.isfinite(beyond.measured[:, 0]).tolist() == [True, False]
    assert [str(p) for p in beyond.problems] == [f"LeftVideo{FILMED}_comp.avi: the frames 9 are not read: the film ends before"]
    for file in ("p.png", "f.avi"):
        (tmp_path / file).write_text("no picture")
    broken = rows.assign(picture=["p.png", ""], video="f.avi")
    told = read_frames(geometry, tmp_path, broken, [12])
    assert np.isnan(told.measured).all() and [problem.name for problem in told.problems] == ["p.png", "f.avi"]
    assert str(tmp_path) not in " ".join(problem.why for problem in told.problems) and told.faceless == ()


def test_a_reader_trained_for_each_fold_is_tested_on_it(corpora, once, taught):
    readers = [taught(f'corpus = "DISFA"\nfold = {fold}', f"of fold {fold}") for fold in (1, 0, 2)]
    corpus = coded.read(corpora / "labels/DISFA", corpora / "data")
    planned = plan(readers, corpus, (0, 1, 2), units="25", train="DISFA")
    assert [part.reader.name for part in planned.parts] == ["of fold 0", "of fold 1", "of fold 2"]
    found = score(planned, 2.0)
    assert [fold.people for fold in found.folds] == [9, 9, 9] and found.mean("f1") == 1.0
    with pytest.raises(WeightsError, match="fold 2 of DISFA needs weights that were trained for it"):
        plan(readers[:2], corpus, (0, 1, 2))
