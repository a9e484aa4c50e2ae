"""`mien score fid | aus | points`: tables printed and written, what is left over named, exit codes."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mien.cli import main


@pytest.fixture
def mien(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder; gives its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        return end.value.code, *capsys.readouterr()

    return run


def table(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)


def test_action_units_against_labels(mien, tmp_path):
    table(tmp_path / "pred.csv", file=["x/a.jpg", "x/b.jpg", "x/extra.jpg"], AU12=[0, 4, 0], AU01=[0, 0, 0])
    table(tmp_path / "truth.csv", file=["a.jpg", "b.jpg"], AU12=[1, 5], AU25=[0, 1])
    code, out, err = mien("score", "aus", "pred.csv", "truth.csv", "--write", "page.md")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith((" AU", " mean"))}
    assert rows["AU12"] == ["both", "2", "1", "1.00", "1.00", "1.00", "1.00", "1.00", "1.00", "1.00"]
    assert rows["AU01"] == ["pred", "0", "0"] and rows["AU25"] == ["truth", "0", "0"]
    assert max(len(line) for line in out.splitlines() if line.startswith(" ")) <= 80
    assert "pred.csv has 1 more than truth.csv: extra.jpg" in err
    assert "| AU12 | both | 2 | 1 | 1.00 |" in (tmp_path / "page.md").read_text()


def test_a_labelled_face_that_was_not_measured_is_a_failure(mien, tmp_path):
    table(tmp_path / "pred.csv", file=["a.jpg", "b.jpg"], AU12=[0, 1])
    table(tmp_path / "truth.csv", file=list("abcdef"), AU12=[0] * 6)
    assert mien("score", "aus", "pred.csv", "truth.csv")[0] == 1
    table(tmp_path / "truth.csv", file=[f"{name}.jpg" for name in "abcdef"], AU12=[0, 1, 1, 1, 1, 1])
    code, out, err = mien("score", "aus", "pred.csv", "truth.csv", "--threshold", "1", "--json")
    assert code == 3 and err == "mien: 4 of truth.csv not in pred.csv, the others are scored: c.jpg; d.jpg; e.jpg; and 1 more\n"
    said = json.loads(out)
    assert said["only_truth"] == ["c.jpg", "d.jpg", "e.jpg", "f.jpg"] and said["only_predicted"] == []
    assert (said["threshold"], said["joined_on"], said["faces"], said["mean"]["f1"]) == (1, ["file"], 2, 1)


def test_what_cannot_be_scored_is_one_line(mien, tmp_path):
    table(tmp_path / "pred.csv", file=["a.jpg"], AU12=[7])
    code, out, err = mien("score", "aus", "pred.csv", "pred.csv")
    assert (code, out) == (1, "") and err.startswith("mien: pred.csv, row 1: AU12 is 7") and err.count("\n") == 1
    assert mien("score", "aus", "pred.csv", "pred.csv", "--threshold", "9")[0] == 2
    code, _, err = mien("score", "fid", "nowhere", "pred.csv")
    assert code == 1 and "nowhere: there is no such file or folder" in err


def test_landmarks_against_true_ones(mien, tmp_path):
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    points[36], points[45] = (0, 0), (100, 0)
    for name, moved in (("pred", points + np.array([0, 2])), ("truth", points)):
        table(tmp_path / f"{name}.csv", frame=[0], **{f"{axis}_{i}": [moved[i, j]] for j, axis in enumerate("xy") for i in range(68)})
    code, out, _ = mien("score", "points", "pred.csv", "truth.csv", "--json")
    said = json.loads(out)
    assert code == 0 and said["eyes"]["mean"] == pytest.approx(2) and said["eyes"]["auc"] == pytest.approx(75)
    assert said["box"]["failures"] == 0
    assert " eyes       1        0   2.00     2.00   75.00       0.00" in mien("score", "points", "pred.csv", "truth.csv")[1]


def test_pictures_against_pictures(mien, tmp_path, drawn, drawn_smile):
    for kind, face in (("real", drawn), ("fake", drawn_smile)):
        (tmp_path / kind).mkdir()
        for i in range(5):
            Image.fromarray(np.clip(face.photo.rgb.astype(int) + 3 * i, 0, 255).astype(np.uint8)).save(tmp_path / kind / f"{i}.png")
    (tmp_path / "fake" / "broken.png").write_text("no picture")
    code, out, err = mien("score", "fid", "real", "fake", "--json", "--write", "page.md")
    said = json.loads(out)
    assert code == 3 and "1 not read, the others are scored: broken.png: " in err
    assert (said["real"], said["fake"], said["precision"], said["recall"]) == (5, 5, 0, 0)
    assert said["fid"] > 0.1 and "landmark network" in said["features"] and said["problems"][0]["name"] == "broken.png"
    assert "5 pictures are few for 256 features" in said["notes"][0] and said["notes"][0] in (tmp_path / "page.md").read_text()
    code, out, _ = mien("score", "fid", "real", "real")
    assert code == 0 and "landmark network" in out
    assert out.splitlines()[3].split()[:3] == ["5", "5", "0.00"]


def test_a_split_of_a_crop_set_against_pictures(mien, tmp_path, drawn, drawn_smile):
    pictures = [np.clip(drawn.photo.rgb.astype(int) + 3 * i, 0, 255).astype(np.uint8) for i in range(5)]
    pictures += [np.clip(drawn_smile.photo.rgb.astype(int) + 3 * i, 0, 255).astype(np.uint8) for i in range(4)]
    blobs = []
    (tmp_path / "made").mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(file := io.BytesIO(), "PNG")
        blobs.append(file.getvalue())
        if number < 5:
            (tmp_path / "made" / f"{number}.png").write_bytes(file.getvalue())
    np.savez(
        tmp_path / "set.npz",
        jpeg_bytes=np.frombuffer(b"".join(blobs), np.uint8), jpeg_offset=np.cumsum([0, *map(len, blobs)]),
        label=np.zeros(9, int), label_names=["x"], landmarks5=np.zeros((9, 5, 2)),
        split=[0] * 5 + [1] * 4, split_names=["train", "test"],
    )  # fmt: skip
    (own, test, every) = (
        json.loads(mien("score", "fid", "set.npz", "made", "--json", *more)[1]) for more in (["--split", "train"], ["--split", "test"], [])
    )
    assert (own["real"], test["real"], every["real"]) == (5, 4, 9) and own["fake"] == test["fake"] == 5
    assert own["fid"] < 1e-6 < every["fid"] < test["fid"]
    assert mien("score", "fid", "set.npz", "made", "--split", "test", "--write", "page.md")[0] == 0
    assert "`mien score fid set.npz made --split test`" in (tmp_path / "page.md").read_text()
    code, _, err = mien("score", "fid", "made", "made", "--split", "test")
    assert code == 2 and err == "mien: --split test: neither made nor made is a crop set (.npz); leave it out\n"
