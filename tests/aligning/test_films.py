"""A folder of photos and films: every frame of every face, whether or not the work was stopped on the way."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mien import images
from mien.api.aligning import Settings, align_each
from mien.api.sources import clips
from mien.data.sources import open_source
from mien.video import Writer

COMMAND = [sys.executable, "-c", "import sys; from mien.cli import main; main(sys.argv[1:])"]


@pytest.fixture(scope="module")
def mixed(drawn, drawn_smile, tmp_path_factory):
    """A photo, a film of the same name, one below with a frame that shows nobody, and half a film."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "below").mkdir()
    images.write(drawn.photo.rgb, folder / "a.png")
    blank = np.full_like(drawn.photo.rgb, 90)
    for name, frames in (("a.mp4", [drawn, drawn_smile, drawn]), ("below/a.MP4", [drawn_smile, None, drawn_smile])):
        with Writer(folder / name.lower(), drawn.photo.size, 10) as film:
            for frame in frames:
                film.add(blank if frame is None else frame.photo.rgb)
        (folder / name.lower()).rename(folder / name)
    (folder / "half.mp4").write_bytes((folder / "a.mp4").read_bytes()[:2000])
    return folder


@pytest.fixture(scope="module")
def finished(mixed, tmp_path_factory):
    failures = []
    out = tmp_path_factory.mktemp("out") / "faces.zip"
    tally = align_each(clips(str(mixed), failures), out, Settings.of("ffhq", 64), failures)
    assert (tally.inputs, tally.done, tally.faces, tally.without) == (3, 3, 6, 1)
    assert [failure.file for failure in failures] == [str(mixed / "half.mp4")]
    return out


def test_films_and_photos_of_one_name_keep_their_own_crops(finished):
    names = open_source(finished).names
    assert len(names) == len(set(names)) == 6
    assert sum(name.count(".") == 3 for name in names) == 1  # the photo's has no number of a frame


def test_killed_on_the_way_it_ends_as_if_it_had_not_been(finished, mixed, tmp_path):
    """Killed when a third of the pictures are there, and when two thirds are; the last run is left alone."""
    out, ledger = tmp_path / "faces.zip", tmp_path / ".faces.zip.ledger"
    command = [*COMMAND, "data", "faces", str(mixed), "-o", str(out), "--size", "64"]
    for share in (1 / 3, 2 / 3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and (ledger.stat().st_size if ledger.exists() else 0) < share * finished.stat().st_size:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists()
    last = subprocess.run(command, check=False, capture_output=True, text=True)
    assert last.returncode == 3 and "half.mp4: no frame of it can be decoded" in last.stderr
    assert "6 faces of 3 files, 0 of these" not in last.stderr
    assert out.read_bytes() == finished.read_bytes()
    assert list(tmp_path.iterdir()) == [out]
