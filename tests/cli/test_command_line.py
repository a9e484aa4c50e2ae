"""The command line as a user meets it: a process, its exit code, one line on stderr, a result on stdout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mien import images

ENV = {k: v for k, v in os.environ.items() if k != "MIEN_DATA"} | {"COLUMNS": "80", "NO_COLOR": "1"}


def mien(*words, cwd=None, **env):
    command = [sys.executable, "-c", "from mien.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=ENV | env, stdin=subprocess.DEVNULL)


def one_line(run, code):
    """The one line that an error prints; no traceback, nothing on stdout."""
    assert run.returncode == code, run.stderr
    assert run.stdout == ""
    assert run.stderr.startswith("mien: ") and run.stderr.count("\n") == 1, run.stderr
    return run.stderr


@pytest.fixture
def photo(drawn_file, tmp_path) -> Path:
    return Path(shutil.copy(drawn_file, tmp_path / "face.png"))


def test_the_version_and_the_verbs():
    assert mien("--version").stdout == "mien 0.1.0\n"
    told = mien("--help").stdout
    assert all(verb in told for verb in ("read", "edit", "animate", "capture", "train", "score", "weights", "data", "doctor"))
    assert max(map(len, told.splitlines())) <= 80


def test_reading_prints_a_table_that_fits_80_columns_and_writes_all_columns(photo, tmp_path):
    run = mien("read", photo, "-o", tmp_path / "faces.csv")
    assert run.returncode == 0, run.stderr
    assert "face.png" in run.stdout and max(map(len, run.stdout.splitlines())) <= 80
    header, row = (tmp_path / "faces.csv").read_text().splitlines()
    assert header.startswith("file,frame,time,face,x,y,width,height,score,pitch,yaw,roll,x_0,")
    assert row.startswith(str(photo))


def test_some_of_many_failed(photo, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    run = mien("read", photo, tmp_path / "text.jpg", tmp_path / "nowhere.png", "--json")
    assert run.returncode == 3
    assert [Path(row["file"]).name for row in json.loads(run.stdout)] == ["face.png"]
    assert "text.jpg: it is text, not a picture" in run.stderr and "nowhere.png: there is no such file" in run.stderr
    assert "2 of 3 inputs failed" in run.stderr


def test_an_edit_writes_the_picture_its_comparison_and_one_json_document(photo, tmp_path):
    run = mien("edit", photo, "AU12=+3", "-o", tmp_path / "out.png", "--compare", "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["edit"] == "AU12=+3" and said["engine"] == "mesh" and said["faces"] == [0]
    smile = next(line for line in said["report"] if line["au"] == "AU12")
    assert smile["role"] == "commanded" and smile["achieved"] > smile["before"] + 1
    sizes = [images.read(path).size for path in (photo, said["out"], said["compare"])]
    assert sizes[0] == sizes[1] and sizes[2][0] > 2 * sizes[0][0]
    told = mien("doctor", said["out"])
    assert told.returncode == 0 and "AU12=+3" in told.stdout and "mesh" in told.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["edit", "nowhere.png", "AU12=+2", "-o", "x.png"], 1, "nowhere.png: there is no such file"),
        (["edit", "face.png", "AU99=+2", "-o", "x.png"], 1, "AU99 is not an action unit that mien knows"),
        (["edit", "face.png", "AU12=+2"], 2, "name a file with -o OUT, or say --in-place"),
        (["edit", "face.png", "-o", "x.png"], 2, "nothing to edit"),
        (["edit", "face.png", "AU12=+2", "-o", "face.png"], 1, "--in-place"),
        (["edit", "face.png", "AU12=+2", "-o", "x.png", "--face", "3"], 1, "there is no face 3; it has face 0"),
        (["edit", "face.png", "AU12=+2", "-o", "x.png", "--engine", "mash"], 2, "did you mean 'mesh'"),
        (["edit", "face.png", "AU12=+2", "-o", "x.docx"], 1, "suffix"),
        (["edit", "face.png", "smiling=+1", "-o", "x.png"], 1, "the engine mesh cannot do"),
        (["edit", "face.png", "AU12=9", "-o", "x.png"], 1, "changes from -5 to +5; the most is AU12=5"),
        (["edit", "*.jpg", "AU12=1", "-o", "x.png"], 1, "name one photo"),
        (["edit", "face.png", "--emotion", "joy", "-o", "x.png"], 1, "emotion 'joy' is not one of"),
        (["edit", "face.png", "--like", "face.png", "--only", "nose", "-o", "x.png"], 1, "part 'nose' is not one of"),
        (["edit", "face.png", "AU12=+2", "-o", "."], 1, "suffix"),
        (["read", "face.png", "-o", "x.docx"], 1, "suffix"),
        (["capture", "face.png", "-o", "x.stl"], 1, "suffix"),
        (["animate", "nowhere.png", "--driver", "nowhere.mp4", "-o", "x.avi"], 1, "suffix"),  # known before any work
        (["read", "empty"], 1, "has no picture or video"),
        (["read", "face.png", "-o", "-"], 2, "to print what was measured use --json"),
        (["edit", "face.png", "AU12=1", "-o", "/dev/null"], 2, "to print what was measured use --json"),
        (["train", "landmarks", "--steps", "many"], 2, "it was given 'many'"),
        (["train", "landmarks", "--steps=many"], 2, "it was given 'many'"),
        (["read", "text.jpg"], 1, "it is text, not a picture"),
        (["read", "face.png", "--colums", "x"], 2, "--columns"),
        (["animate", "face.png", "-o", "x.mp4"], 2, "say what moves the face"),
        (["trian"], 2, "Did you mean 'train'"),
        (["train", "head", "--spacin", "1"], 2, "--spacing"),
        (["weights", "get", "yunet", "--offline"], 1, "--offline forbids"),
        (["score", "edits"], 1, "third-party data"),
        (["doctor", "nowhere.png"], 1, "there is no such file"),
        (["doctor", "text.jpg"], 1, "neither a picture, a video nor a head"),
        (["doctor", "empty"], 1, "this is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_told_in_one_line(words, code, says, photo, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no picture")
    before = photo.read_bytes()
    said = one_line(_in_process(words, tmp_path), code)
    assert says in said
    assert photo.read_bytes() == before and not (tmp_path / "x.png").exists()


def _in_process(words, folder):
    """The same as `mien` without the seconds that a process needs to start: it is what the process calls."""
    import contextlib
    import io

    from mien.cli import main

    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SystemExit) as end,
    ):
        patch.delenv("MIEN_DATA", raising=False)
        patch.setenv("MIEN_CACHE", str(folder / "cache"))
        main(words)
    return subprocess.CompletedProcess(words, end.value.code, out.getvalue(), err.getvalue())


def test_in_place_and_debug(photo, tmp_path):
    before = photo.read_bytes()
    assert _in_process(["edit", "face.png", "AU12=+2", "--in-place"], tmp_path).returncode == 0
    assert photo.read_bytes() != before
    assert "Traceback" in _in_process(["edit", "nowhere.png", "AU12=+2", "-o", "x.png", "--debug"], tmp_path).stderr


def test_an_animation_and_a_head(photo, tmp_path):
    run = _in_process(["animate", "face.png", "--from", "AU12=0", "--to", "AU12=4", "--seconds", "0.2", "-o", "smile.gif"], tmp_path)
    assert run.returncode == 0, run.stderr
    with Image.open(tmp_path / "smile.gif") as picture:
        assert picture.n_frames == 6
    run = _in_process(["capture", "face.png", "-o", "face.glb"], tmp_path)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "face.glb").read_bytes()[:4] == b"glTF"
    told = _in_process(["doctor", "face.glb", "--json"], tmp_path)
    made = json.loads(told.stdout)
    assert told.returncode == 0 and made["action"] == "captured" and made["source_sha256"] == images.read(photo).sha256


def test_the_doctor_finds_this_installation_well(tmp_path):
    run = _in_process(["doctor", "--json"], tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    found = {finding["what"]: finding for finding in json.loads(run.stdout)}
    assert found["an edit"]["state"] == "ok"
    assert found["landmarks.safetensors"]["state"] == found["head.safetensors"]["state"] == "ok"


def test_what_solving_could_not_reach_is_told_by_name(tmp_path, photo):
    run = _in_process(["edit", "face.png", "AU12=5", "AU15=5", "AU01=+1", "--solve", "--json", "-o", "x.png"], tmp_path)
    far = [line["au"] for line in json.loads(run.stdout)["report"] if line["role"] == "commanded" and abs(line["error"]) > 0.5]
    assert run.returncode == 0 and far
    assert run.stderr == f"mien: --solve could not bring {', '.join(far)} within 0.5 of what was commanded\n"
    easy = _in_process(["edit", "face.png", "AU12=+1", "--solve", "--json", "-o", "x.png"], tmp_path)
    assert easy.returncode == 0 and easy.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_stdout_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", "from mien.cli import main; main()", "--version"]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=ENV)
    assert run.returncode == 1
    assert run.stderr.startswith("mien: the result cannot be written to stdout: No space left") and run.stderr.count("\n") == 1


def test_of_a_table_that_is_written_only_the_first_rows_are_printed(photo, tmp_path):
    for number in range(13):
        Image.new("RGB", (16, 16)).save(tmp_path / f"grey{number:02d}.png")
    words = ["read", "face.png", *(f"grey{number:02d}.png" for number in range(13))]
    beside = _in_process([*words, "-o", "all.csv"], tmp_path)
    assert beside.returncode == 0, beside.stderr
    assert "grey10.png" in beside.stdout and "grey11.png" not in beside.stdout
    assert beside.stdout.endswith("and 2 rows more: 1 faces in 14 pictures, all of them in all.csv\n")
    assert "grey12.png" in _in_process(words, tmp_path).stdout


@pytest.mark.parametrize(("header", "told"), [("frame,FaceScore,AU12", True), ("time,AU12", False)])
def test_keys_without_times_are_told_once(header, told, photo, tmp_path):
    rows = ["0,1,0", "1,1,0.5"] if told else ["0,0", "0.1,2"]
    (tmp_path / "keys.csv").write_text("\n".join([header, *rows]) + "\n")
    run = _in_process(["animate", "face.png", "--keys", "keys.csv", "--fps", "10", "-o", "x.gif"], tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("has no times: they are taken as 10 a second, as --fps says") == told
