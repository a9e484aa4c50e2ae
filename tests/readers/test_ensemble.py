"""The reader `ensemble`: means of what its members say, how far they are apart, and whom it finds on a machine."""

import math
import shutil
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest

from mien import artefacts, images, registry, weights
from mien.aus import AXES, AUVector
from mien.cli import main
from mien.cli.lines import Lines
from mien.errors import NoWeightsError, UsageError, WeightsError
from mien.faces import align
from mien.protocols import DetectingReader, EnsembleReader, SequenceReader, TwofoldReader
from mien.readers.ensemble import Ensemble, Pool, build
from mien.tables import Row, table
from mien.types import CropSpec, Presence, Reading


@dataclass
class Member:
    """Says the same of every face."""

    strong: dict = field(default_factory=dict)
    likely: dict = field(default_factory=dict)
    thresholds: dict = field(default_factory=dict)
    emotions: dict = field(default_factory=dict)
    name: str = "member"

    def __post_init__(self):
        self.thresholds = dict.fromkeys(self.likely, 0.5) | self.thresholds
        self.detects, self.measures = tuple(self.likely), frozenset(self.strong)

    def measure(self, crops):
        presence = {unit: Presence(p, p >= self.thresholds[unit]) for unit, p in self.likely.items()}
        return [Reading(crop.face, AUVector.of(self.strong, others=math.nan), self.emotions, (1.0, 2.0, 3.0), presence) for crop in crops]

    def measure_sequence(self, crops):
        raise NotImplementedError


@pytest.fixture(scope="module")
def crops(drawn, drawn_smile):
    return [align.cut(render.photo, render.face, CropSpec()) for render in (drawn, drawn_smile)]


def said_by(crops, *members):
    return Ensemble(members[0], members[1:]).measure(crops)[0]


def test_an_intensity_is_the_mean_of_those_that_measure_it(crops):
    """Of 1, 2 and 4.5 the mean is 2.5, and the deviations are -1.5, -0.5 and 2."""
    members = Member({"AU25": 1.0, "AU17": 3.0}), Member({"AU25": 2.0, "AU12L": 0.0}), Member({"AU25": 4.5, "AU12L": 5.0})
    reading = said_by(crops, *members)
    assert reading.aus["AU25"] == 2.5 and reading.spread["AU25"] == pytest.approx(math.sqrt(6.5 / 3))
    assert reading.aus["AU17"] == 3 and reading.aus["AU12L"] == 2.5 and reading.spread["AU12L"] == 2.5
    assert set(reading.spread) == {"AU25", "AU12L"}, "one alone is not apart from anybody"
    assert all(math.isnan(reading.aus[axis]) for axis in AXES if axis not in ("AU25", "AU17", "AU12L"))


def test_a_probability_is_the_mean_of_those_that_detect_the_unit(crops):
    reading = said_by(crops, Member({"AU17": 1.0}), Member(likely={"AU12": 0.9, "AU04": 0.2}), Member(likely={"AU12": 0.3, "AU19": 0.7}))
    assert list(reading.presence) == ["AU12", "AU04", "AU19"]
    assert reading.presence["AU12"] == (pytest.approx(0.6), True, pytest.approx(0.3))
    for unit, probability, present in (("AU04", 0.2, False), ("AU19", 0.7, True)):
        assert reading.presence[unit][:2] == (probability, present) and math.isnan(reading.presence[unit].spread)


@pytest.mark.parametrize(("one", "other", "present"), [(0.25, 0.55, True), (0.15, 0.55, False), (0.0, 0.8, True), (0.4, 0.39, False)])
def test_a_unit_is_there_from_the_mean_of_thresholds_on(crops, one, other, present):
    """0.2 and 0.6: who is far above its own threshold outvotes who is a little below."""
    first = Member(likely={"AU12": one}, thresholds={"AU12": 0.2})
    reader = Ensemble(Member(), (first, Member(likely={"AU12": other}, thresholds={"AU12": 0.6})))
    assert reader.thresholds == {"AU12": pytest.approx(0.4)} and isinstance(reader, DetectingReader)
    assert reader.measure(crops)[0].presence["AU12"].present is present


def test_emotions_and_angles_are_of_the_first_that_tells_them(crops):
    reading = said_by(crops, Member(), Member(emotions={"anger": 1.0}), Member(emotions={"fear": 1.0}))
    assert reading.emotions == {"anger": 1.0} and reading.angles == (1.0, 2.0, 3.0) and reading.face is crops[0].face


def test_members_of_members_count_like_all_others(crops):
    """However readers are put together, the numbers are those of one pool."""
    draw = np.random.default_rng(0)
    members = [
        Member({"AU25": draw.uniform(0, 5), "AU12R": draw.uniform(0, 5)}, {"AU12": draw.uniform(), "AU25": draw.uniform()})
        for _ in range(4)
    ]
    flat, nested, deep = Pool(*members), Ensemble(members[0], members[1:]), Pool(Pool(*members[:2]), Pool(*members[2:]))
    for reader in (nested, deep):
        assert reader.members == flat.members and reader.thresholds == flat.thresholds
        one, other = flat.measure(crops)[0], reader.measure(crops)[0]
        np.testing.assert_allclose(other.aus.values, one.aus.values)
        assert other.spread == pytest.approx(one.spread) and min(one.spread.values()) > 0
        for unit, presence in one.presence.items():
            assert other.presence[unit] == pytest.approx(presence) and presence.spread > 0


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """The folder of weights of a machine that has none, nor had."""
    registry._built.cache_clear()
    monkeypatch.setattr(artefacts, "weight_files", partial(artefacts.weight_files, folders=(tmp_path / "weights",)))
    (tmp_path / "weights").mkdir()
    yield tmp_path / "weights"
    registry._built.cache_clear()


def test_all_whose_weights_are_here_are_members(machine, reader_files):
    shutil.copy(reader_files / "graphau.safetensors", machine)
    assert [member.name for member in build().members] == ["geometry", "graphau"]
    shutil.copy(reader_files / "fgnet.safetensors", machine)
    registry._built.cache_clear()
    reader = registry.reader("ensemble")
    assert [member.name for member in reader.members] == ["geometry", "fgnet", "graphau"] and reader.name == "ensemble"
    assert isinstance(reader, EnsembleReader) and isinstance(reader, TwofoldReader) and not isinstance(reader, SequenceReader)
    assert reader.sequence.name == "geometry" and [member.name for member in reader.single.members] == ["fgnet", "graphau"]


def test_one_reader_alone_is_nothing_to_combine(machine):
    with pytest.raises(NoWeightsError, match=r"geometry alone is usable on this machine, .* `mien weights import` .* --reader geometry"):
        build()


def test_wrong_weights_are_no_missing_ones(machine, reader_files):
    stored = weights.load(reader_files / "graphau.safetensors")
    tensors = {name: tensor for name, tensor in stored.tensors.items() if not name.startswith("grades")}
    weights.save(machine / "graphau.safetensors", tensors, stored.config)
    with pytest.raises(WeightsError, match=r"graphau\.safetensors.*missing grades") as error:
        build()
    assert not isinstance(error.value, NoWeightsError)


def test_it_has_no_weights_of_its_own(machine, reader_files, tmp_path):
    with pytest.raises(UsageError, match="the reader ensemble has no weights"):
        registry.reader("ensemble", weights=reader_files / "graphau.safetensors")


def test_a_photo_is_read_by_all(machine, reader_files, drawn, tmp_path, capsys):
    for name in ("graphau", "fgnet"):
        shutil.copy(reader_files / f"{name}.safetensors", machine)
    path, out = images.write(drawn.photo.rgb, tmp_path / "face.png"), tmp_path / "faces.csv"
    with pytest.raises(SystemExit) as end:
        main(["read", str(path), "--reader", "ensemble", "-o", str(out)])
    header, row = (line.split(",") for line in out.read_text().splitlines())
    read = dict(zip(header, row, strict=True))
    assert end.value.code == 0 and len(header) == len(row)
    told = [column for column in header if column.endswith("_sd")]
    sides = {f"AU{unit}{side}_sd" for unit in ("04", "12") for side in ("", "L", "R")}
    assert set(told) == sides | {"AU04_p_sd", "AU12_p_sd"}, "what two members say"
    assert {"AU12L_p", "AU19_p"} < set(header) and all(float(read[column]) >= 0 for column in told)


def test_what_is_printed_says_how_far_members_are_apart(crops, capsys):
    reader = Ensemble(Member({"AU12L": 4.0, "AU12R": 4.0, "AU25": 1.0}), [Member({"AU12L": 3.0, "AU12R": 2.0})])
    lines = Lines(reader, None)
    rows = [Row("a.png", (384, 384), reading) for reading in reader.measure(crops[:1])]
    lines.add(rows)
    lines.say()
    assert "AU12=3.2±0.8 AU25=1.0" in " ".join(capsys.readouterr().out.split())
    assert table(rows, reader=reader)["AU12_sd"].tolist() == [0.75]
