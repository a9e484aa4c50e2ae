import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from mien import plots, tables
from mien.aus import EMOTIONS, AUVector
from mien.errors import DataError
from mien.faces.align import Square
from mien.types import Face, Presence, Reading


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


def saying(row: tables.Row, presence: dict[str, Presence]) -> tables.Row:
    return replace(row, reading=replace(row.reading, presence=presence))  # type: ignore[type-var]


SAID = {
    "AU12": Presence(0.8, True, 0.1), "AU12L": Presence(0.9, True), "AU12R": Presence(0.4, False), "AU04": Presence(0.3, False),
    "AU19": Presence(0.6, True),
}  # fmt: skip


def test_presence_is_shown_beside_intensities() -> None:
    figure = plots.photo(PICTURE, [saying(row({"AU12": 3.0, "AU17": 1.5}), SAID)])
    _, strong, sure = figure.axes
    names = ["Brow lowerer  AU04", "Lip corner puller  AU12", "Chin raiser  AU17", "AU19"]
    assert [t.get_text() for t in strong.get_yticklabels()] == names
    assert [t.get_text() for t in sure.get_yticklabels()] == [""] * 4
    assert sure.get_ylim() == strong.get_ylim()
    drawn = [p for p in sure.patches if p.get_width() != 1]  # the others are the grooves behind
    assert [(p.get_width(), p.get_facecolor()[3] > 0) for p in drawn] == [(0.3, False), (0.9, True), (0.4, False), (0.6, True)]
    assert [(t.get_text(), t.get_fontweight()) for t in sure.texts] == [("30%", "normal"), ("80%", "bold"), ("60%", "bold")]


def test_a_face_of_which_only_presence_is_told_has_no_bars_of_intensities() -> None:
    figure = plots.photo(PICTURE, [saying(row({}), {"AU12": Presence(0.8, True, 0.1)})])
    _, sure = figure.axes
    assert [t.get_text() for t in sure.get_yticklabels()] == ["Lip corner puller  AU12"]
    (deviation,) = (line.get_xdata() for line in sure.lines if line.get_transform() == sure.transData)
    np.testing.assert_allclose(deviation, [0.7, 0.9])


def test_the_deviation_of_intensities_between_readers_is_drawn() -> None:
    told = row({"AU12": 3.0})
    figure = plots.photo(PICTURE, [replace(told, reading=replace(told.reading, spread={"AU12L": 0.5}))])  # type: ignore[type-var]
    deviations = [line.get_xdata() for line in figure.axes[1].lines if line.get_transform() == figure.axes[1].transData]
    np.testing.assert_allclose(deviations, [[2.5, 3.5]])


def test_a_video_has_the_probabilities_of_units_that_are_ever_there() -> None:
    rows = [saying(row({"AU12": 1.0}, i), {"AU12": Presence(i / 20, i > 10), "AU04": Presence(0.1, False)}) for i in range(20)]
    rows[5] = tables.Row("a.jpg", (200, 200), None, 5, 5 / 25)
    figure = plots.video(rows)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["emotions", "mouth", "mouth, probability", "head"]
    (line,) = figure.axes[2].lines
    values = np.asarray(line.get_ydata())
    np.testing.assert_allclose(values[[0, 19]], [0, 0.95])
    assert math.isnan(values[5])


def test_heatmaps_lie_over_the_face_in_colours_of_their_sign(tmp_path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    map_ = np.zeros((4, 4), np.float32)
    map_[0, 1], map_[3, 2] = 1.0, -0.5
    figure = plots.heatmaps(picture, Square(150, 100, 80), {"AU12": map_, "AU19": -map_}, {"AU12": Presence(0.8, True)})
    face, smile, tongue, *_ = figure.axes
    assert [axes.get_title(loc="left") for axes in (face, smile, tongue)] == ["", "AU12 Lip corner puller\npresent, 80%", "AU19"]
    grey, colors = (np.asarray(image.get_array()) for image in smile.get_images())
    assert np.ptp(grey, axis=2).max() == 0 and np.ptp(np.asarray(face.get_images()[0].get_array()), axis=2).max() > 0
    assert {tuple(image.get_extent()) for image in smile.get_images()} == {(0, 1, 1, 0)}
    strength = colors[..., 3]
    assert strength[0, 1] == pytest.approx(2 * strength[3, 2]) and np.count_nonzero(strength) == 2
    other = np.asarray(tongue.get_images()[1].get_array())
    np.testing.assert_allclose(other[0, 1, :3], colors[3, 2, :3])
    assert colors[0, 1, 0] > colors[0, 1, 2] and colors[3, 2, 0] < colors[3, 2, 2], "seen is orange, absent is blue"
    assert plots.write(figure, tmp_path / "maps.png").stat().st_size > 1000


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
