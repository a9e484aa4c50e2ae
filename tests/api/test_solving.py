"""The loop of `--solve`, on a face whose answer to a command is known: it shows `gain` times what it is told, at most `limit`."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from mien.api import solving
from mien.api.editing import edit
from mien.api.portrait import Portrait
from mien.aus import AUVector
from mien.edits import parse
from mien.types import Crop, CropSpec, Drawn, Face, Photo, Reading

START = AUVector.of({"AU12": 1.0})
FACE = Face((0.0, 0.0, 4.0, 4.0), 1.0, np.zeros((468, 3)))
PHOTO = Photo(np.zeros((4, 4, 3), np.uint8))
CROP = Crop(PHOTO.rgb, np.eye(3), FACE)


@dataclass
class Stubborn:
    """An engine that paints the intensity of AU12 as a grey level, 40 a step."""

    gain: float
    limit: float = 5.0
    name: str = "stubborn"
    crop: CropSpec = field(default_factory=CropSpec)
    moves: frozenset = frozenset({"AU12L", "AU12R"})
    drawn: int = 0

    def shown(self, code):
        """The intensity of a picture."""
        return min(max(1.0 + self.gain * code, 0.0), self.limit)

    def encode(self, crops):
        return [0.0] * len(crops)

    def shift(self, code, edit):
        return code + edit.shift(START)["AU12"]

    def decode(self, codes, *, seeds=None):
        self.drawn += 1
        levels = [round(40 * self.shown(code)) for code in codes]
        return [Drawn(np.full((4, 4, 3), level, np.uint8), np.ones((4, 4), np.float32)) for level in levels]


class Weary(Stubborn):
    """It shows less with every picture, whatever it is told."""

    def shown(self, code):
        return super().shown(code) - 0.4 * self.drawn


@pytest.fixture
def reader(monkeypatch):
    class Grey:
        name, measures = "grey", frozenset({"AU12L", "AU12R"})

        def measure(self, crops):
            return [Reading(crop.face, START, {}, (0.0, 0.0, 0.0)) for crop in crops]

    def seen(before, after, crops, reader):
        shown = AUVector.of({"AU12": after.rgb[0, 0, 0] / 40.0}, others=np.nan)
        return [replace(reader.measure([crop])[0], aus=shown) for crop in crops]

    monkeypatch.setattr(solving, "measure_again", seen)
    return Grey()


def _solved(engine, reader, words):
    portrait = Portrait(PHOTO, engine, [0], [CROP], engine.encode([CROP]))
    solution = solving.solve_for(portrait, parse(words), reader)
    return solution.rgb[0, 0, 0] / 40.0, solution.rounds


def test_an_engine_that_obeys_is_not_corrected(reader):
    engine = Stubborn(gain=1.0)
    assert _solved(engine, reader, "AU12=4") == (4.0, 0)
    assert engine.drawn == 1


@pytest.mark.parametrize("gain", [0.5, 0.7, 1.5])
@pytest.mark.parametrize("words", ["AU12=4", "AU12=+2"])
def test_too_little_and_too_much_are_corrected(reader, gain, words):
    shown, rounds = _solved(Stubborn(gain), reader, words)
    assert abs(shown - (4.0 if words == "AU12=4" else 3.0)) <= solving.TOLERANCE
    assert 1 <= rounds <= solving.ROUNDS


def test_what_cannot_be_reached_ends_after_four_corrections_with_the_best(reader):
    engine = Stubborn(gain=1.0, limit=2.0)
    assert _solved(engine, reader, "AU12=5")[0] == 2.0
    assert engine.drawn == solving.ROUNDS + 1


def test_the_nearest_picture_is_kept_when_corrections_make_it_worse(reader):
    engine = Weary(gain=1.0, limit=3.0)
    assert _solved(engine, reader, "AU12=5") == (2.6, 0), "the first picture; later ones show 2.2, 1.8 and less"
    assert engine.drawn == solving.ROUNDS + 1


def test_a_face_that_is_lost_ends_the_corrections(reader, monkeypatch):
    monkeypatch.setattr(solving, "measure_again", lambda before, after, crops, reader: [None])
    engine = Stubborn(gain=0.5)
    assert _solved(engine, reader, "AU12=4") == (2.5, 0)
    assert engine.drawn == 1


def test_a_drawn_face_ends_where_it_was_commanded(drawn):
    """The real engine and the real reader, which compares pixels."""
    result = edit(drawn.photo.rgb, "AU12=3 AU01=2", solve=True)
    errors = {line.au: line.error for line in result.lines if line.role == "commanded"}
    assert set(errors) == {"AU01", "AU12"}
    assert max(map(abs, errors.values())) <= solving.TOLERANCE
    assert not result.missed
    assert result.before["AU12"].item() == result.reader.measure(result.portrait.crops)[0].aus["AU12"]
