"""Processes are killed on the way, of both crews: nothing is lost, nothing is there twice, and both write the same files."""

import os
import signal
import time
from pathlib import Path

import pytest


def writers(folder: Path) -> list[int]:
    """The processes that are writing a shard of a folder now."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = link.readlink()
        except OSError:  # it has ended, or is somebody else's
            continue
        if target.parent == folder and target.name.startswith(".shard-") and target.suffix == ".parquet":
            found.append(int(link.parts[2]))
    return found


def kill_one_at_work(process, folder, *, after):
    """Kill a process that is writing a shard, once `after` shards are there; how many were there then."""
    while len(list(folder.glob("shard-*"))) < after or not (busy := writers(folder)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    there = len(list(folder.glob("shard-*")))
    os.kill(busy[0], signal.SIGKILL)
    return there


@pytest.mark.slow
def test_a_worker_of_each_crew_is_killed(pictures, mien, tmp_path):
    """2,000 pictures by Ray, the first 400 by processes too."""
    pictures.make(2000)
    for name, photos, count, crew in (("by_ray", "photos", 2000, ["--ray"]), ("by_processes", "photos/0[0-3]*.png", 400, [])):
        folder = tmp_path / name
        run = mien("read", photos, "-o", folder, "--workers", 2, "--shard", 50, *crew)
        assert kill_one_at_work(run, folder, after=count // 200) < count // 50
        out, told = run.communicate()
        assert (run.returncode, f"1 of {count} inputs failed" in told) == (3, True), told
        assert f"{count // 20} faces in {count - 1} pictures" in out
        pictures.check_all_once(folder, count)
    assert len(list((tmp_path / "by_ray").glob("shard-*"))) == 40
    for path in (tmp_path / "by_processes").glob("shard-*"):
        assert path.read_bytes() == (tmp_path / "by_ray" / path.name).read_bytes(), path.name


def test_the_whole_run_is_killed_and_started_again(pictures, mien, tmp_path):
    pictures.make(200)
    folder, words = Path(tmp_path / "shards"), ["read", "photos", "-o", "shards/", "--workers", 1, "--shard", 20]
    first = mien(*words)
    while len(list(folder.glob("shard-*"))) < 3:
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    first.kill()
    first.communicate()
    before = {path: path.stat().st_mtime_ns for path in sorted(folder.glob("shard-*"))[:2]}
    assert not (folder / "_manifest.json").exists()
    again = mien(*words)
    assert (again.communicate(), again.returncode)[1] == 3
    pictures.check_all_once(folder, 200)
    assert {path: path.stat().st_mtime_ns for path in before} == before
