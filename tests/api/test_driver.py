"""A video in which somebody raises the brows, smiles and opens the mouth, drawn: what is read of it rises as it was drawn."""

import numpy as np
import pytest

from mien import motion, video
from mien.api.reading import expressions_of
from mien.aus import AXES, AUVector
from mien.data.renders import render
from mien.geometry import head
from mien.provenance import Provenance

BUMP = np.sin(np.pi * np.arange(7) / 6) ** 2
REST = np.zeros(4)
DRAWN = {
    "AU01": np.concatenate([REST, 4 * BUMP, REST, 0 * BUMP, REST, 0 * BUMP]),
    "AU12": np.concatenate([REST, 0 * BUMP, REST, 4 * BUMP, REST, 0 * BUMP]),
    "AU26": np.concatenate([REST, 0 * BUMP, REST, 0 * BUMP, REST, 4 * BUMP]),
}


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The motion of the drawn driver."""
    path = tmp_path_factory.mktemp("driver") / "driver.mp4"
    with video.Writer(path, (256, 256), 25.0, provenance=Provenance("animated", "mesh", "a drawn driver", "")) as writer:
        for brows, smile, jaw in zip(*DRAWN.values(), strict=True):
            aus = AUVector.of({"AU01": brows, "AU02": brows, "AU12": smile, "AU26": jaw})
            writer.add(render(head.bundled(), aus, size=256).photo.rgb)
    return motion.follow(*expressions_of(path), 25.0)


@pytest.mark.parametrize(("unit", "axes"), [("AU01", ("AU01L", "AU01R")), ("AU12", ("AU12L", "AU12R")), ("AU26", ("AU26",))])
def test_a_unit_of_the_driver_is_followed(followed, unit, axes):
    read = followed.changes[:, [AXES.index(axis) for axis in axes]].mean(axis=1)
    drawn = DRAWN[unit]
    assert len(read) == len(drawn)
    assert np.corrcoef(read, drawn)[0, 1] > 0.9
    assert 0.4 < np.polyfit(drawn, read, 1)[0] < 1.6


def test_what_the_driver_does_not_do_stays(followed):
    still = [AXES.index(axis) for axis in ("AU09L", "AU09R", "AU20L", "AU20R", "AU43L", "AU43R")]
    assert np.abs(followed.changes[:, still]).max() < 1.0
