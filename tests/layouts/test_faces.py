"""CelebA, FFHQ and AffectNet: what is right is read, what is wrong is named."""

import json

import numpy as np
import pytest

from mien.data.layouts import affectnet, celeba, ffhq
from mien.errors import DataError

NAMES = ("000001.jpg", "000002.jpg", "000003.jpg", "000004.jpg")


def why(found):
    return {problem.name: problem.why for problem in found.problems}


@pytest.fixture
def celeb(picture, text, tmp_path):
    for name in NAMES:
        picture(f"Img/img_align_celeba/{name}")
    text("Anno/list_attr_celeba.txt", "4", "Bald Smiling ", *(f"{n}  {-1}  {1 if i % 2 else -1}" for i, n in enumerate(NAMES)))
    text("Eval/list_eval_partition.txt", *(f"{n} {i if i < 3 else 0}" for i, n in enumerate(NAMES)))
    text("Anno/identity_CelebA.txt", *(f"{n} {7 + i // 2}" for i, n in enumerate(NAMES)))
    points = " ".join(celeba.POINTS)
    text(
        "Anno/list_landmarks_align_celeba.txt",
        "4",
        points,
        *(f"{n} 69 111  108 111 88 136 72 152 {100 + i} 152" for i, n in enumerate(NAMES)),
    )
    return tmp_path


def test_celeba(celeb):
    found = celeba.read(celeb)
    assert list(found.problems) == []
    table = found.table.set_index("name")
    assert table["Smiling"].tolist() == [0, 1, 0, 1] and table["Bald"].tolist() == [0] * 4
    assert table["split"].tolist() == ["train", "val", "test", "train"] and table["subject"].tolist() == ["7", "7", "8", "8"]
    assert table["rightmouth_x"].tolist() == [100, 101, 102, 103]
    assert found.counts().loc[["pictures", "subjects", "Smiling"], ["train", "all"]].to_numpy().tolist() == [[2, 4], [2, 2], [1, 2]]
    assert found.source().read(0).shape == (8, 6, 3) and len(found.source()) == 4


def test_celeba_in_kaggles_csv_says_the_same(celeb, text):
    before = celeba.read(celeb).table
    for path in [*celeb.glob("*/*.txt")]:
        lines = [",".join(line.split()) for line in path.read_text().splitlines()]
        rows = [line for line in lines if line.startswith("0")]
        head = {
            "list_attr_celeba": "Bald,Smiling",
            "list_eval_partition": "partition",
            "list_landmarks_align_celeba": ",".join(celeba.POINTS),
        }
        if path.stem in head:
            path.unlink()
            text(f"{path.stem}.csv", f"image_id,{head[path.stem]}", *rows)
    assert celeba.read(celeb).table.equals(before)


def test_celeba_names_all_that_is_wrong(celeb, picture, text):
    (celeb / "Img/img_align_celeba/000002.jpg").unlink()
    picture("Img/img_align_celeba/000009.jpg")
    (celeb / "Anno/identity_CelebA.txt").unlink()
    path = celeb / "Anno/list_attr_celeba.txt"
    path.write_text(path.read_text().replace("4\n", "5\n", 1).replace("000003.jpg  -1", "000003.jpg  0"))
    told = why(celeba.read(celeb))
    assert told == {
        "000002.jpg": "the picture is missing",
        "000009.jpg": "the picture has no row in the list of attributes",
        "identity_CelebA": "the list is missing",
        "list_attr_celeba.txt": "it says 5 rows and has 4",
        "000003.jpg": told["000003.jpg"],
    }
    assert celeba.read(celeb).counts().loc["pictures", "all"] == 2


def test_celeba_without_its_lists_or_pictures_cannot_be_used(tmp_path, picture, text):
    with pytest.raises(DataError, match="no list_attr_celeba"):
        celeba.read(tmp_path)
    text("list_attr_celeba.txt", "1", "Bald", "000001.jpg 1")
    with pytest.raises(DataError, match="img_align_celeba"):
        celeba.read(tmp_path)
    (tmp_path / "img_align_celeba").mkdir()
    with pytest.raises(DataError, match="no picture of CelebA with labels"):
        celeba.read(tmp_path).usable()


def ffhq_entry(number, size, points=68):
    return {
        "category": "training" if number < 60000 else "validation",
        "image": {"file_size": size, "face_landmarks": [[number + i, 2.0 * i] for i in range(points)]},
    }


def test_ffhq(tmp_path, picture, text):
    sizes = {n: picture(f"images1024x1024/{n // 1000 * 1000:05d}/{n:05d}.png").stat().st_size for n in (0, 1, 3, 61234)}
    picture("images1024x1024/00000/00009.png")
    entries = {str(n): ffhq_entry(n, size) for n, size in sizes.items()} | {"2": ffhq_entry(2, 10), "3": ffhq_entry(3, 10, points=5)}
    text("ffhq-dataset-v2.json", json.dumps(entries))
    found = ffhq.read(tmp_path)
    table = found.table.set_index("name")
    assert list(table.index) == ["00000", "00001", "00002", "00003", "61234"]
    assert table["split"].tolist() == ["train"] * 4 + ["val"] and (table["picture"] != "").tolist() == [True, True, False, False, True]
    assert table.loc["61234", ["x_0", "x_67", "y_67"]].tolist() == [61234, 61301, 134] and np.isnan(table.loc["00003", "x_0"])
    assert found.counts().loc["pictures"].to_dict() == {"train": 2, "val": 1, "all": 3}
    told = [str(problem) for problem in found.problems]
    assert "00002: the picture is missing" in told and any("00003.png: it has" in t and "instead of 10" in t for t in told)
    assert "00003: it has not 68 landmarks; they are left out" in told
    assert "images1024x1024/00000/00009.png: ffhq-dataset-v2.json does not have this picture" in told and len(told) == 4


def test_ffhq_flat_thumbnails_and_a_broken_list(tmp_path, picture, text):
    picture("thumbnails128x128/00001.png")
    text("ffhq-dataset-v2.json", json.dumps({"1": ffhq_entry(1, 10)}))
    assert ffhq.read(tmp_path).source().names == ("thumbnails128x128/00001.png",)
    text("ffhq-dataset-v2.json", '{"1": ')
    with pytest.raises(DataError, match="not whole"):
        ffhq.read(tmp_path)


@pytest.mark.parametrize("headed", [True, False])
def test_affectnet_lists(tmp_path, picture, text, headed):
    picture("Manually_Annotated_Images/1/a.jpg")
    picture("Manually_Annotated_Images/2/b.jpg")
    head = ["subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"] if headed else []
    text("training.csv", *head, "1/a.jpg,0,0,9,9,1;2,1,0.5,-0.25", "2/b.jpg,0,0,9,9,1;2,9,-2,-2", "3/c.jpg,0,0,9,9,1;2,6,0,0")
    text("validation.csv", *head, "1/a.jpg,0,0,9,9,1;2,17,0,0", "cut,off")
    found = affectnet.read(tmp_path)
    shown = found.shown
    assert shown["happiness"].tolist() == [1, 0] and shown["uncertain"].tolist() == [0, 1]
    assert shown["valence"].tolist()[0] == 0.5 and shown[["valence", "arousal"]].iloc[1].isna().all()
    assert why(found).keys() == {"3/c.jpg", "1/a.jpg", "validation.csv row 2"}


def test_affectnet_folders(tmp_path, picture):
    for split, names in (("train_set", ("10", "11", "12", "13")), ("val_set", ("20",))):
        (tmp_path / split / "annotations").mkdir(parents=True)
        for name in names:
            picture(f"{split}/images/{name}.jpg")
            for kind, value in (("exp", "3"), ("val", "0.25"), ("aro", "-0.5")):
                np.save(tmp_path / split / "annotations" / f"{name}_{kind}.npy", np.array(value))
    (tmp_path / "train_set/images/11.jpg").unlink()
    (tmp_path / "train_set/annotations/12_val.npy").unlink()
    (tmp_path / "train_set/annotations/13_exp.npy").unlink()
    found = affectnet.read(tmp_path)
    assert found.counts().loc[["pictures", "surprise"]].to_numpy().tolist() == [[2, 1, 3]] * 2
    assert found.table["valence"].tolist()[0] == 0.25
    assert why(found) == {
        "train_set/11": "the picture is missing",
        "train_set/12": "valence or arousal is missing",
        "train_set/images/13.jpg": "the picture has no annotation",
    }


def test_affectnet_needs_one_of_its_layouts(tmp_path):
    with pytest.raises(DataError, match="neither training"):
        affectnet.read(tmp_path)
