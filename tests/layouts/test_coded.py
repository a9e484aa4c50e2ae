"""Which corpus a folder has, what is missing from it, and what may be learned from when a fold is tested."""

import numpy as np
import pandas as pd
import pytest

from mien.data.layouts import coded, disfa, fgnet, folds
from mien.errors import DataError


@pytest.fixture
def spontaneous(tmp_path, picture, text):
    """Two people of fold 0, one of fold 1, and one whom no fold knows: ten frames each."""
    for who in ("SN001", "SN002", "SN006", "SN099"):
        for unit in disfa.UNITS:
            text(f"DISFA/ActionUnit_Labels/{who}/{who}_au{unit}.txt", *(f"{n},{n % 6}" for n in range(1, 11)))
        for n in range(1, 11):
            picture(f"DISFA/frames/{who}/{n:05d}.png")
    return tmp_path / "DISFA"


def test_a_corpus_is_known_by_what_lies_in_it(spontaneous, picture, text):
    found = coded.read(spontaneous)
    assert (found.name, found.units, found.listed) == ("DISFA", disfa.UNITS, False) and "intensity 2" in found.present
    assert set(found.tested(0)["subject"]) == {"SN001", "SN002"} and len(found.tested(1)) == 10
    text("BP4D/AUCoding/AU_OCC/F001_T1.csv", ",".join(map(str, range(25))), "7" + ",1" * 24)
    picture("BP4D/2D+3D/F001/T1/0007.jpg")
    assert (found := coded.read(spontaneous.parent / "BP4D")).name == "BP4D" and found.units == fgnet.UNITS["BP4D"]
    with pytest.raises(DataError, match="has DISFA and BP4D: name the folder of one"):
        coded.read(spontaneous.parent)
    with pytest.raises(DataError, match=r"--pictures .*only FG-Net's lists need it"):
        coded.read(spontaneous, spontaneous)


def test_what_is_missing_is_said_by_name(spontaneous, tmp_path):
    (problem,) = coded.read(spontaneous).lacking(0)
    assert "no labels of SN009, SN010, SN016, SN026, SN027, SN030, SN032:" in str(problem)
    assert "ActionUnit_Labels/SN009/SN009_au1.txt" in str(problem)
    with pytest.raises(
        DataError, match=r"no frame that is tested in fold 2 of DISFA: fold 2: there are no labels of SN003, SN004, .*SN029"
    ):
        coded.read(spontaneous).tested(2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"neither ActionUnit_Labels/SN001/SN001_au1.txt \(DISFA\) nor AU_OCC/F001_T1.csv .*0/test.csv"):
        coded.read(tmp_path / "empty")
    with pytest.raises(DataError, match="nowhere is not a folder"):
        coded.read(tmp_path / "nowhere")
    for path in spontaneous.glob("frames/SN006/*"):
        path.unlink()
    with pytest.raises(DataError, match=r"fold 1 of DISFA: .*SN006: neither pictures nor a film of this subject are there"):
        coded.read(spontaneous).tested(1)


def test_lists_need_their_pictures_and_name_the_lists_that_are_missing(tmp_path, picture):
    paths = [f"DISFA/aligned_images/SN{n:03d}/00001.jpg" for n in (1, 6, 3)]
    for fold, path in enumerate(paths):
        picture(f"data/{path}")
        (tmp_path / f"labels/{fold}").mkdir(parents=True)
        rows = pd.DataFrame({"image_path": [path]} | {f"au{unit}": [1] for unit in fgnet.UNITS["DISFA"]})
        rows.to_csv(tmp_path / f"labels/{fold}/test.csv", index=False)
    with pytest.raises(DataError, match="--pictures DIR"):
        coded.read(tmp_path / "labels")
    found = coded.read(tmp_path / "labels", tmp_path / "data")
    assert (found.name, found.units, found.listed) == ("DISFA", fgnet.UNITS["DISFA"], True)
    assert found.tested(1)["picture"].tolist() == [paths[1]] and "1/test.csv" in str(*found.lacking(1))
    (tmp_path / "labels/0/test.csv").unlink()
    with pytest.raises(DataError, match=r"no 0/test\.csv"):
        coded.read(tmp_path / "labels", tmp_path / "data")


def test_subsets_are_nested_and_have_nobody_who_is_tested(spontaneous):
    found = coded.read(spontaneous)
    small, large = (coded.subset(found, 1, count, np.random.default_rng(7)) for count in (5, 20))
    assert large.index[:5].equals(small.index) and large.index.is_unique
    assert set(large["subject"]) == {"SN001", "SN002"} <= folds.DISFA[0], "those of fold 0, and nobody whom no fold knows"
    assert not coded.subset(found, 1, 20, np.random.default_rng(8)).index.equals(large.index)
    with pytest.raises(DataError, match="21 frames to learn from are not possible: fold 1 of DISFA has 1 to 20 here"):
        coded.subset(found, 1, 21, np.random.default_rng(7))


def test_published_parts_begin_the_longest_one(tmp_path):
    units = fgnet.UNITS["BP4D"]
    for fold, who in enumerate(("F001", "F003", "F004")):
        rows = {"image_path": [f"BP4D/aligned_images/{who}/T1/{n:05d}.jpg" for n in range(6)]} | {f"au{u}": [1] * 6 for u in units}
        (tmp_path / str(fold)).mkdir()
        pd.DataFrame(rows).to_csv(tmp_path / str(fold) / "test.csv", index=False)
    published = fgnet.read(tmp_path)
    order = published.train(0).sample(frac=1, random_state=0)
    for count in (2, 10):
        order.head(count).to_csv(tmp_path / f"0/train_{count}.csv")
    for count in (2, 7, 10):
        assert published.part(0, count).equals(order.head(count))
    with pytest.raises(DataError, match=r"11 frames to learn from are not possible in fold 0: train_10.csv has 1 to 10"):
        published.part(0, 11)
    with pytest.raises(DataError, match=r"in fold 1: there is no train_N.csv"):
        published.part(1, 1)
    published.test[0].to_csv(tmp_path / "0/train_100.csv")
    with pytest.raises(DataError, match=r"train_100\.csv has F001, whom fold 0 tests"):
        published.part(0, 1)
