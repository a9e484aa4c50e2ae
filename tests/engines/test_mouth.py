"""The mouth of the engine ``mesh``: what a photo shows between its lips, where that goes, and what is drawn where it shows nothing."""

import numpy as np
import pytest

from mien.aus import AUVector
from mien.data.renders import render
from mien.edits import parse
from mien.engines import mesh
from mien.faces import align
from mien.geometry import head
from mien.geometry.drawing import morph, shown
from mien.geometry.drawing.slit import Frame, slit

TEETH, DARK, LIP = (230, 220, 210), (30, 10, 10), (190, 90, 90)


def mouth(top, bottom, *, x=(20.0, 180.0)):
    """A slit with an elliptical upper and lower margin around y = 100."""
    s = np.linspace(*x, 11)
    bow = np.sqrt(np.clip(1 - ((s - 100) / 80) ** 2, 0, None))
    frame = Frame(np.array([100.0, 100.0]), np.array([1.0, 0.0]))
    return slit(np.stack([s, 100 - top * bow], 1), np.stack([s, 100 + bottom * bow], 1), frame)


@pytest.fixture()
def photo():
    """Lips; between them, teeth over dark."""
    rgb = np.full((200, 200, 3), LIP, np.uint8)
    y, x = np.mgrid[:200, :200]
    inside = ((x - 100) / 80) ** 2 + ((y - 100) / 40) ** 2 < 1
    rgb[inside] = np.where((y < 95)[..., None], TEETH, DARK)[inside]
    return rgb


def test_the_edge_of_the_teeth_is_found_column_by_column(photo):
    found = shown.find(photo, mouth(40, 40))
    s = np.linspace(-40, 40, 9)
    assert np.abs(found.reach(s) - -5.0).max() < 4.0 and found.deep


def test_lips_alone_are_no_teeth_and_not_the_inside(photo):
    found = shown.find(np.full_like(photo, LIP), mouth(40, 40))
    assert not found.deep
    assert shown.colours(np.full_like(photo, LIP), found, 20.0) is None


def test_an_opening_mouth_leaves_the_teeth_and_takes_the_rest_along(photo):
    found, now = shown.find(photo, mouth(40, 40)), mouth(40, 60)
    y, x = np.mgrid[50:170, 40:160].astype(np.float32)
    st = now.frame.to(np.stack([x, y], -1))
    own, known = shown.carried(photo, found, now, st, 20.0)
    column = own[:, 60], known[:, 60]
    assert np.abs(column[0][15:42].mean(0) - TEETH).max() < 12 and (column[1][15:42] > 0.95).all()
    assert np.abs(column[0][60:100].mean(0) - DARK).max() < 12


@pytest.fixture(scope="module")
def engine():
    return mesh.build()


def rendered(engine, **units):
    opened = render(head.bundled(), AUVector.of(units))
    return engine.encode([align.cut(opened.photo, opened.face, engine.crop)])[0]


def shift(engine, code, words):
    for edit in parse(words):
        code = engine.shift(code, edit)
    return code


def test_an_open_mouth_closes_when_nothing_parts_its_lips(engine):
    code = rendered(engine, AU27=3, AU12L=3, AU12R=3)
    open_by = code.study.sitting.slits["lip"].aperture
    shut = shift(engine, code, "AU25=0 AU26=0 AU27=0")
    half = shift(engine, code, "AU25=0 AU26=2")
    gaps = [morph.move(code.study.sitting, c.expression).slits["lip"].aperture for c in (shut, half)]
    assert open_by > 10 and gaps[0] < 0.5 < gaps[1] < open_by


def test_a_dropped_jaw_shows_teeth_above_the_dark_and_a_tongue_below(engine):
    code = rendered(engine)
    moved = morph.move(code.study.sitting, shift(engine, code, "AU27=5").expression)
    slit_, scale = moved.slits["lip"], code.study.sitting.code.pose.scale
    upper, lower = (float(m[0]) for m in slit_.at(np.zeros(1)))
    t = np.linspace(upper, lower, 200)
    places = np.round(slit_.frame.back(np.stack([np.zeros(200), t], 1))).astype(int)
    colours = engine.decode([shift(engine, code, "AU27=5")])[0].rgb[places[:, 1], places[:, 0]].astype(float)
    white = code.study.mouth.palette.enamel.mean()
    bright = colours.mean(1) > 0.55 * white
    teeth = bright[:100].sum() / 200 * (lower - upper) / scale
    assert 0.2 < teeth < 0.7  # cm of the upper row
    assert colours.mean(1)[60:120].min() < 0.35 * white
    red = (colours[:, 0] - colours[:, 1]) / (colours[:, 0] + colours[:, 1] + 1)
    assert red[120:190].max() > 0.1
