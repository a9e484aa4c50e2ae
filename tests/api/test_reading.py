"""The verbs `read`, `animate` and `capture` in Python, on drawn faces."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

import mien
from mien import images, video
from mien.api.capturing import AnotherPerson
from mien.aus import AUVector
from mien.data.renders import render
from mien.errors import FaceError, ImageError, UsageError
from mien.geometry import head


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A drawn face that begins to smile: 12 frames at 25 a second."""
    path = tmp_path_factory.mktemp("film") / "smile.mp4"
    with video.Writer(path, (256, 256), 25) as writer:
        for step in range(12):
            writer.add(render(head.bundled(), AUVector.of({"AU12": 4 * min(1.0, step / 8)}), size=256).photo.rgb)
    return path


def test_a_face_is_a_row_and_no_face_is_a_row_without_score(drawn, drawn_smile):
    table = mien.read([drawn.photo, np.full((200, 240, 3), 90, np.uint8), drawn_smile.photo.rgb])
    assert table.face.tolist() == [0, 0, 0]
    assert np.isfinite(table.score).tolist() == [True, False, True]
    assert table.AU12[2] > table.AU12[0] + 1
    x, _, width, height = drawn.face.box
    assert abs(table.x[0] - x) < 0.1 * width and abs(table.height[0] - height) < 0.1 * height


def test_folders_and_globs_are_spread_out(drawn, tmp_path):
    for name in ("b.png", "a.jpg"):
        images.write(drawn.photo.rgb, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert [f[-5:] for f in mien.read(tmp_path).file] == ["a.jpg", "b.png"]
    assert len(mien.read(str(tmp_path / "*.png"))) == 1


def test_what_fails_is_raised_or_collected(drawn_file, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    sources = [tmp_path / "bad.jpg", drawn_file, tmp_path / "nowhere.png"]
    with pytest.raises(ImageError, match=r"nowhere\.png"):
        mien.read(sources)
    failures = []
    assert len(mien.read(sources, failures=failures)) == 1
    assert {Path(failure.file).name for failure in failures} == {"bad.jpg", "nowhere.png"}


def test_the_columns_of_other_tools(drawn):
    assert "AU12_r" in mien.read(drawn.photo, columns="openface").columns
    assert "FaceScore" in mien.read(drawn.photo, columns="pyfeat").columns
    with pytest.raises(UsageError, match="did you mean 'openface'"):
        mien.read(drawn.photo, columns="openfac")
    with pytest.raises(UsageError, match="reader 'geometri' is not one of"):
        mien.read(drawn.photo, reader="geometri")


def test_a_video_is_a_row_for_each_frame_and_one_person(film):
    table = mien.read(film)
    assert table.frame.tolist() == list(range(12))
    assert table.face.unique().tolist() == [0]
    np.testing.assert_allclose(np.diff(table.time), 0.04, atol=1e-3)
    assert table.AU12[11] > table.AU12[0] + 1


def test_an_animation_goes_from_one_edit_to_another_and_starts_at_the_photo(drawn, tmp_path):
    moving = mien.animate(drawn.photo, to="AU12=4", seconds=0.2)
    frames = list(moving)
    assert len(frames) == len(moving) == 6
    assert np.array_equal(frames[0], drawn.photo.rgb)
    assert np.array_equal(frames[-1], mien.edit(drawn.photo, "AU12=4").rgb)
    told = []
    path = moving.save(tmp_path / "smile.mp4", on_frame=lambda: told.append(1))
    assert len(told) == len(list(video.frames(path))) == 6


def test_a_driver_moves_the_face_as_it_moves_itself(drawn_smile, drawn, film):
    frames = list(mien.animate(drawn.photo, film))
    first, last = (mien.read(frame).AU12.item() for frame in (frames[0], frames[-1]))
    assert len(frames) == 12
    assert last > first + 0.3


def test_keys_move_the_face(drawn, tmp_path):
    keys = tmp_path / "keys.csv"
    keys.write_text("time,AU12,AU04\n0,0,0\n0.1,,1\n0.2,3,2\n")
    frames = list(mien.animate(drawn.photo, keys=keys, fps=10))
    assert len(frames) == 3 and np.array_equal(frames[0], drawn.photo.rgb)
    assert (frames[2] != frames[1]).any()


def test_one_kind_of_motion_has_to_be_given(drawn):
    for motion in ({}, {"keys": "a.csv", "to": "AU12=1"}):
        with pytest.raises(UsageError, match="say what moves the face: one of"):
            mien.animate(drawn.photo, **motion)


def test_a_head_is_captured_from_a_photo_from_photos_and_from_a_video(drawn, drawn_smile, film, tmp_path):
    one = mien.capture(drawn.photo)
    assert len(one.codes) == 1 and one.texture.shape[2] == 3
    both = mien.capture([drawn_smile.photo, drawn.photo])
    assert both.photo is drawn.photo, "the most frontal one gives the texture"
    moving = mien.capture(film)
    assert len(moving.codes) == len(moving.times) == 12
    assert moving.codes[-1].expression["AU12"] > moving.codes[0].expression["AU12"] + 1
    assert mien.capture(drawn.photo).save(tmp_path / "face.npz").stat().st_size > 10_000
    with pytest.raises(FaceError, match="no face was found"):
        mien.capture(np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(UsageError, match="one person"):
        mien.capture(drawn.photo, face="all")


def test_photos_of_two_people_are_told_from_two_of_one(drawn, drawn_smile):
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnotherPerson)
        mien.capture([drawn_smile.photo, drawn.photo])
    stretched = images.read(cv2.resize(drawn.photo.rgb, None, fx=1.0, fy=1.25))
    with pytest.warns(AnotherPerson, match="photo 1 and photo 2 do not look like one person"):
        mien.capture([drawn.photo, stretched])
