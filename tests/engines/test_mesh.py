"""The engine ``mesh`` on a head drawn by the package itself: what moves, what stays, and by how much."""

import numpy as np
import pytest

from mien.aus import AXES, AUShift
from mien.edits import change_by, parse
from mien.engines import mesh
from mien.errors import EditError
from mien.faces import align
from mien.faces.paste import paste
from mien.geometry.drawing import morph

UPPER_LIP, LOWER_LIP, CHIN, BROW = 13, 14, 152, 105


@pytest.fixture(scope="module")
def engine():
    return mesh.build()


@pytest.fixture(scope="module")
def crop(engine, drawn):
    return align.cut(drawn.photo, drawn.face, engine.crop)


@pytest.fixture(scope="module")
def code(engine, crop):
    return engine.encode([crop])[0]


def edited(engine, code, words):
    for edit in parse(words):
        code = engine.shift(code, edit)
    return code


def moved(engine, code, words):
    """Landmarks in crop pixels after an edit."""
    return morph.move(code.study.sitting, edited(engine, code, words).expression)


def picture(engine, code, words):
    return engine.decode([edited(engine, code, words)])[0].rgb


def test_what_a_head_cannot_do_is_told_by_units(engine, code):
    other = mesh.MeshEngine(engine._head, engine._fit)
    other.moves = frozenset({"AU01L", "AU01R", "AU12L", "AU12R", "AU25"})
    with pytest.raises(EditError, match=r"^the engine mesh cannot move AU33, AU46L; it moves AU01, AU12, AU25$"):
        other.shift(code, parse("AU33=+2 AU46L=+1")[0])


def test_the_code_as_read_is_the_photo(engine, code, crop):
    drawing = engine.decode([code])[0]
    assert np.array_equal(drawing.rgb, crop.rgb) and not drawing.matte.any()


def test_outside_the_matte_not_a_bit_changes(engine, code, crop, drawn):
    drawing = engine.decode([edited(engine, code, "AU27=+5 AU12=+4 AU1=+3")])[0]
    assert np.array_equal(drawing.rgb[drawing.matte == 0], crop.rgb[drawing.matte == 0])
    result = paste(drawn.photo, [crop], [drawing])
    left, top = crop.to_photo[:2, 2].astype(int)
    outside = np.ones(result.shape[:2], bool)
    outside[top : top + crop.rgb.shape[0], left : left + crop.rgb.shape[1]] = drawing.matte == 0
    assert np.array_equal(result[outside], drawn.photo.rgb[outside])


@pytest.mark.parametrize(("words", "landmark", "down"), [
    ("AU27", LOWER_LIP, 1), ("AU26", CHIN, 1), ("AU10", UPPER_LIP, -1), ("AU2", BROW, -1), ("AU12", 61, -1), ("AU15", 61, 1),
])  # fmt: skip
def test_the_skin_goes_where_the_unit_pulls_and_further_for_more(engine, code, words, landmark, down):
    start = edited(engine, code, f"{words}=0")
    places = [moved(engine, start, f"{words}={amount}").landmarks[landmark, 1] * down for amount in range(6)]
    steps = np.diff(places)
    assert (steps > -0.02).all() and places[-1] - places[0] > 2.0
    assert np.corrcoef(range(6), places)[0, 1] > 0.97


def test_lips_meet_again_when_an_open_mouth_is_closed(engine, drawn):
    from mien.aus import AUVector
    from mien.data.renders import render
    from mien.geometry import head
    from mien.geometry.drawing import mouth

    opened = render(head.bundled(), AUVector.of({"AU27": 3}))
    code = engine.encode([align.cut(opened.photo, opened.face, engine.crop)])[0]
    assert code.study.sitting.slits["lip"].aperture > 10
    shut = moved(engine, code, "AU9=0 AU10=0 AU11=0 AU16=0 AU18=0 AU22=0 AU25=0 AU26=0 AU27=0")
    assert shut.slits["lip"].aperture < mouth.MET


def test_a_shut_eye_shows_no_eye(engine, code):
    shut = moved(engine, code, "AU43=5")
    before, after = (slits["lid_L"].aperture for slits in (code.study.sitting.slits, shut.slits))
    assert before > 8 and after < 0.06 * before
    canvas = picture(engine, code, "AU43=5").astype(float)
    eye = code.study.eyes["L"]
    x, y = eye.center.round().astype(int)
    skin = code.study.light.skin
    assert np.abs(canvas[y - 2 : y + 1, x - 2 : x + 3].mean((0, 1)) - skin).max() < 50  # lid, where white and black were


def test_an_opening_mouth_shows_teeth_and_dark(engine, code):
    slit = moved(engine, code, "AU25=5 AU26=4").slits["lip"]
    box = slit.opening()
    inside = slit.inside(slit.frame.to(box.pixels())) > 0.99
    colours = box.of(picture(engine, code, "AU25=5 AU26=4"))[inside].mean(1)
    assert inside.sum() > 200 and colours.min() < 60 and colours.max() > 1.2 * np.median(colours)


def test_gaze_moves_the_iris_and_not_the_skin(engine, code, crop):
    changed = (picture(engine, code, "AU61=4") != crop.rgb).any(-1)
    y, _ = np.nonzero(changed)
    eyes = np.concatenate([code.study.sitting.landmarks[[33, 133, 362, 263]]])
    assert changed.sum() > 50 and abs(np.median(y) - eyes[:, 1].mean()) < 0.1 * crop.face.box[3]


def test_one_side_moves_alone(engine, code):
    before, after = code.study.sitting.landmarks, moved(engine, code, "AU12L=+3").landmarks
    moved_left, moved_right = (np.linalg.norm(after[i] - before[i]) for i in (291, 61))
    assert moved_left > 0.02 * np.linalg.norm(before[291] - before[61]) and moved_left > 5 * moved_right


def test_it_draws_the_same_twice_and_in_any_batch(engine, code):
    other = edited(engine, code, "AU4=+3")
    smile = edited(engine, code, "AU12=+3")
    together = engine.decode([other, smile])
    assert np.array_equal(engine.decode([smile])[0].rgb, together[1].rgb)


def test_closing_the_jaw_closes_what_either_unit_opens(engine, code):
    opened = edited(engine, code, "AU26=4 AU27=2")
    assert edited(engine, opened, "AU26=0").expression["AU27"] == 0
    assert edited(engine, opened, "AU26=2").expression["AU27"] == pytest.approx(1.0)
    assert edited(engine, opened, "AU26=0 AU27=2").expression["AU27"] == 2


@pytest.mark.parametrize("words", ["smiling=+1", "age=-1"])
def test_attributes_are_refused_by_name(engine, code, words):
    with pytest.raises(EditError, match=words.split("=")[0]):
        edited(engine, code, words)


def test_a_unit_the_head_cannot_do_is_named(code):
    from dataclasses import replace

    from mien.geometry import head

    full = head.bundled()
    mixing = full.mixing.clone()
    mixing[AXES.index("AU17")] = 0
    with pytest.raises(EditError, match="AU17"):
        mesh.MeshEngine(replace(full, mixing=mixing), lambda crops: []).shift(code, change_by(AUShift.of({"AU17": 1.0})))
