"""What every engine promises (`mien.protocols.Engine`)."""

import numpy as np
import pytest

from mien.aus import AXES, AUShift
from mien.edits import AttributeEdit, change_by, parse
from mien.errors import EditError
from mien.faces import align
from mien.faces.paste import paste
from mien.protocols import Engine

SMILE = parse("AU12=+2")[0]


@pytest.fixture(scope="module")
def own_crops(engine, drawn, drawn_smile):
    return [align.cut(r.photo, r.face, engine.crop) for r in (drawn, drawn_smile)]


@pytest.fixture(scope="module")
def codes(engine, own_crops):
    return engine.encode(own_crops)


def test_it_is_an_engine_under_the_name_of_its_module(engine):
    assert isinstance(engine, Engine)
    assert type(engine).__module__.startswith(f"mien.engines.{engine.name}")
    assert set(engine.moves) <= set(AXES)


def test_the_zero_edit_is_the_identity(engine, codes, own_crops, drawn):
    for zero in (None, change_by(AUShift.of({})), parse("AU12=+0 AU4=+0")[0]):
        code = codes[0] if zero is None else engine.shift(codes[0], zero)
        assert np.array_equal(paste(drawn.photo, own_crops[:1], engine.decode([code])), drawn.photo.rgb)


def test_an_edit_moves_the_face_and_nothing_far_from_it(engine, codes, own_crops, drawn):
    picture = paste(drawn.photo, own_crops[:1], engine.decode([engine.shift(codes[0], SMILE)]))
    changed = np.argwhere((picture != drawn.photo.rgb).any(axis=2))
    assert len(changed) > 500
    x, y, width, height = drawn.face.box
    assert changed[:, 1].min() > x - 0.3 * width and changed[:, 1].max() < x + 1.3 * width
    assert changed[:, 0].min() > y - 0.3 * height and changed[:, 0].max() < y + 1.3 * height


def test_where_the_matte_is_zero_the_photo_stays(engine, codes, own_crops, drawn):
    (drawing,) = engine.decode([engine.shift(codes[0], SMILE)])
    assert drawing.rgb.shape[:2] == drawing.matte.shape == own_crops[0].rgb.shape[:2]
    assert drawing.matte.min() >= 0 and drawing.matte.max() <= 1
    still = drawing.matte == 0
    assert still.any() and np.array_equal(drawing.rgb[still], own_crops[0].rgb[still])


def test_the_same_seeds_draw_the_same_picture(engine, codes):
    code = engine.shift(codes[0], SMILE)
    first, second = (engine.decode([code], seeds=[7])[0] for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb) and np.array_equal(first.matte, second.matte)


def test_a_face_does_not_depend_on_its_batch(engine, own_crops):
    together = engine.decode([engine.shift(code, SMILE) for code in engine.encode(own_crops)], seeds=[1, 2])
    for index, crop in enumerate(own_crops):
        (alone,) = engine.decode([engine.shift(engine.encode([crop])[0], SMILE)], seeds=[index + 1])
        assert np.array_equal(alone.rgb, together[index].rgb)
        assert np.array_equal(alone.matte, together[index].matte)
    assert engine.encode([]) == [] and engine.decode([]) == []


def test_shifting_leaves_the_code_it_was_given(engine, codes):
    before = engine.decode([codes[1]])[0].rgb.copy()
    engine.decode([engine.shift(codes[1], SMILE)])
    assert np.array_equal(engine.decode([codes[1]])[0].rgb, before)


def test_what_it_cannot_do_is_named(engine, codes):
    cannot = sorted(set(AXES) - set(engine.moves))
    if cannot:
        with pytest.raises(EditError, match=cannot[0].rstrip("LR")):
            engine.shift(codes[0], change_by(AUShift.of({cannot[0]: 1.0})))
    with pytest.raises(EditError, match="beardedness"):
        engine.shift(codes[0], AttributeEdit("beardedness", 1.0))


def test_a_part_stays_when_another_is_edited(engine, codes, own_crops, drawn):
    """A smile leaves the brows, raised brows leave the mouth."""
    points = drawn.face.landmarks
    for words, still in (("AU12=+3", (70, 63, 105, 66, 300, 293, 334, 296)), ("AU1=+3 AU2=+3", (61, 291, 17, 14, 13, 0))):
        picture = paste(drawn.photo, own_crops[:1], engine.decode([engine.shift(codes[0], parse(words)[0])]))
        for landmark in still:
            x, y = points[landmark, :2].round().astype(int)
            assert np.abs(picture[y, x].astype(int) - drawn.photo.rgb[y, x]).max() <= 24, (words, landmark)


def test_the_global_random_state_is_left_alone(engine, own_crops, no_global_randomness):
    with no_global_randomness():
        engine.decode([engine.shift(engine.encode(own_crops[:1])[0], SMILE)], seeds=[3])
