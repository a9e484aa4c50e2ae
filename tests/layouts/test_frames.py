"""DISFA, BP4D and FG-Net's folds of both."""

import numpy as np
import pandas as pd
import pytest

from mien.data.layouts import bp4d, disfa, fgnet, folds
from mien.errors import DataError


def why(found):
    return {problem.name: problem.why for problem in found.problems}


@pytest.fixture
def spontaneous(tmp_path, picture, text):
    """Two people, five frames; the second as a film alone."""
    for subject in ("SN001", "SN003"):
        for unit in disfa.UNITS:
            text(f"ActionUnit_Labels/{subject}/{subject}_au{unit}.txt", *(f"{n},{(n + unit) % 6}" for n in range(1, 6)))
    for n in range(1, 6):
        picture(f"frames/SN001/{n:05d}.png")
    text("Videos_LeftCamera/LeftVideoSN003_comp.avi", "film")
    return tmp_path


def test_disfa(spontaneous):
    found = disfa.read(spontaneous).usable()
    assert list(found.problems) == []
    table = found.table
    assert table["AU01"].tolist()[:5] == [2, 3, 4, 5, 0] and table["AU01_present"].tolist()[:5] == [1, 1, 1, 1, 0]
    assert ((table["AU12"] >= 2) == (table["AU12_present"] == 1)).all()
    assert table["picture"].tolist()[:5] == [f"frames/SN001/{n:05d}.png" for n in range(1, 6)]
    assert table["video"].tolist()[5:] == ["Videos_LeftCamera/LeftVideoSN003_comp.avi"] * 5
    assert set(zip(table["subject"], table["split"], strict=True)) == {("SN001", "fold 0"), ("SN003", "fold 2")}
    assert found.counts().loc["pictures"].to_dict() == {"fold 0": 5, "fold 2": 5, "all": 10} and len(found.source()) == 5


def test_disfa_names_all_that_is_wrong(spontaneous, text):
    (spontaneous / "frames/SN001/00002.png").unlink()
    (spontaneous / "Videos_LeftCamera/LeftVideoSN003_comp.avi").unlink()
    text("ActionUnit_Labels/SN001/SN001_au1.txt", "1,0", "2,1", "3,7")
    text("ActionUnit_Labels/SN001/SN001_au2.txt", "1,0", "2;1")
    (spontaneous / "ActionUnit_Labels/SN001/SN001_au4.txt").unlink()
    found = disfa.read(spontaneous)
    told = [str(problem) for problem in found.problems]
    assert "SN001_au1.txt: intensities beyond 5 in frames 3; they are left out" in told
    assert "SN001: AU01 is coded in 2 of 5 frames" in told
    assert "SN001_au2.txt: line 2 is '2;1' instead of a frame and an intensity; it is left out" in told
    assert "SN001_au4.txt: the file is missing" in told
    assert "SN001: the pictures of 1 frames are missing: 2" in told
    assert "SN003: neither pictures nor a film of this subject are there" in told and len(told) == 6
    assert found.table["AU01_present"].isna().tolist()[:5] == [False, False, True, True, True]
    assert len(found.shown) == 4


def test_disfa_needs_labels(tmp_path):
    with pytest.raises(DataError, match="ActionUnit_Labels"):
        disfa.read(tmp_path)


@pytest.fixture
def coded(tmp_path, picture, text):
    """One person in one task; frames 10 to 12, all numbers of FACS in the head."""
    units = [*range(1, 47), 50]
    rows = ["10" + ",0" * 47, "11" + ",1" * 47, "12" + ",9" * 47]
    text("AUCoding/AU_OCC/F001_T1.csv", ",".join(map(str, [0, *units])), *rows)
    for unit in bp4d.INTENSE:
        text(f"AUCoding/AU_INT/AU{unit:02d}/F001_T1_AU{unit:02d}.csv", "10,0", "11,3", "12,9")
    for n in (10, 11, 12, 13):
        picture(f"2D+3D/F001/T1/{n:04d}.jpg")
    return tmp_path


def test_bp4d(coded):
    found = bp4d.read(coded).usable()
    assert list(found.problems) == []
    table = found.table
    assert table["frame"].tolist() == [10, 11, 12] and table["picture"].tolist() == [f"2D+3D/F001/T1/{n:04d}.jpg" for n in (10, 11, 12)]
    assert table["AU24_present"].tolist()[:2] == [0, 1] and np.isnan(table["AU24_present"][2])
    assert table["AU12"].tolist()[:2] == [0, 3] and np.isnan(table["AU12"][2])
    assert found.counts().loc[["pictures", "subjects", "AU01_present"], "all"].tolist() == [3, 1, 1]
    assert table["split"].tolist() == ["fold 0"] * 3 and table["task"].tolist() == ["T1"] * 3


def test_bp4d_names_all_that_is_wrong(coded, text):
    (coded / "2D+3D/F001/T1/0011.jpg").unlink()
    (coded / "AUCoding/AU_INT/AU06/F001_T1_AU06.csv").unlink()
    text("AUCoding/AU_OCC/F001_T2.csv", "0,1,2", "5,0,0")
    text("AUCoding/AU_OCC/M001_T1.csv", ",".join(map(str, range(47))), "5" + ",0" * 46, "6" + ",4" * 46)
    found = bp4d.read(coded)
    told = why(found)
    assert told["F001/T1"] == "the pictures of 1 coded frames are missing: 11"
    assert told["F001_T1_AU06.csv"] == "the file is missing"
    assert told["F001_T2.csv"].startswith("it is no table of units")
    assert told["M001_T1.csv"] == "codes other than 0, 1 and 9 in frames 6; they are left out"
    assert told["M001/T1"] == "its folder of pictures is missing"
    assert len(found.shown) == 2 and found.table["frame"].tolist() == [10, 11, 12, 5]
    with pytest.raises(DataError, match="AU_OCC"):
        bp4d.read(coded / "2D+3D")


PEOPLE = {0: ("F001", "M001"), 1: ("F003",), 2: ("F004", "F006")}


@pytest.fixture
def labels(tmp_path, picture):
    """Three folds, and parts of the training lists as they were published."""
    rng, tests = np.random.default_rng(0), {}
    units = fgnet.UNITS["BP4D"]
    for fold, people in PEOPLE.items():
        paths = [f"BP4D/aligned_images/{who}/T1/{n:05d}.jpg" for who in people for n in range(3)]
        tests[fold] = pd.DataFrame({"image_path": paths} | {f"au{u}": rng.integers(0, 2, len(paths)) for u in units})
        (tmp_path / "labels" / str(fold)).mkdir(parents=True)
        tests[fold].to_csv(tmp_path / "labels" / str(fold) / "test.csv", index=False)
        for path in paths:
            picture(path)
    for fold, order in {0: (1, 2), 1: (2, 0), 2: (0, 1)}.items():
        train = pd.concat([tests[k] for k in order], ignore_index=True)
        train.sample(4, random_state=fold).to_csv(tmp_path / "labels" / str(fold) / "train_100.csv")
    return tmp_path / "labels"


def test_fgnet_folds_and_the_training_list_that_is_not_published(labels, tmp_path):
    found = fgnet.read(labels)
    assert found.name == "BP4D" and list(found.problems) == []
    assert [len(found.train(fold)) for fold in range(3)] == [9, 12, 9]
    assert found.train(1)["image_path"].str[20:24].tolist() == ["F004"] * 3 + ["F006"] * 3 + ["F001"] * 3 + ["M001"] * 3
    for fold in range(3):
        train = pd.read_csv(found.write_train(fold))
        assert train.equals(found.train(fold))
        part = pd.read_csv(labels / str(fold) / "train_100.csv", index_col=0).rename_axis(None)
        assert train.loc[part.index].equals(part)
        assert not set(train["image_path"]) & set(found.test[fold]["image_path"])
    assert found.write_train(0) == labels / "0" / "train.csv"
    (labels / "0" / "train.csv").write_text((labels / "1" / "train.csv").read_text())
    with pytest.raises(DataError, match="differs"):
        found.write_train(0)
    corpus = found.corpus(tmp_path).usable()
    assert corpus.counts().loc[["pictures", "subjects"]].to_numpy().tolist() == [[6, 3, 6, 15], [2, 1, 2, 5]]
    assert corpus.table["AU01_present"].sum() == sum(test["au1"].sum() for test in found.test)


def test_fgnet_names_all_that_is_wrong(labels, tmp_path):
    part = pd.read_csv(labels / "0" / "train_100.csv", index_col=0)
    part.rename(index={part.index[0]: 99}).to_csv(labels / "0" / "train_100.csv")
    test = labels / "2" / "test.csv"
    test.write_text(test.read_text().replace("F004/T1/00001", "F001/T1/00009"))
    (tmp_path / "BP4D/aligned_images/F003/T1/00000.jpg").unlink()
    found = fgnet.read(labels)
    told = {problem.name for problem in found.problems}
    assert "0/train_100.csv" in told and "F001" in told
    missing = [p.name for p in found.corpus(tmp_path).problems if p.why == "the picture is missing"]
    assert sorted(missing) == ["BP4D/aligned_images/F001/T1/00009.jpg", "BP4D/aligned_images/F003/T1/00000.jpg"]
    test.write_text(test.read_text().replace("au1,", "au3,"))
    with pytest.raises(DataError, match="au3"):
        fgnet.read(labels)
    (labels / "1" / "test.csv").unlink()
    with pytest.raises(DataError, match=r"no 1/test\.csv"):
        fgnet.read(labels)


def test_nobody_is_in_two_folds():
    for people, count in ((folds.BP4D, 41), (folds.DISFA, 27)):
        assert sum(map(len, people.values())) == len(frozenset().union(*people.values())) == count
