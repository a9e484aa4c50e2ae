import math

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from mien import plots, tables
from mien.aus import EMOTIONS, AUVector
from mien.errors import DataError
from mien.types import Face, Reading


def row(values: dict[str, float], frame: int = 0, face: int = 0) -> tables.Row:
    points = np.random.default_rng(3).uniform(40, 160, (468, 3))
    seen = Face((40.0 + 5 * face, 40.0, 120.0, 120.0), 0.9, points)
    reading = Reading(seen, AUVector.of(values, others=math.nan), dict.fromkeys(EMOTIONS, 0.1) | {"happiness": 0.3}, (1.0, 2.0, 3.0))
    return tables.Row("a.jpg", (200, 200), reading, frame, frame / 25, face)


PICTURE = np.full((200, 200, 3), 90, np.uint8)


def bars(axes) -> list[float]:
    return [p.get_width() for p in axes.patches if isinstance(p, Rectangle)]


def test_a_photo_shows_each_face_with_its_box_and_bars() -> None:
    figure = plots.photo(PICTURE, [row({"AU12L": 2.0, "AU12R": 4.0, "AU17": 1.5}), row({"AU01": 1.0}, face=1)])
    picture, first, second = figure.axes
    boxes = [p for p in picture.patches if isinstance(p, Rectangle)]
    assert [(b.get_x(), b.get_width()) for b in boxes] == [(40.0, 120.0), (45.0, 120.0)]
    assert sorted(w for w in bars(first) if w != 5) == [1.5, 2.0, 4.0]  # the others are the grooves behind
    assert sorted(w for w in bars(second) if w != 5) == [1.0, 1.0]
    assert [t.get_text() for t in first.get_yticklabels()] == ["Lip corner puller  AU12", "Chin raiser  AU17"]
    assert "happiness 30%" in first.get_title(loc="left")


def test_a_photo_without_a_face_says_so() -> None:
    figure = plots.photo(PICTURE, [tables.Row("a.jpg", (200, 200), None)])
    (picture,) = figure.axes
    assert picture.get_title(loc="left") == "no face found"


def test_a_video_is_drawn_by_region_with_gaps_where_no_face_was() -> None:
    rows = [row({"AU12": i / 4, "AU01": 0.1, "AU43": 5.0 if i == 9 else 0.0}, i) for i in range(20)]
    rows[5] = tables.Row("a.jpg", (200, 200), None, 5, 5 / 25)
    rows += [row({"AU12": 0.0}, i, face=1) for i in range(20)]
    figure = plots.video(rows)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["emotions", "eyes", "mouth", "head"]  # the brows never reach half a step
    (smile,) = figure.axes[2].lines
    values = np.asarray(smile.get_ydata())
    np.testing.assert_allclose(values[[0, 4, 19]], [0, 1, 4.75])
    assert math.isnan(values[5])
    assert len(values) == 20


def test_a_video_of_nobody_and_of_one_frame_can_be_drawn(tmp_path) -> None:
    nobody = [tables.Row("a.mp4", (9, 9), None, i, i / 25) for i in range(3)]
    for rows in (nobody, [row({"AU12": 3.0})], []):
        plots.write(plots.video(rows), tmp_path / "v.png")


def test_figures_are_written_whole(tmp_path) -> None:
    path = plots.write(plots.photo(PICTURE, [row({"AU12": 3.0})]), tmp_path / "new" / "a.png")
    with Image.open(path) as image:
        assert image.width > image.height > 300
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]
    with pytest.raises(DataError, match=r"cannot draw a plot to a\.jpg: name it \.png, \.pdf or \.svg"):
        plots.write(plots.photo(PICTURE, []), tmp_path / "a.jpg")
