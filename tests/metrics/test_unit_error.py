"""The error of action units between pictures: what it is the mean of, and what is left out."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mien import images
from mien.aus import AUVector
from mien.cli import app
from mien.faces import landmarks
from mien.metrics.expression import UnitError
from mien.types import Face, Reading


class Told:
    """A reader that measures AU12 as the picture is bright, and AU04 in none that is dark."""

    name, measures = "told", frozenset({"AU12L", "AU12R", "AU04L"})

    def measure(self, crops):
        tone = [float(crop.rgb.mean()) for crop in crops]
        shown = [{"AU12": t / 50} | ({"AU04L": 1.0} if t > 60 else {}) for t in tone]
        return [Reading(c.face, AUVector.of(s, others=np.nan), {}, (0.0, 0.0, 0.0)) for c, s in zip(crops, shown, strict=True)]


@pytest.fixture(autouse=True)
def found(monkeypatch):
    """Every picture but a black one shows a small face, and a larger one."""
    points = np.random.default_rng(0).uniform(10, 20, (468, 3))
    small, large = (Face((10.0, 10.0, side, side), 1.0, points) for side in (5.0, 10.0))
    monkeypatch.setattr(landmarks, "find", lambda photo: [small, large] if photo.rgb.any() else [])


def grey(tone):
    return np.full((32, 32, 3), tone, np.uint8)


def test_it_is_the_mean_square_over_units_that_both_show():
    error = UnitError(Told())
    assert error.distance(grey(100), grey(200)) == pytest.approx((2 * 2.0**2 + 0) / 3)
    assert error.distance(grey(50), grey(200)) == pytest.approx(3.0**2), "AU04 is measured in one of them only"
    assert error.distance(grey(100), grey(100)) == 0


def test_a_picture_without_a_face_counts_nowhere(tmp_path, monkeypatch):
    assert np.isnan(UnitError(Told()).distance(grey(0), grey(100)))
    monkeypatch.setattr("mien.metrics.expression.registry.reader", lambda name: Told())
    for name, one, other in (("a", 100, 200), ("b", 0, 100), ("c", 150, 150)):
        images.write(grey(one), tmp_path / "one" / f"{name}.png")
        images.write(grey(other), tmp_path / "other" / f"{name}.png")
    done = CliRunner().invoke(app, ["score", "pictures", str(tmp_path / "one"), str(tmp_path / "other"), "--units", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["mean"]["au error"] == pytest.approx((8 / 3 + 0) / 2), "of two pairs, not of three"
    assert [row["au error"] for row in told["pictures"]] == [pytest.approx(8 / 3), None, 0]
