"""A video whose reading was stopped goes on where it was, and the table is the same as if it had not been."""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mien as package
from mien import registry, tables
from mien.api.reading import batches, read_each
from mien.api.sources import clips
from mien.api.spooling import Spool, beside
from mien.cli import main
from mien.errors import DataError

from .conftest import GONE, Network


def into(out, path, reader, *, stop=None):
    """Read a video into a table as the command does, interrupted after `stop` frames; what was told."""
    told, frames = [], iter(range(1, 10**6))

    def on_picture():
        if next(frames) == stop:
            raise KeyboardInterrupt

    with beside(out, told.append) as spool, tables.writing(out, tables.table([], "mien", reader)) as write:
        for rows in batches(read_each(clips(path), reader, None, on_picture, spool)):
            write(tables.table(rows, "mien", reader))
    return told


def reader_of(kind):
    return Network() if kind == "network" else registry.reader(kind)


@pytest.mark.parametrize(("kind", "suffix"), [("geometry", "parquet"), ("network", "parquet"), ("network", "csv")])
def test_a_table_that_was_interrupted_twice_equals_one_that_was_not(clip, tmp_path, kind, suffix):
    path = clip(61)
    whole, out = tmp_path / f"whole.{suffix}", tmp_path / f"out.{suffix}"
    assert into(whole, path, reader_of(kind)) == []
    clip.seen.looked.clear()
    for stop in (21, 20):
        with pytest.raises(KeyboardInterrupt):
            into(out, path, reader_of(kind), stop=stop)
        assert not out.exists()
    told = into(out, path, reader_of(kind))
    assert told == [f"{path}: goes on after the 32 frames in {out}.partial"]
    assert out.read_bytes() == whole.read_bytes()
    again = [frame for frame in range(61) if frame not in GONE and clip.seen.looked.count(frame) > 1]
    assert set(again) <= {16, 17, 18, *range(32, 36), 25, 50}, "25 and 50 are searched besides"
    assert sorted(tmp_path.glob("*.partial")) == []


def test_an_interruption_says_that_the_same_command_goes_on(clip, tmp_path):
    path, told = clip(20), []
    with pytest.raises(KeyboardInterrupt), beside(tmp_path / "a.csv", told.append) as spool:
        for _ in read_each(clips(path), Network(), None, None, spool):
            raise KeyboardInterrupt
    assert told == [f"{tmp_path / 'a.csv.partial'} has what was read of videos: the same command goes on"]


def test_nothing_is_taken_from_another_version_of_the_video_or_another_reader(clip, tmp_path):
    path, out = clip(30), tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt):
        into(out, path, Network(), stop=20)
    clip(31)
    with pytest.raises(KeyboardInterrupt):
        into(out, path, Network(), stop=20)
    told = into(out, path, registry.reader("geometry"))
    assert told == [f"{path}: is read anew: the reader changed since it was begun"]
    assert len(pd.read_csv(out)) == 31


def test_what_changed_is_told_by_name(clip, tmp_path, monkeypatch):
    path, out, told = clip(20), tmp_path / "a.csv", []
    (tmp_path / "one.safetensors").write_bytes(b"1")
    network = Network()
    network.path = tmp_path / "one.safetensors"
    with pytest.raises(KeyboardInterrupt):
        into(out, path, network, stop=10)
    clip(21)
    network.path.write_bytes(b"22")
    monkeypatch.setattr(package, "__version__", "0.0.0")
    told = into(out, path, network)
    assert told == [f"{path}: is read anew: the video and its weights and mien changed since it was begun"]


def test_a_state_without_its_rows_counts_for_nothing(clip, tmp_path):
    path, out = clip(30), tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt):
        into(out, path, Network(), stop=20)
    (rows,) = (tmp_path / "a.csv.partial").glob("*.rows")
    rows.write_bytes(rows.read_bytes()[:1000])
    assert into(out, path, Network()) == []
    assert pd.read_csv(out).frame.tolist() == list(range(30))


def test_a_part_that_was_half_written_is_cut_off(clip, tmp_path):
    path, out, whole = clip(30), tmp_path / "a.csv", tmp_path / "whole.csv"
    into(whole, path, Network())
    with pytest.raises(KeyboardInterrupt):
        into(out, path, Network(), stop=20)
    (rows,) = (tmp_path / "a.csv.partial").glob("*.rows")
    with rows.open("ab") as file:
        file.write(b"half a row")
    into(out, path, Network())
    assert out.read_bytes() == whole.read_bytes()


def test_videos_that_were_finished_are_not_looked_at_again(clip, tmp_path):
    first, second, out = clip(10, "1.mp4"), clip(30, "2.mp4"), tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt):
        into(out, [first, second], Network(), stop=30)
    clip.seen.looked.clear()
    told = into(out, [first, second], Network())
    assert told == [f"{path}: goes on after the {count} frames in {out}.partial" for path, count in ((first, 10), (second, 16))]
    assert min(clip.seen.looked) == 16
    assert len(pd.read_csv(out)) == 40


def test_two_runs_cannot_fill_one_spool(tmp_path):
    first = Spool(tmp_path / "a", "a.mp4", Network(), {})
    with pytest.raises(DataError, match="a is being written by another run"):
        Spool(tmp_path / "a", "a.mp4", Network(), {})
    first.close()


def test_what_else_is_in_the_folder_stays(clip, tmp_path):
    (tmp_path / "a.csv.partial").mkdir()
    (tmp_path / "a.csv.partial" / "mine.txt").write_text("mine")
    into(tmp_path / "a.csv", clip(3), Network())
    assert [path.name for path in (tmp_path / "a.csv.partial").iterdir()] == ["mine.txt"]


@contextmanager
def interrupted(monkeypatch, frame):
    """Ctrl-C while a frame is looked for."""
    from mien.faces import landmarks

    with monkeypatch.context() as patch:
        real = landmarks.track
        patch.setattr(landmarks, "track", lambda photo, old: stop() if round(25 * photo.time) == frame else real(photo, old))

        def stop():
            raise KeyboardInterrupt

        yield


def test_the_command_goes_on_and_says_so(clip, tmp_path, monkeypatch, capsys):
    words = ["read", str(clip(40)), "-o", "faces.parquet"]
    monkeypatch.chdir(tmp_path)
    with interrupted(monkeypatch, 26), pytest.raises(SystemExit) as end:
        main(words)
    told = "faces.parquet.partial has what was read of videos: the same command goes on\n"
    assert (end.value.code, capsys.readouterr().err) == (130, told)
    assert not Path("faces.parquet").exists()
    state = json.loads(next(Path("faces.parquet.partial").glob("*.json")).read_text())
    assert state["rows"] == 24
    with pytest.raises(SystemExit) as end:
        main(words)
    out, err = capsys.readouterr()
    assert end.value.code == 0
    assert "clip.mp4: goes on after the 24 frames in faces.parquet.partial" in err and "out: faces.parquet" in err
    assert "and 28 rows more: 36 faces in 40 pictures, all of them in faces.parquet" in out
    assert not Path("faces.parquet.partial").exists()
    assert np.array_equal(pd.read_parquet("faces.parquet").frame, np.arange(40))
