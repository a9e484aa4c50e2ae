"""Furrows that a skin has are worked: deeper as a unit folds them, flatter as it lets go; smooth skin, hair and brows are no furrows."""

import cv2
import numpy as np
import pytest

from mien.aus import AUShift
from mien.edits import parse
from mien.engines import mesh
from mien.faces import align
from mien.geometry import facemesh
from mien.geometry.drawing import folds, relief
from mien.geometry.drawing.warp import Grid
from mien.types import Photo


@pytest.fixture(scope="module")
def engine():
    return mesh.build()


def lined(drawn) -> Photo:
    """The drawn face with two upright lines between its brows."""
    marks, picture = drawn.face.landmarks[:, :2], drawn.photo.rgb.astype(np.float32)
    lines = np.zeros(picture.shape[:2], np.float32)
    for top, bottom in (((107, 151), (55, 8)), ((336, 151), (285, 8))):
        ends = [tuple(np.round(16 * (0.6 * marks[a] + 0.4 * marks[b])).astype(int).tolist()) for a, b in (top, bottom)]
        cv2.line(lines, *ends, color=1.0, thickness=2, lineType=cv2.LINE_8, shift=4)
    picture *= 1.0 - 0.25 * cv2.GaussianBlur(lines, (0, 0), 0.8)[..., None]
    return Photo(picture.astype(np.uint8))


def depth(rgb, marks) -> float:
    """How much darker the darkest upright line between the brows is than the skin there, in sRGB values."""
    (x0, y), (x1, _) = marks[[55, 285]].astype(int)
    grey = rgb[y - 3 : y + 3, x0 + 1 : x1].astype(float).mean(axis=(0, 2))
    return float(np.percentile(grey, 70) - grey.min())


def frown(engine, photo, face, words):
    code = engine.encode([align.cut(photo, face, engine.crop)])[0]
    (edit,) = parse(words)
    drawing = engine.decode([engine.shift(code, edit)])[0]
    return code, drawing.rgb, drawing.landmarks[:, :2]


def test_lines_that_are_there_flatten_as_a_frown_goes(engine, drawn):
    code, flat, marks = frown(engine, lined(drawn), drawn.face, "AU04=0")
    assert code.expression["AU04R"] > 3, "brows drawn so low are read as a frown"
    before = depth(code.study.crop.rgb, code.study.sitting.landmarks)
    assert 0.4 * before < depth(flat, marks) < 0.85 * before


@pytest.mark.parametrize(("change", "low", "high"), [(5.0, 0.6, 0.9), (2.5, 0.3, 0.45), (-5.0, -0.7, -0.4)])
def test_lines_deepen_with_a_unit_where_it_folds_and_nowhere_else(change, low, high):
    marks = marks_of_a_head()
    grid = Grid(0.0, 0.0, 2.0, 200, 200)
    worked = folds.worked(AUShift.of({"AU04": change}), marks, grid=grid, scale=20.0)[..., 0]
    (x, y), cheek = ((0.56 * marks[55] + 0.44 * marks[8]) / 2).astype(int), (marks[50] / 2).astype(int)
    assert low < worked[y, x] < high
    assert worked[cheek[1], cheek[0]] == 0


def test_less_is_drawn_where_skin_has_lines_of_its_own(engine, drawn):
    own = {}
    for name, photo in (("smooth", drawn.photo), ("lined", lined(drawn))):
        study = engine.encode([align.cut(photo, drawn.face, engine.crop)])[0].study
        has = folds.wrinkled(study.furrows, study.sitting.landmarks)
        own[name] = max(share for furrow, share in zip(folds.FURROWS, has, strict=True) if dict(furrow.units).get("AU04R", 0) == 1.0)
    assert own["lined"] > own["smooth"] + 0.2


def test_brows_and_lids_are_no_furrows(engine, drawn):
    study = engine.encode([align.cut(drawn.photo, drawn.face, engine.crop)])[0].study
    marks = study.sitting.landmarks
    hairs = np.concatenate([marks[list(facemesh.BROW[side])] for side in "LR"] + [marks[list(facemesh.LID_UPPER[side])] for side in "LR"])
    assert np.abs(study.furrows.at(hairs[None])).max() < 0.02


def test_plain_skin_has_none():
    marks = marks_of_a_head()
    plain = np.full((400, 400, 3), (200, 150, 130), np.uint8)
    assert not relief.look(plain, marks, 20.0).depth.any()


def marks_of_a_head() -> np.ndarray:
    from mien.geometry.head import bundled

    head = bundled()
    return head.landmarks(head.mean)[:, :2].double().numpy() * [20.0, -20.0] + 200.0
