"""Which faces of a corpus are learned from, which validate, and that each is looked for once."""

import numpy as np
import pytest
import torch

from mien import weights
from mien.data.keptfaces import Framing, KeptFaces
from mien.data.layouts import bp4d, coded, fgnet, folds
from mien.data.occurrences import open_known
from mien.errors import DataError, WeightsError
from mien.faces import landmarks
from mien.metrics.detection import learned
from mien.metrics.detection.learned import Learned
from mien.metrics.detection.plan import plan
from mien.readers.fgnet import build
from mien.recipes.fgnet import FGNetConfig, train
from mien.tables import LANDMARK68
from mien.training import RunOptions

from .conftest import FACELESS, FILMED, SHOWN

SIZE = 32
FRAMING = Framing("ffhq", SIZE)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("faces")


@pytest.fixture
def opened(corpora, kept, once):
    """Open a corpus; faces are kept from test to test."""

    def open_(name, fold, **options):
        return open_known([corpora / name], FRAMING, kept, fold=fold, **options)

    return open_


def test_nobody_is_learned_from_who_validates_or_is_tested(corpora, opened):
    """FG-Net chooses its weights by the people on whom it is then tested."""
    corpus = coded.read(corpora / "DISFA")
    for fold in range(3):
        known = opened("DISFA", fold)
        assert known.corpus == "DISFA" and known.learned.units == tuple(f"AU{unit:02d}" for unit in fgnet.UNITS["DISFA"])
        rows = corpus.learned_from(fold)
        held = sorted(set(rows["subject"]))[::5]
        validating = rows.loc[rows["subject"].isin(held)]
        gone = FACELESS not in folds.DISFA[fold]
        assert len(known.unseen) + len(known.learned) == len(rows) - gone
        assert len(known.unseen) == len(validating) - (gone and FACELESS in held) and len(held) == 4
        assert not set(held) & folds.DISFA[fold]


def test_labels_are_those_of_the_frames(corpora, opened):
    known = opened("DISFA", 0)
    shown = {tuple(sorted(unit for unit, value in units.items() if value >= 2 and unit in fgnet.UNITS["DISFA"])) for units in SHOWN}
    for faces in (known.learned, known.unseen):
        there = [tuple(np.array(fgnet.UNITS["DISFA"])[row == 1]) for row in faces.present]
        assert set(there) <= shown and np.array_equal(faces.present == 1, faces.intensities >= 2)
        assert faces.graded == faces.units and np.nanmax(faces.intensities) == 5
    rgb, points = known.learned.face(0)
    assert rgb.shape == (SIZE, SIZE, 3) and rgb.std() > 10
    eyes, mouth = points[LANDMARK68[36:48], :2].mean(0), points[LANDMARK68[48:60], :2].mean(0)
    np.testing.assert_allclose(eyes, [SIZE / 2, 0.45 * SIZE], atol=3)
    assert mouth[1] - eyes[1] > 0.15 * SIZE


def test_what_shows_no_face_is_left_out_by_name(opened):
    """FG-Net's training breaks off there."""
    known = opened("DISFA", 1)
    assert [str(problem) for problem in known.problems] == [f"images/{FACELESS}/00002.png: no face was found"]
    assert known.left_out == f"left out: 1 frames of DISFA (images/{FACELESS}/00002.png: no face was found)"


def test_faces_are_looked_for_once(corpora, kept, opened, monkeypatch):
    first = opened("DISFA", 0)
    asked = []
    monkeypatch.setattr(landmarks, "find", lambda photo: asked.append(photo) or [])
    again = opened("DISFA", 0)
    assert not asked and np.array_equal(first.learned.face(3).rgb, again.learned.face(3).rgb)
    rows = coded.read(corpora / "DISFA").learned_from(1)
    films = rows.loc[rows["subject"] == FILMED]
    found, problems = KeptFaces(kept, Framing("ffhq", 16)).find(corpora / "DISFA", films)
    assert len(asked) == 2 and found == [None, None] and len(problems) == 2, "in another framing"
    assert problems[0].name == f"LeftVideo{FILMED}_comp.avi frame 1"


def test_a_unit_that_nobody_knows_stays_unknown(opened):
    known = opened("BP4D", 1)
    units = known.learned.units
    present = np.concatenate([known.learned.present, known.unseen.present])
    assert np.isnan(present).sum() == 1 and np.isnan(present[:, units.index("AU07")]).sum() == 1, "M001's code is 9"
    assert known.learned.graded == tuple(f"AU{unit:02d}" for unit in bp4d.INTENSE)


def test_lists_have_no_intensities(corpora, kept, once):
    known = open_known([corpora / "labels/DISFA"], FRAMING, kept, fold=2, pictures=corpora / "data")
    assert known.corpus == "DISFA" and known.learned.graded == () and not np.isnan(known.learned.present).any()
    assert len(known.learned) + len(known.unseen) == 18


def test_samples_are_of_both_and_the_first_of_one_order(opened):
    few, again, more = (opened("DISFA", 0, samples=count, seed=3) for count in (8, 8, 12))
    assert len(few.learned) + len(few.unseen) == 8 and np.array_equal(few.learned.present, again.learned.present)
    assert len(more.learned) + len(more.unseen) == 12
    with pytest.raises(DataError, match="frames to learn from are not possible: fold 0 of DISFA has 1 to 19 here"):
        opened("DISFA", 0, samples=100)
    with pytest.raises(DataError, match="1 faces are too few: there must be some to learn from, and some of other people to validate on"):
        opened("DISFA", 0, samples=1)


def test_two_corpora_are_not_learned_from_at_once(corpora, kept):
    with pytest.raises(DataError, match="several folders are learned from only where `mien data synth` filled all of them"):
        open_known([corpora / "DISFA", corpora / "BP4D"], FRAMING, kept)


def test_fgnet_learns_from_a_corpus_and_says_whom_it_knows(corpora, kept, once, style_files, tmp_path):
    """By the recipe in its weights: FG-Net guesses it from the letters of a path."""
    config = FGNetConfig(
        data=corpora / "DISFA", fold=1, generator=style_files / "stylegan2.safetensors", out=tmp_path / "bp4d", cache=kept, epochs=1,
        batch=8, options=RunOptions(workers=0),
    )  # fmt: skip
    reader = build(train(config))
    assert Learned.of(reader) == Learned("DISFA", 1)
    assert reader.detects == tuple(f"AU{unit:02d}" for unit in fgnet.UNITS["DISFA"]) and "AU25" in reader.measures
    corpus, other = coded.read(corpora / "DISFA"), coded.read(corpora / "BP4D")
    assert plan([reader], corpus, (1,), train="DISFA").parts[0].reader is reader
    assert plan([reader], other, (0, 1, 2), train="DISFA").units == (1, 2, 4, 6, 12), "those of both corpora"
    with pytest.raises(WeightsError, match="fold 0 of DISFA needs weights that were trained for it"):
        learned.tester([reader], "DISFA", 0)
    assert weights.load(reader.path).tensors["calibration.slope"].shape == torch.Size([8])
