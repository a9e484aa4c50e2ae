"""Folders of synthetic faces: written, continued, read back, and what is refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mien import images, registry
from mien.aus import AXES, AUVector
from mien.data.sources import open_source
from mien.data.synth import warping
from mien.data.synth.drawing import renderer
from mien.data.synth.making import Settings, make
from mien.data.synth.scenes import scene
from mien.data.synth.store import SynthFaces, camera_of
from mien.edits import AUEdit, Change
from mien.errors import DataError, UsageError
from mien.geometry import head
from mien.geometry.fitting.measured import MEASURED
from mien.tables import COLUMNS, LANDMARK68

ASKED = Settings(5, 64, seed=3, buffers=("depth", "normals"))


def bytes_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth") / "faces"
    told = []
    assert make(folder, ASKED, 1, told.append) == []
    assert told == [5]
    return folder


def test_what_is_written_is_read_back(made):
    faces, source = SynthFaces(made), open_source(made)
    assert len(faces) == len(source) == 5 and source.names[4] == "000000.tar/000004.png"
    assert np.array_equal(faces.picture(2), source.read(2)) and faces.picture(2).shape == (64, 64, 3)
    assert np.array_equal(faces.buffer("normals", 2), open_source(made / "normals").read(2))
    assert faces.buffer("depth", 1).dtype == np.uint16 and faces.buffer("depth", 1).max() > 30_000
    with pytest.raises(DataError, match="no albedo"):
        faces.buffer("albedo", 0)
    with pytest.raises(IndexError, match="there are 5"):
        faces.picture(5)


def test_a_picture_drawn_again_from_its_label_is_the_same(made):
    faces = SynthFaces(made)
    for index in range(5):
        label = faces.label(index)
        known = scene(64, 3, index, 70)
        told = replace(known, aus=AUVector(label["aus"].astype(float)), shape=label["shape"], light=label["light"], camera=camera_of(label))
        (drawn,) = renderer(64).draw([told])
        assert np.array_equal(drawn.rgb, faces.picture(index))
        other = replace(told, aus=AUVector.of({"AU27": 5, "AU04": 5}))
        assert not np.array_equal(renderer(64).draw([other])[0].rgb, faces.picture(index))
        vertices = renderer(64)._vertices([told])
        points = camera_of(label).project(head.bundled().landmarks(vertices)[0].numpy())
        assert np.abs(points[:, :2] - label["landmarks"][:, :2]).max() < 1e-3


def test_the_table_has_what_the_labels_have(made):
    table, faces = pd.read_csv(made / "000000.csv"), SynthFaces(made)
    assert list(table.columns) == list(COLUMNS) and list(table["file"]) == [f"00000{i}.png" for i in range(5)]
    label = faces.label(3)
    assert table.loc[3, "x_30"] == pytest.approx(float(label["landmarks"][LANDMARK68[30], 0]), abs=1e-3)
    assert table.loc[3, "AU12L"] == pytest.approx(float(label["aus"][AXES.index("AU12L")]), abs=1e-5)


def test_what_was_lost_is_made_again_the_same_and_what_is_there_is_left(made, tmp_path):
    folder = tmp_path / "again"
    make(folder, ASKED, 1)
    assert bytes_of(folder) == bytes_of(made)
    for lost in ("000000.npy", "normals/000000.tar"):
        (folder / lost).unlink()
    make(folder, ASKED, 1)
    assert bytes_of(folder) == bytes_of(made)
    (folder / "000000.tar").write_bytes(b"mine")
    make(folder, ASKED, 1)
    assert (folder / "000000.tar").read_bytes() == b"mine"


@pytest.mark.slow
def test_several_processes_make_the_same(tmp_path):
    asked = Settings(258, 32)
    for workers in (1, 2):
        make(tmp_path / str(workers), asked, workers)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")


def test_a_folder_of_other_things_is_refused(made, tmp_path):
    with pytest.raises(DataError, match="size 64 instead of 96"):
        make(made, replace(ASKED, size=96), 1)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        make(tmp_path, ASKED, 1)
    with pytest.raises(DataError, match=r"no synth\.json"):
        SynthFaces(tmp_path)


@pytest.mark.parametrize(
    ("asked", "word"),
    [({"count": 0}, "ask for 1"), ({"size": 8}, "32 to 1024"), ({"seed": -1}, "0 or more"), ({"buffers": ("uv",)}, "uv"),
     ({"buffers": ("albedo",), "photos": "x"}, "albedo"), ({"still": True}, "name --photos")],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(asked, word):
    with pytest.raises(UsageError, match=word):
        Settings(**{"count": 1, **asked})


@pytest.fixture(scope="module")
def moved(drawn, tmp_path_factory):
    """Warps of a drawn photo, beside a picture without a face."""
    photos = tmp_path_factory.mktemp("photos")
    images.write(drawn.photo.rgb, photos / "face.png")
    images.write(np.full((64, 64, 3), 90, np.uint8), photos / "wall.png")
    folder = photos / "out"
    problems = make(folder, Settings(6, 96, buffers=("mask", "normals"), photos=str(photos)), 1)
    return photos, folder, problems


def test_photos_without_a_face_are_told_and_left_out(moved):
    _, folder, problems = moved
    assert [str(p) for p in problems] == ["wall.png: no face found"]
    faces = SynthFaces(folder)
    assert len(faces) == 4 and {int(faces.label(i)["photo"]) for i in range(4)} == {0}


def test_a_photo_moved_by_its_label_is_the_picture(moved):
    photos, folder, _ = moved
    faces, engine = SynthFaces(folder), registry.engine("mesh")
    crop = warping.framed(images.read(photos / "face.png").rgb, 96)
    (code,) = engine.encode([crop])
    for index in range(4):
        label = faces.label(index)
        changes = tuple(Change(a, float(v), relative=False) for a, v in zip(AXES, label["aus"], strict=True) if a in engine.moves)
        (again,) = engine.decode([engine.shift(code, AUEdit(changes))])
        assert np.array_equal(again.rgb, faces.picture(index))
        assert np.allclose(again.landmarks, label["landmarks"], atol=1e-3)
        assert np.allclose(label["read"], code.expression.known.values, atol=1e-5)


def test_still_pictures_change_only_what_landmarks_can_tell(moved, tmp_path):
    """And otherwise the same: the gaze of some pictures is drawn elsewhere without; the first is the photo itself."""
    photos, _, _ = moved
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "face.png").write_bytes((photos / "face.png").read_bytes())
    found: list[np.ndarray] = []
    for still in (True, False):
        make(tmp_path / f"{still}", Settings(8, 48, photos=str(tmp_path / "photos"), still=still), 1)
        faces = SynthFaces(tmp_path / f"{still}")
        found.append(np.nan_to_num(faces.column("aus")) - np.nan_to_num(faces.column("read")))
        crop = warping.framed(images.read(photos / "face.png").rgb, 48)
        assert np.array_equal(faces.picture(0), crop.rgb) == still and not np.array_equal(faces.picture(1), crop.rgb)
    known = np.array([axis in MEASURED for axis in AXES])
    changed = [np.abs(steps).max(axis=0) > 1e-3 for steps in found]
    assert not changed[0][~known].any() and changed[0][known].any()
    assert changed[1][~known].any(), "the comparison can fail"
    assert not found[0][0].any() and np.allclose(found[0][1:, known], found[1][1:, known], atol=1e-5)


def test_the_fitted_head_lies_on_the_face(moved):
    faces = SynthFaces(moved[1])
    label = faces.label(0)
    assert math.isinf(label["distance"]) and label["light"].shape == (9, 3)
    inside = faces.buffer("mask", 0)[tuple(np.round(label["landmarks"][[1, 9, 152, 50, 280], 1::-1]).astype(int).T)]
    assert (inside > 127).sum() >= 4
    neutral = head.bundled().landmarks(head.bundled().mean).numpy()
    apart = camera_of(label).project(neutral)[:, :2] - label["landmarks"][:, :2]
    assert np.median(np.linalg.norm(apart, axis=1)) < 4.0  # of 96 pixels: another person's resting face in the same pose


def test_photos_that_show_nobody_are_refused(tmp_path):
    images.write(np.full((64, 64, 3), 90, np.uint8), tmp_path / "in/wall.png")
    with pytest.raises(DataError, match=r"no photo with a face; wall\.png"):
        make(tmp_path / "out", Settings(2, photos=str(tmp_path / "in")), 1)


def test_the_settings_are_in_the_folder(made):
    about = json.loads((made / "synth.json").read_text())
    assert about["size"] == 64 and about["seed"] == 3 and about["buffers"] == ["depth", "normals"]
