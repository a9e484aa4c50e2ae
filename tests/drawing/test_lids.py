"""Eyes and lids: their margins are found in the picture, a shut lid is the person's own skin, spectacles stay where they are."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.aus import AUVector
from mien.data.renders import render
from mien.edits import parse
from mien.engines import mesh
from mien.faces import align
from mien.geometry import facemesh
from mien.geometry.drawing import lids, morph, rims, spectacles
from mien.geometry.head import bundled
from mien.types import Photo

SCALE = 20.0  # pixels per cm
SKIN, WHITE, IRIS, LASHES = (196, 150, 128), (228, 224, 220), (70, 90, 110), (40, 28, 24)
RIM = (25, 25, 30)


def margins(high: float, low: float) -> np.ndarray:
    """Landmarks of two eyes 3 cm wide, 6 cm apart, open by so many cm above and below the line of their corners."""
    marks = np.zeros((468, 2))
    marks[:] = [240.0, 200.0]
    for side, center in (("R", 180.0), ("L", 300.0)):
        for ids, arch in ((facemesh.LID_UPPER[side], -high), (facemesh.LID_LOWER[side], low)):
            x = np.linspace(-1, 1, len(ids))
            marks[list(ids)] = np.stack([center + 30 * x, 140.0 + SCALE * arch * (1 - x * x)], axis=1)
    return marks


def eyes(high: float, low: float) -> np.ndarray:
    """A picture of such eyes, with an iris and a line of lashes."""
    picture = np.full((280, 480, 3), SKIN, np.uint8)
    marks = margins(high, low)
    for side in "RL":
        upper, lower = (np.round(16 * marks[list(c[side])]).astype(np.int32) for c in (facemesh.LID_UPPER, facemesh.LID_LOWER))
        inside = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.concatenate([upper, lower[::-1]])], 255, cv2.LINE_AA, shift=4)
        iris = np.zeros_like(inside)
        cv2.circle(iris, (180 if side == "R" else 300, 140), 11, 255, -1, cv2.LINE_AA)
        for colour, mask in ((WHITE, inside), (IRIS, np.minimum(iris, inside))):
            picture = (picture + mask[..., None] / 255.0 * (np.array(colour) - picture)).astype(np.uint8)
        cv2.polylines(picture, [upper - [0, 12]], isClosed=False, color=LASHES, thickness=2, lineType=cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def off(found: np.ndarray, true: np.ndarray, curves: dict[str, tuple[int, ...]]) -> float:
    """The mean distance of the found margins from the true ones, cm."""
    ids = [i for side in "LR" for i in curves[side]]
    return float(np.linalg.norm(found[ids] - true[ids], axis=1).mean()) / SCALE


@pytest.mark.parametrize("seen", [(0.22, 0.20), (0.45, 0.20), (0.40, 0.40)])
def test_margins_are_found_where_landmarks_see_eyes_too_small(seen):
    true = margins(0.5, 0.35)
    given = margins(*seen)
    found = rims.refine(eyes(0.5, 0.35), given, SCALE)
    for curves in (facemesh.LID_UPPER, facemesh.LID_LOWER):
        assert off(found, true, curves) < max(0.06, 0.5 * off(given, true, curves))


def test_a_lower_margin_is_found_far_below_its_landmarks():
    true, given = margins(0.5, 0.6), margins(0.5, 0.17)
    found = rims.refine(eyes(0.5, 0.6), given, SCALE)
    assert off(found, true, facemesh.LID_LOWER) < 0.05 < off(given, true, facemesh.LID_LOWER)


def test_only_lids_are_moved_and_shut_eyes_are_left_alone():
    given = margins(0.3, 0.3)
    found = rims.refine(eyes(0.5, 0.35), given, SCALE)
    lids = [i for curves in (facemesh.LID_UPPER, facemesh.LID_LOWER) for side in "LR" for i in curves[side]]
    assert np.array_equal(np.delete(found, lids, axis=0), np.delete(given, lids, axis=0))
    shut = margins(0.02, 0.02)
    assert np.array_equal(rims.refine(eyes(0.5, 0.35), shut, SCALE), shut)


def with_spectacles(picture: np.ndarray, thick: int = 5) -> np.ndarray:
    out = picture.copy()
    for x in (180, 300):
        cv2.circle(out, (x, 150), 44, RIM, thick, cv2.LINE_AA)
    cv2.line(out, (224, 145), (256, 145), RIM, thick, cv2.LINE_AA)
    return out


@pytest.fixture
def marks():
    """Where the pictures of eyes have their margins, with brows far above."""
    out = margins(0.5, 0.35)
    for side, x in (("R", 180), ("L", 300)):
        out[[*facemesh.BROW[side], *lids.BROWS[f"lid_{side}"]]] = [x, 80]
    return out


def test_rims_may_be_thick(marks):
    assert spectacles.look(with_spectacles(eyes(0.5, 0.35), thick=13), marks, SCALE) is not None


def test_a_crease_across_the_nose_or_a_bag_below_one_eye_is_no_rim(marks):
    worn = with_spectacles(eyes(0.5, 0.35))
    faint = (eyes(0.5, 0.35) + 0.12 * (worn.astype(float) - eyes(0.5, 0.35))).astype(np.uint8)
    assert spectacles.look(faint, marks, SCALE) is not None
    crease, bag = eyes(0.5, 0.35), eyes(0.5, 0.35)
    crease[130:165, 200:280] = faint[130:165, 200:280]
    bag[130:, :220] = faint[130:, :220]
    assert spectacles.look(crease, marks, SCALE) is None
    assert spectacles.look(bag, marks, SCALE) is None


def test_spectacles_are_told_from_a_bare_face_and_held(marks):
    bare = eyes(0.5, 0.35)
    assert spectacles.look(bare, marks, SCALE) is None
    worn = spectacles.look(with_spectacles(bare), marks, SCALE)
    assert worn is not None
    free = worn.free(spectacles.frame_of(bare))[..., 0]
    assert free[145, 240] < 0.05 and free[194, 180] < 0.1, "bridge and rim stay"
    assert free[275, 240] > 0.9, "cheeks are free"
    rim = worn.bare(spectacles.frame_of(bare))
    assert rim[194, 180] == 0 and rim[140, 180] == 1, "a rim is no skin, an eye is no rim"


@pytest.fixture(scope="module")
def engine():
    return mesh.build()


def shut(engine, drawn, rgb) -> tuple[np.ndarray, np.ndarray, mesh.MeshCode]:
    """A picture of the drawn face, the same with its eyes shut, and its code."""
    crop = align.cut(Photo(rgb), drawn.face, engine.crop)
    code = engine.encode([crop])[0]
    (edit,) = parse("AU43=5")
    return crop.rgb, engine.decode([engine.shift(code, edit)])[0].rgb, code


def opening(code: mesh.MeshCode, side: str) -> np.ndarray:
    """The middle of an open eye, as a mask over the crop."""
    slit = code.study.sitting.slits[f"lid_{side}"]
    rim = np.concatenate([np.stack([slit.s, slit.upper], 1), np.stack([slit.s, slit.lower], 1)[::-1]])
    mask = np.zeros(code.study.crop.rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(slit.frame.back(rim)).astype(np.int32)], 1)
    return cv2.erode(mask, np.ones((3, 3), np.uint8)).astype(bool)


@pytest.mark.parametrize("dark", [1.0, 0.4])
def test_a_shut_lid_has_the_colour_of_its_skin(engine, drawn, dark):
    open_eyed, closed, code = shut(engine, drawn, (drawn.photo.rgb * dark).astype(np.uint8))
    skin = code.study.light.skin
    for side in "LR":
        here = opening(code, side)
        before, after = (np.abs(picture[here].astype(float) - skin).mean() / skin.mean() for picture in (open_eyed, closed))
        assert after < 0.3 < before


def test_a_stroke_above_the_lashes_does_not_hang_below_a_shut_eye(engine, drawn):
    """A hair or a stroke of make-up in the strip of the lashes stays out of those of the shut eye."""
    crop = align.cut(drawn.photo, drawn.face, engine.crop)
    code = engine.encode([crop])[0]
    slit, scale = code.study.sitting.slits["lid_R"], lids.scale_of(code.study.sitting.code.pose.scale)
    line = slit.frame.back(np.stack([slit.s, slit.upper - 0.25 * scale], axis=1))[40:56]
    marked = crop.rgb.copy()
    cv2.polylines(marked, [np.round(16 * line).astype(np.int32)], isClosed=False, color=LASHES, thickness=1, lineType=cv2.LINE_AA, shift=4)
    (edit,) = parse("AU43=5")
    codes = [code, *engine.encode([replace(crop, rgb=marked)])]
    plain, lined = (drawing.rgb.astype(float) for drawing in engine.decode([engine.shift(c, edit) for c in codes]))
    places = slit.frame.back(np.stack([slit.s, slit.lower + 0.26 * scale], axis=1))[42:54].round().astype(int)
    assert np.abs(plain - lined)[places[:, 1], places[:, 0]].mean() < 6.0


def test_a_lid_comes_down_by_and_by(engine, drawn):
    crop = align.cut(drawn.photo, drawn.face, engine.crop)
    code = engine.encode([crop])[0]
    here = opening(code, "R")
    seen = []
    for step in range(6):
        (edit,) = parse(f"AU43={step}")
        drawing = engine.decode([engine.shift(code, edit)])[0].rgb
        seen.append(float((np.abs(drawing[here].astype(float) - code.study.light.skin).sum(axis=-1) > 90).mean()))
    assert all(later <= earlier + 0.03 for earlier, later in itertools.pairwise(seen)) and seen[-1] < 0.5 * seen[0]


def above(code: mesh.MeshCode, marks: np.ndarray, side: str) -> np.ndarray:
    """The middle of the skin between lid and brow, as a mask over the crop, for landmarks `marks`."""
    lid, brow = marks[list(facemesh.LID_UPPER[side])[2:-2]], marks[list(lids.BROWS[f"lid_{side}"])[1:-1]]
    mask = np.zeros(code.study.crop.rgb.shape[:2], np.uint8)
    rim = np.concatenate([0.7 * lid + 0.3 * np.linspace(brow[0], brow[-1], len(lid)), (0.7 * brow + 0.3 * lid.mean(axis=0))[::-1]])
    cv2.fillPoly(mask, [np.round(rim).astype(np.int32)], 1)
    return mask.astype(bool)


def test_skin_that_a_brow_unfolds_is_smooth_and_its_own(engine):
    drawn = render(bundled(), AUVector.of({"AU04": 5}))
    plain = engine.encode([align.cut(drawn.photo, drawn.face, engine.crop)])[0]
    marks = drawn.face.landmarks[:, :2]
    striped = drawn.photo.rgb.astype(np.float32)
    left, top = plain.study.crop.to_photo[:2, 2].astype(int)
    for side in "RL":
        upper, brow = marks[list(facemesh.LID_UPPER[side])], marks[list(lids.BROWS[f"lid_{side}"])]
        rows = slice(int(brow[:, 1].min()) - 4, int(upper[:, 1].min()) - 1)
        columns = slice(int(upper[:, 0].min()) - 8, int(upper[:, 0].max()) + 8)
        striped[rows, columns] += 14 * np.where(np.arange(columns.start, columns.stop) % 4 < 2, 1, -1)[:, None]
    crop = align.cut(Photo(np.clip(striped, 0, 255).astype(np.uint8)), drawn.face, engine.crop)
    code = engine.encode([crop])[0]
    (edit,) = parse("AU1=5 AU2=5 AU4=0")
    raised = engine.decode([engine.shift(code, edit)])[0]
    for side in "RL":
        before, after = above(code, marks - [left, top], side), above(code, raised.landmarks[:, :2], side)
        streaks = [
            np.abs(np.diff(p.astype(float).mean(axis=-1), n=2, axis=1))[m[:, 1:-1]].mean()
            for p, m in ((crop.rgb, before), (raised.rgb, after))
        ]
        assert after.sum() > 1.3 * before.sum(), "the skin is unfolded"
        assert streaks[1] < 0.25 * streaks[0], "no streaks along the pull"
        assert np.abs(raised.rgb[after].mean(axis=0) - crop.rgb[before].mean(axis=0)).max() < 20, "the shade is the skin's own"


def test_a_brow_that_rises_takes_no_lid_out_of_its_fold(engine, drawn):
    code = engine.encode([align.cut(drawn.photo, drawn.face, engine.crop)])[0]
    here = opening(code, "R")
    (edit,) = parse("AU1=5 AU2=5")
    raised = engine.decode([engine.shift(code, edit)])[0].rgb
    assert np.abs(raised[here].astype(float) - code.study.crop.rgb[here]).mean() < 25


def test_a_lid_follows_a_gaze_downwards_and_leaves_the_eye_open(engine, drawn):
    code = engine.encode([align.cut(drawn.photo, drawn.face, engine.crop)])[0]
    apertures = []
    for step in range(6):
        (edit,) = parse(f"AU64={step}")
        moved = morph.move(code.study.sitting, engine.shift(code, edit).expression)
        apertures.append(moved.slits["lid_R"].aperture / code.study.sitting.slits["lid_R"].aperture)
    assert all(0.02 < was - now < 0.2 for was, now in itertools.pairwise(apertures))
    assert 0.45 < apertures[-1] < 0.85
