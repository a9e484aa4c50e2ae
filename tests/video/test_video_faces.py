"""Faces are read as a video shows them: upright, and as far as it goes."""

import numpy as np
import pandas as pd
import pytest

import mien
from mien.aus import AUVector
from mien.cli import main
from mien.data.renders import render
from mien.geometry import head

ONE = 1 << 16  # 1.0 in the display matrix
TURNED = [0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30]  # shown a quarter to the right


def test_a_turned_phone_films_the_same_face(film):
    shown = render(head.bundled(), AUVector.of({"AU12": 4}), size=256).photo.rgb
    stored = np.ascontiguousarray(np.rot90(shown))
    upright, turned = (mien.read(path) for path in (film("a.mov", [shown] * 2), film("b.mov", [stored] * 2, matrix=TURNED)))
    assert turned.score.notna().all() and turned.AU12[0] > 1
    for column, within in (("AU12", 0.3), ("x", 3), ("y", 3), ("roll", 3)):
        np.testing.assert_allclose(turned[column], upright[column], atol=within)


@pytest.fixture
def reel():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(40)]


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(list(map(str, words)))
    return end.value.code, *capsys.readouterr()


@pytest.mark.filterwarnings("default::mien.video.DamagedVideo")
def test_of_a_film_that_breaks_off_the_rows_are_kept_and_a_line_says_so(film, reel, capsys, tmp_path):
    path = film("a.mp4", reel, container={"movflags": "faststart"})  # the index comes first
    path.write_bytes(path.read_bytes()[: int(0.4 * path.stat().st_size)])
    code, _, err = run(capsys, "read", path, "-o", tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    assert code == 0 and 5 <= len(table) < 20
    assert table.frame.tolist() == list(range(len(table)))
    (line,) = (line for line in err.splitlines() if not line.startswith("out: "))
    assert line.startswith(f"mien: {path} is damaged or cut off: {len(table)} frames were read")


def test_a_film_of_which_nothing_is_left_is_an_error_or_one_failure_of_many(film, reel, capsys, tmp_path):
    broken, whole = film("a.mp4", reel), film("b.mp4", reel[:2])
    broken.write_bytes(broken.read_bytes()[:-600])
    code, out, err = run(capsys, "read", broken)
    assert (code, out, err.count("\n")) == (1, "", 1) and "cut off" in err
    code, _, err = run(capsys, "read", broken, whole, "-o", tmp_path / "a.csv")
    assert code == 3 and "1 of 2 inputs failed" in err
    assert len(pd.read_csv(tmp_path / "a.csv")) == 2
