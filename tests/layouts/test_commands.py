"""``mien data celeba`` and its like: exit codes, counts, problems by name."""

import pytest

from mien.cli.app import main


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["data", *map(str, words)])
    told = capsys.readouterr()
    return ended.value.code or 0, told.out, told.err


@pytest.fixture
def celeb(picture, text, tmp_path):
    picture("img_align_celeba/000001.jpg")
    text("list_attr_celeba.txt", "1", "Bald Smiling", "000001.jpg -1 1")
    text("list_eval_partition.txt", "000001.jpg 0")
    text("identity_CelebA.txt", "000001.jpg 5")
    text("list_landmarks_align_celeba.txt", "1", "lefteye_x", "000001.jpg 69 111 108 111 88 136 72 152 105 152")
    return tmp_path


def test_a_check_of_a_whole_data_set(celeb, capsys):
    code, out, err = run(capsys, "celeba", celeb)
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines() if line.strip()][:1] == [["CelebA", "all"]]
    assert ["Smiling", "1"] in [line.split() for line in out.splitlines()] and ["Bald", "0"] in [line.split() for line in out.splitlines()]


def test_problems_are_named_and_make_exit_code_3(celeb, picture, capsys):
    picture("img_align_celeba/000002.jpg")
    code, out, err = run(capsys, "celeba", celeb)
    assert code == 3 and "Smiling" in out
    assert "000002.jpg: the picture has no row in the list of attributes" in err and "problems: 1;" in err


@pytest.mark.parametrize("name", ["celeba", "ffhq", "affectnet", "disfa", "bp4d"])
def test_what_cannot_be_used_makes_exit_code_1(name, tmp_path, capsys):
    code, out, err = run(capsys, name, tmp_path)
    assert (code, out) == (1, "") and err.startswith("mien: ") and err.count("\n") == 1
    assert run(capsys, name, tmp_path / "nowhere")[0] == 1


def test_no_picture_left_makes_exit_code_1_and_the_problems_are_still_named(celeb, capsys):
    (celeb / "img_align_celeba/000001.jpg").unlink()
    code, out, err = run(capsys, "celeba", celeb)
    assert (code, out) == (1, "") and "000001.jpg: the picture is missing" in err and "no picture of CelebA" in err
