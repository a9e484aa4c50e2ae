import math

import numpy as np
import pytest

from mien import aus, motion, tables
from mien.aus import AXES, AUVector
from mien.errors import DataError
from mien.types import Face, Reading


def track(m: motion.Motion, axis: str) -> np.ndarray:
    return m.changes[:, AXES.index(axis)]


def row(frame: int, values: dict[str, float] | None, *, fps: float = 25.0, score: float = 0.9, face: int = 0) -> tables.Row:
    points = np.random.default_rng(frame).uniform(0, 200, (468, 3))
    reading = None
    if values is not None:
        reading = Reading(Face((0.0, 0.0, 9.0, 9.0), score, points), AUVector.of(values, others=math.nan), {}, (0.0, 0.0, 0.0))
    return tables.Row("driver.mp4", (640, 480), reading, frame=frame, time=frame / fps, face=face)


def smile(frames: int = 20) -> list[tables.Row]:
    return [row(i, {"AU12L": 5 * i / frames, "AU12R": 4 * i / frames, "AU43": 1.0}) for i in range(frames)]


@pytest.mark.parametrize("columns", ["mien", "openface", "pyfeat"])
def test_every_dialect_that_is_written_is_read_back(tmp_path, columns: str) -> None:
    path = tables.write(tables.table(smile(), columns), tmp_path / "driver.csv")
    m = motion.read(path)
    assert len(m) == 20
    assert m.fps == pytest.approx(25.0)
    left, right = (5, 4) if columns == "mien" else (4.5, 4.5)
    np.testing.assert_allclose(track(m, "AU12L"), left * np.arange(20) / 20, atol=1e-5)
    np.testing.assert_allclose(track(m, "AU12R"), right * np.arange(20) / 20, atol=1e-5)
    shut = "AU45L" if columns == "openface" else "AU43L"
    np.testing.assert_allclose(track(m, shut), 1.0, atol=1e-5)
    assert (track(m, "AU09L") == 0).all()


@pytest.mark.parametrize("columns", ["mien", "openface", "pyfeat"])
def test_frames_without_a_face_are_bridged(tmp_path, columns: str) -> None:
    rows = smile()
    for lost in (0, 7, 8, 19):
        rows[lost] = row(lost, None)
    m = motion.read(tables.write(tables.table(rows, columns), tmp_path / "driver.csv"))
    expected = 4.5 * np.clip(np.arange(20), 1, 18) / 20
    np.testing.assert_allclose((track(m, "AU12L") + track(m, "AU12R")) / 2, expected, atol=1e-5)


def test_openface_frames_of_low_confidence_are_bridged(tmp_path) -> None:
    rows = smile()
    rows[9] = row(9, {"AU12": 0.0}, score=0.5)
    m = motion.read(tables.write(tables.table(rows, "openface"), tmp_path / "driver.csv"))
    np.testing.assert_allclose(track(m, "AU12L")[9], 4.5 * 9 / 20, atol=1e-5)


def test_openface_headers_have_spaces(tmp_path) -> None:
    path = tmp_path / "openface.csv"
    path.write_text(
        "frame, face_id, timestamp, confidence, success, AU12_r, AU12_c\n1, 0, 0.0, 0.98, 1, 1.5, 1.0\n2, 0, 0.04, 0.98, 1, 2.5, 1.0\n"
    )
    np.testing.assert_allclose(track(motion.read(path), "AU12R"), [1.5, 2.5])


@pytest.mark.parametrize("columns", ["mien", "pyfeat"])
def test_one_of_several_faces_is_chosen(tmp_path, columns: str) -> None:
    rows = [row(i, {"AU17": float(face + 1)}, face=face) for i in range(6) for face in (0, 1)]
    path = tables.write(tables.table(rows, columns), tmp_path / "two.csv")
    assert np.allclose(track(motion.read(path), "AU17"), 1.0)
    assert np.allclose(track(motion.read(path, face=1), "AU17"), 2.0)
    with pytest.raises(DataError, match=r"two\.csv has no frame where face 2 is sure and measured; it has face 0, 1"):
        motion.read(path, face=2)


def test_another_rate_keeps_the_time(tmp_path) -> None:
    path = tables.write(tables.table(smile(26)), tmp_path / "driver.csv")
    m = motion.read(path, fps=50.0)
    assert len(m) == 51
    assert m.duration == pytest.approx(1.0)
    np.testing.assert_allclose(track(m, "AU12L"), 5 * np.arange(51) / 52, atol=1e-3)


def test_keyframes_run_smoothly_through_their_own_keys(tmp_path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text("time,AU12,AU4L,AU26\n0,0,,\n\n1.0,3,2,\n2.0,3,,\n3,0,-1,0.5\n")
    m = motion.read(path, fps=10.0)
    assert len(m) == 31
    smiling, frown = track(m, "AU12L"), track(m, "AU04L")
    np.testing.assert_allclose(smiling[[0, 10, 20, 30]], [0, 3, 3, 0], atol=1e-9)
    np.testing.assert_allclose(smiling[10:21], 3.0)  # holds, does not overshoot
    assert (track(m, "AU12R") == smiling).all()
    np.testing.assert_allclose(frown[[0, 5, 10, 30]], [2, 2, 2, -1], atol=1e-9)
    assert (np.diff(frown[10:]) < 0).all()  # straight past the empty cell at 2 s
    assert (track(m, "AU04R") == 0).all()
    assert (track(m, "AU26") == 0.5).all()


def test_a_single_key_is_a_single_frame(tmp_path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text("time,AU12\n0,2\n")
    m = motion.read(path)
    assert len(m) == 1
    assert m.shift(0)["AU12"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has no line below its header"),
        ("time,AU12\n", r"has no line below its header"),
        ("when,AU12\n0,1\n", r"line 1: this is no motion: keyframes have columns time,AU12"),
        ("time,smile\n0,1\n", r"line 1: 'smile' is not an action unit"),
        ("time,AU99\n0,1\n", r"line 1: AU99 is not an action unit that mien knows"),
        ("time\n0\n", r"line 1: there is no action unit beside time"),
        ("time,AU12,AU12L\n0,1,1\n", r"line 1: AU12L is in two columns, AU12 and AU12L"),
        ("time,AU12\n0,1\n1,x\n", r"line 3: 'x' in column AU12 is not a number"),
        ("time,AU12\n0,1\n1,inf\n", r"line 3: 'inf' in column AU12 is not a number"),
        ("time,AU12\n0,1\n\n1,7\n", r"line 4: AU12=7: changes run from -5 to 5"),
        ("time,AU12\n1,1\n1,2\n", r"line 3: the time 1 does not come after 1"),
        ("time,AU12\n0,1\n,2\n", r"line 3: a key needs a time, in seconds"),
        ("time,AU12\n0,1,2\n", r"line 2: 3 cells under 2 columns"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "keys.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        motion.read(path)
    assert "keys.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_recordings_with_mistakes(tmp_path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("frame,timestamp,confidence,success,AU12_r\n1,0.0,1,1,1\n2,0.04,1,1,2\n3,0.02,1,1,2\n")
    with pytest.raises(DataError, match=r"line 4: timestamp is '0\.02': it must be a number, not below the line above"):
        motion.read(path)
    two = tables.table([tables.Row(f"{i}.jpg", (9, 9), None, frame=i) for i in range(2)])
    with pytest.raises(DataError, match="has the faces of 2 files: a motion needs the rows of one"):
        motion.read(tables.write(two, path))
    with pytest.raises(DataError, match=r"cannot read the motion .*missing"):
        motion.read(tmp_path / "missing.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="it is not text"):
        motion.read(tmp_path / "bytes.csv")


def test_a_long_recording(tmp_path) -> None:
    path = tables.write(tables.table([row(i, {"AU12": i % 5 + 0.0}) for i in range(300)]), tmp_path / "long.csv")
    m = motion.read(path)
    assert len(m) == 300
    assert set(np.round(track(m, "AU12L")).tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert m.changes.shape[1] == len(aus.AXES)
