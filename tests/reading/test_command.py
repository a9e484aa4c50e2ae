"""What `mien read` prints, draws and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

import mien
from mien import registry
from mien.cli import main
from mien.cli.lines import Lines
from mien.errors import UsageError
from mien.faces.align import Square
from mien.tables import Row
from mien.types import Face, Presence, Reading

from .conftest import Network


class Seeing(Network):
    """A network that shows where it sees units."""

    def heatmaps(self, crops):
        return [{unit: np.full((8, 8), 0.5, np.float32) for unit in self.detects} for _ in crops]

    def placed(self, crop):
        return Square.around(crop.face.landmarks)


@pytest.fixture
def read(monkeypatch, capsys, tmp_path):
    """``read("--json", reader=...)`` in a folder of its own: exit code, stdout, stderr, and the options that the reader was built with."""
    monkeypatch.chdir(tmp_path)

    def run(*words, reader=None):
        given = []
        if reader is not None:
            monkeypatch.setattr(registry, "reader", lambda name, **options: given.append((name, options)) or reader)
        with pytest.raises(SystemExit) as end:
            main(["read", *map(str, words)])
        return end.value.code, *capsys.readouterr(), given

    return run


def test_the_weights_that_are_named_are_those_of_the_reader(read, clip):
    path = clip(2)
    code, _, _, given = read(path, "--reader", "network", "--weights", "~/a.safetensors", reader=Network())
    assert code == 0
    assert given == [("network", {"weights": Path("~/a.safetensors").expanduser()})]


def test_a_reader_without_a_network_takes_no_weights(read, clip):
    with pytest.raises(UsageError, match="the reader geometry has no weights"):
        mien.read(clip(2), weights="a.safetensors")
    code, _, err, _ = read("clip.mp4", "--weights", "a.safetensors")
    assert (code, err.count("\n")) == (2, 1) and "the reader geometry has no weights" in err


def test_of_units_that_have_no_strength_the_probability_is_printed(read, clip):
    code, out, _, _ = read(clip(2), reader=Network())
    head = next(line for line in out.splitlines() if "face" in line)
    assert code == 0
    assert "units, probability" in head and "0..5" not in head
    assert "AU12=.93" in out


def test_the_likeliest_units_that_are_there_are_told_first(capsys, drawn):
    said = {"AU01": (0.7, True), "AU12": (1.0, True), "AU25": (0.999, True), "AU04": (0.6, False), "AU06": (0.031, True)}
    reading = Reading(drawn.face, _nothing(), {}, (0.0, 0.0, 0.0), {unit: Presence(*told) for unit, told in said.items()})
    lines = Lines(Network(), None)
    lines.add([Row("a.png", (9, 9), reading)])
    lines.say()
    assert "AU12=1.00 AU25=1.00 AU1=.70 AU6=.03" in capsys.readouterr().out


def _nothing():
    from mien.aus import AUVector

    return AUVector.of({}, others=np.nan)


def test_a_document_has_the_rows_of_all_inputs(read, clip):
    first, second = clip(3, "1.mp4"), clip(2, "2.mp4")
    _, out, _, _ = read(first, second, "--json", reader=Network())
    rows = json.loads(out)
    assert [(Path(row["file"]).name, row["frame"]) for row in rows] == [
        ("1.mp4", 0),
        ("1.mp4", 1),
        ("1.mp4", 2),
        ("2.mp4", 0),
        ("2.mp4", 1),
    ]
    assert rows[0]["AU12_p"] == 0.93 and rows[0]["AU12_c"] == 1 and rows[0]["AU12"] is None


def test_plots_are_drawn_of_videos_and_photos_and_of_where_units_are_seen(read, clip, drawn_file, monkeypatch):
    path = clip(3)
    code, _, err, _ = read(path, drawn_file, "--plot", "out", reader=Seeing())
    assert code == 0, err
    assert sorted(each.name for each in Path("out").iterdir()) == ["clip.0.mien.png", "face.0.heatmaps.mien.png", "face.mien.png"]
    assert err.splitlines() == [f"plot: out/{name}" for name in ("clip.0.mien.png", "face.mien.png", "face.0.heatmaps.mien.png")]


def test_landmarks_of_a_video_are_not_kept_for_its_plot(drawn):
    from mien.cli.drawing import _slim

    row = Row("a.mp4", (9, 9), Reading(Face((1.0, 1.0, 2.0, 2.0), 1.0, drawn.face.landmarks), _nothing(), {}, (1.0, 2.0, 3.0)))
    slim = _slim(row)
    assert slim.reading.face is _slim(row).reading.face is not row.reading.face
    assert slim.reading.angles == (1.0, 2.0, 3.0)
