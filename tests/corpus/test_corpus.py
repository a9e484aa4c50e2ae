"""Reading into a folder of shards: what is in it, and how it is gone on with."""

import hashlib
import json
import shutil
import tracemalloc
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mien as package
from mien import images
from mien.api.corpus import Corpus, ShardReader, read_corpus
from mien.api.crews import in_processes
from mien.api.sources import clips
from mien.cli import main
from mien.data.shardfolder import ShardFolder
from mien.errors import DataError, UsageError


class Here:
    """A crew of this process alone, that leaves after `most` tasks; `done` has their inputs."""

    def __init__(self, most=10**9):
        self.most, self.done = most, []

    def __call__(self, build, tasks, workers):
        work = build()
        for number, task in enumerate(tasks):
            if number == self.most:
                raise KeyboardInterrupt
            self.done.append(json.loads(task)["files"])
            yield work(task)


def fill(crew=None, *, folder="shards", size=10, sources="photos", **corpus):
    crew = crew or Here()
    return read_corpus(clips(sources), Corpus(Path(folder), **corpus), crew=crew, size=size), crew


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).glob("*.parquet")}


@pytest.mark.parametrize("columns", ["mien", "pyfeat"])
def test_the_rows_are_those_of_read(pictures, columns: str):
    pictures.make(12)
    tally, _ = fill(columns=columns)
    failures = []
    table = package.read("photos", columns=columns, failures=failures)
    found, name = pd.read_parquet("shards"), "file" if columns == "mien" else "input"
    assert (list(found), found[name].tolist()) == (list(table), table[name].tolist())
    pd.testing.assert_frame_equal(found.select_dtypes("number"), table.select_dtypes("number"))
    assert (tally.inputs, tally.pictures, tally.rows, tally.faces) == (12, 11, 11, 1)
    assert [(failure.file, str(failure.error)) for failure in failures] == list(tally.failures.items())


def test_the_manifest_says_what_each_shard_holds(pictures):
    pictures.make(25)
    fill()
    manifest = json.loads(Path("shards/_manifest.json").read_text())
    assert manifest["total"] == {"shards": 3, "inputs": 25, "pictures": 24, "rows": 24, "faces": 2, "failures": 1}
    assert {shard["file"]: shard["sha256"] for shard in manifest["shards"]} == digests("shards")
    assert [(shard["inputs"], shard["rows"], shard["failures"]) for shard in manifest["shards"]] == [(10, 9, 1), (10, 10, 0), (5, 5, 0)]
    assert [shard["rows"] for shard in manifest["shards"]] == [
        len(pd.read_parquet(path)) for path in sorted(Path("shards").glob("*.parquet"))
    ]


def test_a_reader_with_weights_of_ones_own_fills_shards_with_its_columns(pictures, reader_files):
    pictures.make(3)
    mine, other = (shutil.copy(reader_files / f"{name}.safetensors", f"{name}.safetensors") for name in ("graphau", "fgnet"))
    tally, _ = fill(reader="graphau", weights=Path(mine), size=2)
    assert (tally.pictures, tally.faces) == (3, 1)
    for shard in Path("shards").glob("*.parquet"):  # the second has no face
        assert {"AU12_p", "AU12_c", "AU12L_p", "AU19_c"} <= set(pd.read_parquet(shard))
    assert pd.read_parquet("shards").AU12_p.between(0, 1).sum() == 1
    weights = json.loads(Path("shards/_manifest.json").read_text())["weights"]
    assert weights.endswith(f" {hashlib.sha256(Path(mine).read_bytes()).hexdigest()[:12]}")
    with pytest.raises(DataError):
        fill(reader="fgnet", weights=Path(other))
    with pytest.raises(UsageError, match="the reader geometry has no weights"):
        fill(folder="new", weights=Path(mine))
    assert not Path("new").exists()


def test_a_run_that_was_stopped_goes_on(pictures):
    pictures.make(45)
    with pytest.raises(KeyboardInterrupt):
        fill(first := Here(2))
    assert not Path("shards/_manifest.json").exists()
    tally, second = fill()
    assert sorted(chain(*first.done, *second.done)) == [pictures.name(number) for number in range(45)]
    assert len(second.done) == 3
    pictures.check_all_once(Path("shards"), 45)
    fill(folder="whole")
    assert digests("shards") == digests("whole")
    assert Path("shards/_manifest.json").read_text() == Path("whole/_manifest.json").read_text()
    again, third = fill()
    assert (third.done, again) == ([], tally)


def test_what_is_new_or_changed_or_gone_is_read_and_nothing_else(pictures):
    pictures.make(30)
    fill()
    before = digests("shards")
    shutil.copy(pictures.name(1), pictures.name(pictures.broken))  # mended
    shutil.copy(pictures.name(0), "photos/new.png")
    Path("shards/shard-000001.parquet").unlink()
    tally, crew = fill()
    assert [files[0] for files in crew.done] == [pictures.name(0), pictures.name(10), "photos/new.png"]
    assert (tally.inputs, tally.rows, tally.faces, len(tally.failures)) == (31, 31, 3, 0)
    assert pictures.rows(Path("shards"))["file"].tolist() == [*(pictures.name(number) for number in range(30)), "photos/new.png"]
    after = digests("shards")
    assert [after[name] == before[name] for name in before] == [name != "shard-000000.parquet" for name in before]


def test_rows_of_pictures_that_are_gone_or_not_asked_for_stay(pictures):
    pictures.make(20)
    fill()
    Path(pictures.name(3)).unlink()
    tally, crew = fill(sources="photos/001*.png")
    assert (crew.done, tally.inputs) == ([], 20)


def test_names_that_no_table_can_hold_are_failures(pictures):
    pictures.make(2)
    odd = "photos/\udcff.png"
    shutil.copy(pictures.name(1), odd)
    tally, _ = fill()
    assert (tally.rows, list(tally.failures)) == (2, [odd])
    assert "is not UTF-8" in Path("shards/_failures.csv").read_text()


def test_no_bug_at_one_picture_ends_the_work_on_the_others(pictures, monkeypatch):
    pictures.make(5)
    real = images.read
    monkeypatch.setattr(images, "read", lambda path: 1 // 0 if "0003" in str(path) else real(path))
    tally, _ = fill()
    assert [(file, "this is a bug of mien: ZeroDivisionError" in why) for file, why in tally.failures.items()] == [(pictures.name(3), True)]
    assert tally.rows == 4


def test_a_video_counts_as_many_pictures(pictures, monkeypatch):
    pictures.make(6)
    Path("photos/0002.mp4").write_bytes(bytes(200_000))
    Path("photos/0004.mp4").write_bytes(bytes(10))
    tally, crew = fill(size=5)
    assert [len(files) for files in crew.done] == [3, 5]
    assert list(tally.failures) == ["photos/0002.mp4", "photos/0004.mp4"]


def test_pictures_are_not_kept(tmp_path, monkeypatch):
    """Reading five times as many pictures takes no more memory."""
    monkeypatch.chdir(tmp_path)
    Path("shards").mkdir()
    for number in range(20):
        images.write(np.full((240, 360, 3), number, np.uint8), tmp_path / f"{number:02d}.png")
    read, peaks = ShardReader(Corpus(tmp_path / "shards"), str(tmp_path)), []
    for shard, count in enumerate((4, 4, 20)):
        tracemalloc.start()
        read(json.dumps({"number": shard, "files": [f"{number:02d}.png" for number in range(count)]}))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 2 * 240 * 360 * 3


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"columns": "pyfeat"}, DataError, "_ledger.tar was left by a run with .*mien.*pyfeat.*delete it"),
        ({"folder": "photos"}, DataError, "photos has other things in it: name a new or empty folder"),
        ({"folder": "photos/0000.png"}, DataError, "is a file, not a folder"),
        ({"columns": "openface"}, UsageError, "openface do not say which file a row is of"),
        ({"reader": "geometri"}, UsageError, "did you mean 'geometry'"),
    ],
)
def test_wrong_use_is_told_in_a_line_before_the_work(pictures, change: dict, error, says: str):
    pictures.make(1)
    fill()
    with pytest.raises(error, match=says):
        fill(**change)


def test_two_runs_cannot_fill_one_folder(tmp_path):
    first = ShardFolder(tmp_path, {})
    with pytest.raises(DataError, match="is being written by another run"):
        ShardFolder(tmp_path, {})
    first.close()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-o", "faces.csv", "--ray"], 2, "--ray, --workers and --shard write Parquet shards into a folder"),
        (["--workers", "2"], 2, "name it with -o, as in -o shards/"),
        (["-o", "shards/", "--json"], 2, "--json and --plot go with one table"),
        (["-o", "shards/", "--workers", "0"], 2, "--workers"),
        (["-o", "shards/", "--ray"], 2, "pip install 'mien[ray]'"),
        (["-o", "tables/", "nowhere.png"], 3, "1 of 4 inputs failed, the others are done; tables/_failures.csv has them"),
        (["-o", "photos/"], 1, "photos has other things in it"),
    ],
)
def test_the_command_line_tells_what_is_wrong(pictures, monkeypatch, capsys, words: list, code: int, says: str):
    pictures.make(3)
    monkeypatch.setattr("mien.api.crews.in_processes", Here())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ray" else object())
    with pytest.raises(SystemExit) as end:
        main(["read", "photos", *words])
    assert (end.value.code, says in capsys.readouterr().err) == (code, True)


FATAL = """
import os, signal
from mien import images

def build(inner):
    work, real = inner(), images.read
    def read(path):
        if "0013" in str(path):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path)
    images.read = read
    return work

def stillborn():
    os._exit(9)
"""


@pytest.fixture
def fatal(tmp_path, monkeypatch):
    """A module that processes can import."""
    (tmp_path / "fatal.py").write_text(FATAL)
    monkeypatch.syspath_prepend(tmp_path)
    import fatal

    return fatal


def test_an_input_at_which_processes_die_is_given_up(pictures, fatal):
    pictures.make(30)
    tally, _ = fill(lambda build, tasks, workers: in_processes(partial(fatal.build, build), tasks, 2))
    assert [(file, "3 processes died" in why) for file, why in tally.failures.items()] == [
        (pictures.name(pictures.broken), False),
        (pictures.name(13), True),
    ]
    assert pictures.rows(Path("shards"))["file"].tolist() == [
        pictures.name(number) for number in range(30) if number not in (pictures.broken, 13)
    ]
    assert list(Path("shards").glob(".shard*")) == []


def test_processes_that_cannot_begin_are_not_started_for_ever(fatal):
    with pytest.raises(package.errors.MienError, match=r"ended before it could begin \(exit code 9\)"):
        list(in_processes(fatal.stillborn, ["a", "b"], 2))
