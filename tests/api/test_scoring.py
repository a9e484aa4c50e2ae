"""Dose and response on faces of the user's own, without third-party data; and what an edit keeps."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from mien import artefacts, registry, weights
from mien.api import scoring
from mien.api.keeping import Original
from mien.api.portrait import Portrait
from mien.api.scoring import Judge
from mien.api.sitters import is_own, sitters
from mien.cli import main
from mien.data.teacher import Teacher
from mien.errors import DataError, NoDataError
from mien.faces import align, landmarks
from mien.faces.identity import Recognizer
from mien.metrics import edits
from mien.nn.irse import IRSE
from mien.types import CropSpec


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """An empty folder to work in, no third-party data, nothing fetched."""
    monkeypatch.delenv("MIEN_DATA", raising=False)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(bare, drawn, drawn_smile):
    """Two faces, a picture without one, and a file that is no picture."""
    (bare / "photos").mkdir()
    for name, rgb in (("b", drawn.photo.rgb), ("c", drawn_smile.photo.rgb), ("a", np.full((64, 64, 3), 90, np.uint8))):
        Image.fromarray(rgb).save(bare / "photos" / f"{name}.png")
    (bare / "photos" / "broken.png").write_text("no picture")
    return bare / "photos"


@pytest.fixture
def mien(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        return end.value.code, *capsys.readouterr()

    return run


def test_a_folder_of_photos_is_scored_and_told(mien, photos, monkeypatch):
    monkeypatch.setattr(edits, "UNITS", (12,))
    code, out, err = mien("score", "edits", "--data", photos, "--json", "--plot", "plots/curve.png", "--write", "page.md")
    said = json.loads(out)
    assert (code, said["faces"], said["judges"], said["doses"]) == (3, "2 faces of photos", ["own"], list(edits.DOSES))
    assert "measured on mien's own landmarks alone: face_landmark.tflite is not on this machine (mien weights get facemesh)" in err
    assert said["faceless"] == ["a.png"] and "no face was found in 1 of the pictures: a.png" in err
    assert [problem["name"] for problem in said["problems"]] == ["broken.png"] and "1 not read, the others are scored" in err
    (row,), (curve,) = said["units"], said["curves"]
    assert (row["au"], row["faces"], curve["au"]) == ("AU12", 2, "AU12")
    measured = np.array(curve["measured"]["own"])
    assert row["own + pixels rmse"] == pytest.approx(np.sqrt(np.mean((measured - np.array(edits.DOSES)) ** 2)))
    assert row["own + pixels within"] > 0.9 and row["own + pixels slope"] > 0.5
    assert 0.5 < row["shape"] <= 1 and row["outside"] < 1
    assert 0 < row["identity"] < 1 and said["identity_network"].startswith("identity, IR-SE-18")
    with Image.open("plots/curve.png") as curves:
        assert curves.width > 500
    page = (photos.parent / "page.md").read_text()
    assert "`mien score edits --data photos`" in page and "![dose and response](plots/curve.png)" in page
    assert "own + pixels: on mien's" in page and "MediaPipe" not in page


@pytest.fixture
def networks(reader_files, monkeypatch):
    """A machine on which weights of small networks are."""
    registry._built.cache_clear()
    monkeypatch.setattr(artefacts, "weight_files", partial(artefacts.weight_files, folders=(reader_files,)))
    yield
    registry._built.cache_clear()


def test_edits_are_judged_by_another_reader(mien, networks, photos, monkeypatch):
    """By the small `fgnet`, which tells how strong AU12 is, how likely AU04, and nothing of AU25."""
    monkeypatch.setattr(edits, "UNITS", (4, 12, 25))
    words = ("score", "edits", "--data", photos, "--reader", "fgnet", "--faces", "1", "--write", "page.md")
    code, out, err = mien(*words, "--json", "--plot", "curve.png")
    said = json.loads(out)
    assert (code, said["judges"], said["reader"]) == (0, ["fgnet"], "fgnet")
    assert "reader fgnet says nothing of AU25: left out" in err
    unsure, strong = said["units"]
    assert (unsure["au"], strong["au"]) == ("AU04", "AU12")
    assert 0 < unsure["fgnet p low"] < 1 and unsure["fgnet r"] is None and strong["fgnet p r"] is None and strong["fgnet rmse"] > 0
    assert strong["landmarks r"] > 0.9 and 0.5 < strong["shape"] <= 1, "what is no matter of the reader is told as ever"
    page = (photos.parent / "page.md").read_text()
    assert "## Edits: commanded against measured, judged by fgnet" in page and "`mien score edits --reader fgnet --data photos`" in page
    assert "read by the reader fgnet on its own" in page and "against its photo" not in page
    code, out, err = mien(*words[:-2], "--aus", "25")
    assert (code, out, err.count("\n")) == (2, "", 1) and "reader fgnet says nothing of AU25: name others by --aus" in err


def test_a_judge_that_reads_alone_looks_at_the_edited_picture(networks, bare, drawn, drawn_smile):
    judge = Judge.of(None, "graphau")
    face = landmarks.track(drawn_smile.photo, landmarks.find(drawn_smile.photo)[0])
    (reference,) = Portrait.of(drawn.photo, registry.engine("mesh")).crops
    (said,) = judge.readings(drawn_smile.photo, [face], reference, [None]).items()
    (alone,) = registry.reader("graphau").measure([align.cut(drawn_smile.photo, face, CropSpec())])
    assert said[0] == "graphau" and said[1].aus == alone.aus and list(said[1].presence) == ["AU04", "AU12", "AU19", "AU12L", "AU12R"]
    assert [presence[:2] for presence in said[1].presence.values()] == [presence[:2] for presence in alone.presence.values()]
    assert judge.readings(drawn_smile.photo, [None], reference, [None]) == {"graphau": None}
    assert judge.units((4, 12, 25)) == (4, 12) and Judge.of(None, "ensemble").units((4, 12, 25)) == (4, 12, 25)
    assert Judge.of().names == ("own",) and Judge.of(None, "ensemble").names == ("ensemble",)


def test_a_zip_of_faces_is_scored_with_correction(mien, bare, drawn_file, monkeypatch):
    assert mien("data", "faces", drawn_file, "-o", "faces.zip", "--align", "ffhq", "--size", "256")[0] == 0
    monkeypatch.setattr(edits, "UNITS", (12, 4))
    monkeypatch.setattr(edits, "SOLVED", (2.0,))
    code, out, _ = mien("score", "edits", "--data", "faces.zip", "--solve", "--faces", "5", "--json")
    said = json.loads(out)
    assert (code, said["faces"], said["solve"], said["doses"]) == (0, "1 face of faces.zip", True, [2.0])
    assert [row["au"] for row in said["units"]] == ["AU12", "AU04"]
    assert all(row["own met"] == 1 and row["own error"] <= edits.MET for row in said["units"])


def test_where_faces_come_from(photos, bare, drawn_file):
    found = sitters(photos, 1, registry.engine("mesh"))
    assert (len(found.portraits), found.told, found.faceless, found.problems) == (1, "1 face of photos", ("a.png",), ())
    assert sitters(drawn_file, 3, registry.engine("mesh")).told == "1 face of face.png"
    with pytest.raises(NoDataError, match=r"or in MIEN_DATA; or faces of your own: --data faces\.zip of `mien data faces`"):
        sitters(None, 1, registry.engine("mesh"))
    for name in ("b", "c"):
        (photos / f"{name}.png").unlink()
    with pytest.raises(DataError, match=r"no face was found in photos; broken\.png: .*: faces should be at least 60 pixels high"):
        sitters(photos, 1, registry.engine("mesh"))
    (bare / "third").mkdir()
    assert is_own(bare / "third") and not is_own(None)
    (bare / "third" / "sfhq_256.npz").touch()
    assert not is_own(bare / "third")


def test_the_teacher_is_found_where_it_may_be_or_missed_aloud(bare, monkeypatch):
    class Found(Teacher):
        def __init__(self, path):
            self.path = path

    def without_runtime(path):
        raise DataError("the teacher needs ai-edge-litert")

    assert Judge.of().names == ("own",)
    monkeypatch.setenv("MIEN_DATA", str(bare / "env"))
    for folder in (artefacts.folder(), bare / "env", bare / "given"):
        monkeypatch.setattr(scoring, "Teacher", Found)
        folder.mkdir()
        (folder / "face_landmark.tflite").touch()
        judge = Judge.of(bare / "given")
        assert judge.teacher.path == folder / "face_landmark.tflite" and judge.names == ("teacher", "own") and judge.alone == ""
        monkeypatch.setattr(scoring, "Teacher", without_runtime)
        assert Judge.of().teacher is None and Judge.of().alone == "the teacher needs ai-edge-litert"


def test_what_an_edit_keeps(drawn):
    face = landmarks.track(drawn.photo, landmarks.find(drawn.photo)[0])
    original = Original(drawn.photo, face, None)
    assert original.kept(drawn.photo, face) == {"shape": pytest.approx(1), "outside": 0}
    away = original._away(face)
    columns, rows = face.landmarks[:, :2].astype(int).T
    assert not away[rows, columns].any() and away[[0, 0, -1, -1], [0, -1, 0, -1]].all() and 0.3 < away.mean() < 0.9
    changed = drawn.photo.rgb.copy()
    changed[:, :15] = np.where(changed[:, :15] > 127, changed[:, :15] - 60, changed[:, :15] + 60)  # far from the face
    changed[rows, columns] = 0
    assert original.kept(replace(drawn.photo, rgb=changed), face)["outside"] == pytest.approx(60 * 15 * len(changed) / away.sum())
    lost = original.kept(replace(drawn.photo, rgb=changed), None)
    assert np.isnan(lost["shape"]) and lost["outside"] > 0


def test_whose_face_it_is_is_asked_of_a_network(bare, drawn, drawn_smile):
    small, draw = IRSE(size=32, units=[1, 1, 1, 1], widths=[4, 8, 16, 32], code=12), torch.Generator().manual_seed(0)
    random = {
        name: torch.rand(tensor.shape, generator=draw) + 0.1 for name, tensor in small.state_dict().items() if tensor.is_floating_point()
    }
    weights.save(bare / "small.safetensors", small.state_dict() | random, {"kind": "arcface", **small.config})
    network = Recognizer(bare / "small.safetensors")
    faces = [landmarks.find(one.photo)[0] for one in (drawn, drawn_smile)]
    original = Original(drawn.photo, faces[0], network)
    expected = network.code(drawn.photo, faces[0]) @ network.code(drawn_smile.photo, faces[1])
    assert original.kept(drawn_smile.photo, faces[1])["identity"] == pytest.approx(expected) and expected < 0.999999
    assert original.kept(drawn.photo, faces[0])["identity"] == pytest.approx(1)
    assert np.isnan(original.kept(drawn.photo, None)["identity"])
