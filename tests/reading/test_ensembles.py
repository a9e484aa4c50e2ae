"""Videos by an ensemble: a part of it sees the pixels of each face, the other the frames of a person together."""

import math
from dataclasses import replace

import pytest

from mien import registry
from mien.api.following import slim
from mien.api.reading import TOGETHER, read_each
from mien.api.sources import clips
from mien.aus import AUVector
from mien.readers.ensemble import Ensemble

from .conftest import GONE, Network


class Grading(Network):
    """A network that says of every face that its lips are parted."""

    measures = frozenset({"AU25"})

    def _reading(self, crop):
        assert crop.rgb.size, "a network sees the pixels"
        return replace(super()._reading(crop), aus=AUVector.of({"AU25": 5.0}, others=math.nan))


def test_a_person_is_read_as_a_whole_by_those_that_can_and_by_the_others_as_ever(clip, monkeypatch):
    monkeypatch.setattr("mien.api.reading.PART", 100)
    geometry, network = registry.reader("geometry"), Grading()
    rows = [row for part in read_each(clips(clip(40)), Ensemble(geometry, [network])) for row in part]
    seen = [row.reading for row in rows if row.reading is not None]
    assert [row.frame for row in rows] == list(range(40)) and len(seen) == 40 - len(GONE)
    assert sum(network.batches) == len(seen) and max(network.batches) == TOGETHER
    whole = list(geometry.measure_sequence([slim(reading.face) for reading in seen]))
    for reading, alone in zip(seen, whole, strict=True):
        assert reading.aus["AU12"] == alone.aus["AU12"] and reading.angles == alone.angles and reading.emotions == alone.emotions
        assert reading.aus["AU25"] == pytest.approx((alone.aus["AU25"] + 5) / 2)
        assert reading.spread == {"AU25": pytest.approx((5 - alone.aus["AU25"]) / 2)}
        assert reading.presence["AU01"].probability == pytest.approx(reading.face.landmarks[0, 0] % 1, abs=1e-4)
        assert reading.presence["AU12"][:2] == (0.93, True) and math.isnan(reading.presence["AU12"].spread)
