"""Videos become tables: in order, whatever is in them, in memory that does not grow."""

import warnings
import weakref

import numpy as np
import pytest

import mien
from mien import registry, video
from mien.api import spooling
from mien.api.following import slim
from mien.api.reading import TOGETHER, batches, read_each
from mien.api.sources import clips
from mien.errors import VideoError
from mien.readers import geometry
from mien.tables import Row

from .conftest import GONE, PART


def parts_of(path, reader, **options):
    return list(read_each(clips(path), reader, **options))


def test_every_frame_is_a_row_in_its_order_with_and_without_a_face(clip):
    table = mien.read(clip(30))
    assert table.frame.tolist() == list(range(30))
    np.testing.assert_allclose(table.time, np.arange(30) / 25, atol=1e-3)
    assert np.flatnonzero(table.score.isna()).tolist() == list(GONE)
    assert table.face.unique().tolist() == [0]
    assert table.AU12.notna().tolist() == table.score.notna().tolist()


def test_times_are_those_of_the_stamps(clip, tmp_path):
    times = [0, 0.04, 0.36, 0.4, 1.2]
    with video.Writer(tmp_path / "slow.mp4", (64, 48), 25) as writer:
        for time in times:
            writer.add(np.full((48, 64, 3), 90, np.uint8), time=time)
    table = mien.read(tmp_path / "slow.mp4")
    np.testing.assert_allclose(table.time, times, atol=1e-3)
    assert table.frame.tolist() == [0, 1, 2, 3, 4]


def test_a_sequence_is_read_as_a_whole_though_it_is_kept_in_parts(clip):
    path, reader = clip(40), registry.reader("geometry")
    parts = parts_of(path, reader)
    assert [len(rows) for rows in parts] == [PART] * 5
    faces = [row.reading.face for rows in parts for row in rows if row.reading is not None]
    whole = list(reader.measure_sequence([slim(face) for face in faces]))
    assert [row.reading.aus for rows in parts for row in rows if row.reading is not None] == [reading.aus for reading in whole]


def test_faces_of_several_frames_are_measured_together(clip, network, monkeypatch):
    monkeypatch.setattr("mien.api.reading.PART", 100)
    rows = [row for part in parts_of(clip(60), network) for row in part]
    assert network.batches == [TOGETHER] * 3 + [60 - len(GONE) - 3 * TOGETHER]
    told = [row.reading for row in rows if row.reading is not None]
    assert [reading.presence["AU01"].probability for reading in told] == pytest.approx(
        [reading.face.landmarks[0, 0] % 1 for reading in told], abs=1e-4
    )
    assert told[0].presence["AU12"] == (0.93, True, 0.1) and told[0].angles == (1.0, 2.0, 3.0) and not told[0].emotions
    assert all(np.isnan(reading.aus.values).all() for reading in told)


@pytest.mark.parametrize("frames", [80, 240])
@pytest.mark.parametrize("reader", ["geometry", "network"])
def test_what_is_kept_does_not_grow_with_the_video(clip, network, reader, frames, monkeypatch):
    """Faces and pictures in memory are counted while frames are looked at, and faces while rows come."""
    monkeypatch.setattr(geometry, "MET", 24)
    monkeypatch.setattr(geometry, "_TOGETHER", PART)
    taken, made = weakref.WeakSet(), spooling._face
    most = 0

    def counted(record):
        nonlocal most
        face = made(record)
        taken.add(face)
        most = max(most, len(taken))
        return face

    monkeypatch.setattr(spooling, "_face", counted)
    rows = sum(len(part) for part in read_each(clips(clip(frames)), network if reader == "network" else registry.reader(reader)))
    assert rows == frames
    assert clip.seen.most <= 3 * PART and clip.seen.most_photos <= 3
    assert most <= 24 + 4 * PART


def test_a_video_that_breaks_off_is_one_warning_and_the_rows_until_there(clip, monkeypatch):
    path = clip(60)
    real = video.frames

    def broken(file, start=0):
        yield from (photo for photo in real(file, start=start) if photo.time < 1.19)
        raise VideoError(f"{file}: the frame changes from 64 x 48 to 48 x 48 pixels")

    monkeypatch.setattr(video, "frames", broken)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = mien.read(path)
    assert table.frame.tolist() == list(range(30))
    (warning,) = caught
    assert warning.category is video.DamagedVideo
    assert str(warning.message) == f"{path}: the frame changes from 64 x 48 to 48 x 48 pixels; the 30 frames before are read"


def test_a_video_without_any_frame_is_a_failure(clip, tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"\0" * 4000)
    failures = []
    assert len(mien.read([clip(3), tmp_path / "empty.mp4"], failures=failures)) == 3
    (failure,) = failures
    assert "empty.mp4" in str(failure.error)


def test_rows_are_gathered_until_they_make_a_group():
    def sizes(*parts):
        return [len(rows) for rows in batches([[Row("a.png", (9, 9), None)] * count for count in parts])]

    assert sizes(1, 5, 3, 20, 2) == [31]
    assert sizes(500, 20, 3) == [520, 3]
    assert sizes(0, 0) == []
