"""No verb writes over a file it was given, however it is asked to."""

import contextlib
import hashlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest

from mien import images, video
from mien.cli import main


def run(folder, *words):
    """The exit code and what was told on stderr."""
    told = io.StringIO()
    quiet = contextlib.redirect_stdout(io.StringIO())
    with contextlib.chdir(folder), contextlib.redirect_stderr(told), quiet, pytest.raises(SystemExit) as end:
        main(list(map(str, words)))
    return end.value.code, told.getvalue()


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def folder(drawn_file, tmp_path) -> Path:
    """A folder with two photos, a driver video and keyframes."""
    for name in ("face.png", "other.png"):
        shutil.copy(drawn_file, tmp_path / name)
    rgb = images.read(drawn_file).rgb
    with video.Writer(tmp_path / "driver.mp4", (rgb.shape[1], rgb.shape[0]), 25) as writer:
        for _ in range(3):
            writer.add(rgb)
    (tmp_path / "keys.csv").write_text("time,AU12\n0,0\n0.1,2\n")
    (tmp_path / "keys.mp4").write_text("time,AU12\n0,0\n0.1,2\n")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["edit", "face.png", "--like", "other.png", "-o", "other.png"],
        ["edit", "face.png", "AU12=+2", "-o", "./face.png"],
        ["animate", "face.png", "--driver", "driver.mp4", "-o", "driver.mp4"],
        ["animate", "face.png", "--keys", "keys.mp4", "-o", "keys.mp4"],
        ["capture", "face.png", "-o", "face.png"],
        ["read", "keys.csv", "face.png", "-o", "keys.csv"],
    ],
    ids=" ".join,
)
def test_an_output_that_is_an_input_is_refused(folder, words):
    before = digests(folder)
    code, told = run(folder, *words)
    assert code == 1 and told.startswith("mien: ")
    assert digests(folder) == before


def test_the_texture_of_a_head_does_not_take_the_name_of_its_photo(folder):
    before = digests(folder)
    code, told = run(folder, "capture", "face.png", "-o", "face.obj")
    assert code == 0, told
    assert before.items() <= digests(folder).items()
    assert digests(folder).keys() - before.keys() == {"face.obj", "face.mtl", "face.texture.png"}
    assert "map_Kd face.texture.png" in (folder / "face.mtl").read_text()


def test_a_texture_that_would_fall_on_an_input_stops_the_head(folder):
    (folder / "face.png").rename(folder / "face.texture.png")
    before = digests(folder)
    code, told = run(folder, "capture", "face.texture.png", "-o", "face.obj")
    assert code == 1 and "face.texture.png is an input" in told
    assert digests(folder) == before


def test_plots_take_no_name_of_a_photo_and_none_of_each_other(folder):
    images.write(np.full((64, 64, 3), 128, np.uint8), folder / "sub" / "face.jpg")
    before = digests(folder)
    code, told = run(folder, "read", "face.png", "sub/face.jpg", "--plot", ".")
    assert code == 0, told
    assert before.items() <= digests(folder).items()
    assert digests(folder).keys() - before.keys() == {"face.mien.png", "face.2.mien.png"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["read", "face.png", "-o", "faces.docx"], 1),
        (["read", "face.png", "--columns", "opanface"], 2),
        (["read", "face.png", "--plot", "keys.csv"], 1),
        (["edit", "face.png", "AU12=+2", "-o", "x.docx"], 1),
        (["capture", "face.png", "-o", "face.stl"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_target_is_told_before_any_picture_is_read(folder, words, code, monkeypatch):
    monkeypatch.setattr(images, "read", lambda *_: pytest.fail("a picture was read"))
    assert run(folder, *words)[0] == code
