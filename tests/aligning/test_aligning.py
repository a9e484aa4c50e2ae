"""Aligned faces in a zip: right, and the same whether or not the work was stopped on the way."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch

from mien import images, weights
from mien.api.aligning import Settings, align_each
from mien.api.sources import clips
from mien.data.sources import open_source
from mien.errors import DataError, UsageError
from mien.faces import identity, landmarks, templates
from mien.nn.irse import IRSE
from mien.tables import COLUMNS
from mien.video import Writer

SIZE = 64


@pytest.fixture(scope="module", autouse=True)
def network(tmp_path_factory):
    """One network for identity is imported: a small one with random weights."""
    folder = tmp_path_factory.mktemp("cache")
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        net = IRSE(size=32, units=[1, 1, 1, 1], widths=[4, 8, 16, 32], code=12)
    weights.save(folder / "mine.safetensors", dict(net.state_dict()), {"kind": identity.KIND, **net.config})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(folder))
        yield identity.Recognizer(folder / "mine.safetensors")


def table_of(path):
    with zipfile.ZipFile(path) as archive:
        return list(csv.DictReader(io.TextIOWrapper(archive.open("faces.csv"), "utf-8")))


def codes_of(path):
    with np.load(path) as archive:
        return archive["codes"]


def run(folder, out, align="ffhq", size=SIZE):
    failures = []
    return align_each(clips(str(folder), failures), out, Settings.of(align, size), failures), failures


@pytest.fixture(scope="module")
def photos(drawn, drawn_smile, tmp_path_factory):
    """Two faces, one of them twice, and a picture without any."""
    folder = tmp_path_factory.mktemp("photos")
    for name, rgb in (("a", drawn.photo.rgb), ("b", drawn_smile.photo.rgb), ("below/a", drawn.photo.rgb[:, ::-1])):
        (folder / name).parent.mkdir(exist_ok=True)
        images.write(np.ascontiguousarray(rgb), folder / f"{name}.png")
    images.write(np.full((90, 90, 3), 128, np.uint8), folder / "none.png")
    return folder


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "faces.zip"
    tally, failures = run(photos, out)
    assert failures == [] and (tally.inputs, tally.done, tally.before, tally.faces, tally.without) == (4, 4, 0, 3, 1)
    return out


def test_the_zip_has_every_face_with_its_row(finished, photos):
    rows = table_of(finished)
    assert list(rows[0])[: len(COLUMNS)] == list(COLUMNS)
    assert [row["file"] for row in rows] == sorted(str(p) for p in photos.rglob("*.png"))
    faces = [row for row in rows if row["crop"]]
    source = open_source(finished)
    assert sorted(row["crop"] for row in faces) == list(source.names)
    assert all(source.read(i).shape == (SIZE, SIZE, 3) for i in range(3))
    assert [row["score"] for row in rows if not row["crop"]] == [""]
    smile = next(row for row in rows if row["file"].endswith("b.png"))
    assert float(smile["AU12"]) > 2 and float(smile["yaw"]) > 5


def test_a_crop_is_where_its_row_says(finished, photos):
    """The eyes of the row, carried into the crop, are level there and where FFHQ puts them."""
    for row in (row for row in table_of(finished) if row["crop"]):
        points = np.array([[float(row[f"{axis}_{i}"]) for axis in "xy"] for i in range(68)])
        to_photo = np.array(
            [[float(row[f"photo_{name}"]) for name in names] for names in (("xx", "xy", "x0"), ("yx", "yy", "y0"))] + [[0, 0, 1]]
        )
        assert np.allclose(to_photo, templates.template("ffhq").to_photo(points, SIZE), atol=1e-2)
        inside = (np.c_[points, np.ones(68)] @ np.linalg.inv(to_photo).T)[:, :2]
        right, left = inside[36:42].mean(0), inside[42:48].mean(0)
        assert 0.3 < right[0] / SIZE < 0.5 < left[0] / SIZE < 0.7 and 0.35 < (right + left)[1] / 2 / SIZE < 0.55


def test_codes_say_whose_faces_they_are(finished, photos, network):
    rows, codes = table_of(finished), codes_of(finished)
    assert codes.shape == (4, 12) and codes.dtype == np.float32
    for row, code in zip(rows, codes, strict=True):
        if not row["crop"]:
            assert np.isnan(code).all()
            continue
        photo = images.read(row["file"])
        (face,) = landmarks.find(photo)
        assert code == pytest.approx(network.code(photo, face), abs=1e-5)
    settings = json.loads(zipfile.ZipFile(finished).read("faces.json"))["settings"]
    assert settings["identity"].startswith("mine, IR-SE-10 of 32 px, sha256 ")


def test_codes_of_two_networks_never_meet_in_one_file(photos, network, tmp_path, monkeypatch):
    out = tmp_path / "faces.zip"
    run(photos / "a.png", out)
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "assets", lambda: tmp_path)
    with pytest.raises(DataError, match="other settings"):
        run(photos, out)
    run(photos / "a.png", tmp_path / "none.zip")
    assert "codes.npy" not in zipfile.ZipFile(tmp_path / "none.zip").namelist()


def test_what_is_done_is_not_done_again(finished, photos, tmp_path, monkeypatch):
    before = finished.read_bytes()
    monkeypatch.setattr("mien.faces.landmarks.find", lambda *_: pytest.fail("it was done again"))
    tally, _ = run(photos, finished)
    assert tally.before == 4 and finished.read_bytes() == before


def test_new_and_changed_photos_are_taken_up(photos, drawn, drawn_smile, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "faces.zip"
    folder.mkdir()
    images.write(drawn.photo.rgb, folder / "a.png")
    images.write(drawn.photo.rgb, folder / "=b.png")
    run(folder, out)
    images.write(drawn_smile.photo.rgb, folder / "a.png")
    images.write(drawn_smile.photo.rgb, folder / "c.png")
    (tmp_path / ".faces.0123abcd.zip").write_bytes(b"half a file of a run that was killed while it wrote")
    tally, _ = run(folder, out)
    assert (tally.inputs, tally.done, tally.before, tally.faces) == (3, 3, 1, 3)
    codes = {row["file"].rsplit("/")[-1]: code for row, code in zip(table_of(out), codes_of(out), strict=True)}
    assert np.array_equal(codes["a.png"], codes["c.png"]) and not np.array_equal(codes["a.png"], codes["=b.png"])
    smiles = {row["file"].rsplit("/")[-1]: float(row["AU12"]) > 2 for row in table_of(out)}
    assert smiles == {"=b.png": False, "a.png": True, "c.png": True}
    assert run(folder, out)[0].before == 3
    assert not list(tmp_path.glob(".*"))


def test_other_settings_and_other_files_are_refused(finished, photos, tmp_path):
    with pytest.raises(DataError, match="other settings"):
        run(photos, finished, "arcface", 112)
    (tmp_path / "other.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="was not written by"):
        run(photos, tmp_path / "other.zip")
    with pytest.raises(DataError, match=r"\.zip"):
        run(photos, tmp_path / "faces.tar")
    with pytest.raises(UsageError, match="ffqh"):
        Settings.of("ffqh")
    with pytest.raises(UsageError, match="size 5"):
        Settings.of("ffhq", 5)


@pytest.mark.parametrize("align", templates.TEMPLATES)
def test_every_template_has_its_published_size(align, photos, tmp_path):
    run(photos / "a.png", tmp_path / "one.zip", align, None)
    template = templates.TEMPLATES[align]
    assert open_source(tmp_path / "one.zip").read(0).shape == (template.height, template.width, 3)


def test_the_frames_of_a_film(drawn, drawn_smile, tmp_path):
    with Writer(tmp_path / "film.mp4", drawn.photo.size, 10) as film:
        for rgb in (drawn.photo.rgb, drawn_smile.photo.rgb, np.full_like(drawn.photo.rgb, 90)):
            film.add(rgb)
    tally, failures = run(tmp_path / "film.mp4", tmp_path / "faces.zip")
    assert failures == [] and (tally.inputs, tally.faces, tally.without) == (1, 2, 1)
    rows = table_of(tmp_path / "faces.zip")
    assert [row["frame"] for row in rows] == ["0", "1", "2"] and [float(row["time"]) for row in rows] == [0, 0.1, 0.2]
    assert [row["crop"].split(".", 2)[-1] for row in rows] == ["000000.0.png", "000001.0.png", ""]
    assert float(rows[1]["AU12"]) > float(rows[0]["AU12"]) + 1
    assert np.isnan(codes_of(tmp_path / "faces.zip")).all(axis=1).tolist() == [False, False, True]


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(finished, photos, tmp_path):
    """The command is killed five times, each a little later than before; the last run is left alone."""
    out = tmp_path / "faces.zip"
    words = ["data", "faces", str(photos), "-o", str(out), "--size", str(SIZE)]
    command = [sys.executable, "-c", "import sys; from mien.cli import main; main(sys.argv[1:])", *words]
    ledger, size, kills = tmp_path / ".faces.zip.ledger", 0, 0
    while kills < 2 and not out.exists():
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and (ledger.stat().st_size if ledger.exists() else 0) <= size:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills, size = kills + 1, ledger.stat().st_size if ledger.exists() else 0
    assert kills
    last = subprocess.run(command, check=False, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr
    assert out.read_bytes() == finished.read_bytes()
    assert list(tmp_path.iterdir()) == [out]


def test_failures_are_told_and_the_rest_is_written(photos, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    words = ["data", "faces", photos / "a.png", tmp_path / "text.jpg", tmp_path / "nowhere.png", "-o", tmp_path / "f.zip", "--size", SIZE]
    command = [sys.executable, "-c", "import sys; from mien.cli import main; main(sys.argv[1:])", *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert (
        "text.jpg: it is text" in done.stderr
        and "nowhere.png: there is no such file" in done.stderr
        and "2 of 3 inputs failed" in done.stderr
    )
    assert len(open_source(tmp_path / "f.zip")) == 1
    assert [entry["rows"] for entry in json.loads(zipfile.ZipFile(tmp_path / "f.zip").read("faces.json"))["inputs"]] == [1]
