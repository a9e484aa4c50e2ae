"""The close look at eyes and mouth: it finds its squares, keeps what it does not see, and treats both eyes alike."""

import math

import numpy as np
import pytest
import torch

from mien import registry, weights
from mien.data.labelled import LabelledFaces
from mien.data.mirror import partners
from mien.data.renders import render
from mien.data.views import CloseViews
from mien.edits import parse
from mien.errors import WeightsError
from mien.faces.align import Square, cut
from mien.faces.details import Details, eye_square, inside, mouth_square
from mien.faces.landmarks import landmarker
from mien.geometry import facemesh, head
from mien.recipes.details import pairs_of, part_loss, parts
from mien.types import CropSpec


@pytest.fixture(scope="module")
def drawn():
    return render(head.bundled(), size=256)


def turned(points, angle, scale):
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.column_stack([points[:, :2] @ rotation.T * scale + (7, 9), points[:, 2]])


@pytest.mark.parametrize("square", [eye_square, lambda p: eye_square(p, other=True), mouth_square], ids=["right eye", "left eye", "mouth"])
def test_squares_go_with_the_face(drawn, square):
    points = drawn.face.landmarks
    before, after = square(points), square(turned(points, 0.4, 1.7))
    assert after.half == pytest.approx(1.7 * before.half)
    assert after.roll == pytest.approx(before.roll + 0.4)
    assert np.allclose(inside(before, points), inside(after, turned(points, 0.4, 1.7)), atol=1e-9)


def test_squares_hold_lids_brows_and_lips(drawn):
    points = drawn.face.landmarks
    eye = inside(eye_square(points), points[[*facemesh.LID_UPPER["R"], *facemesh.LID_LOWER["R"], *facemesh.BROW["R"]]])
    mouth = inside(mouth_square(points), points[[*facemesh.LIP_UPPER, *facemesh.LIP_LOWER]])
    assert np.abs(eye).max() < 0.95
    assert np.abs(mouth).max() < 0.95


def test_depth_and_the_rest_of_the_face_stay(drawn):
    points = drawn.face.landmarks
    found = Details().refined(drawn.photo.rgb, points)
    assert np.array_equal(found[:, 2], points[:, 2])
    still = [facemesh.CHIN, facemesh.FOREHEAD, facemesh.NOSE_TIP, facemesh.EAR_LEFT, facemesh.EAR_RIGHT]
    assert np.array_equal(found[still], points[still])
    assert (found[list(facemesh.LIP_UPPER)] != points[list(facemesh.LIP_UPPER)]).any()


def test_a_left_eye_is_a_right_one_in_the_mirror(drawn):
    mirror = partners()
    points, last = drawn.face.landmarks, drawn.photo.rgb.shape[1] - 1
    seen = Details().refined(drawn.photo.rgb, points)
    flipped = points[mirror] * (-1, 1, 1) + (last, 0, 0)
    other = Details().refined(np.ascontiguousarray(drawn.photo.rgb[:, ::-1]), flipped)[mirror] * (-1, 1, 1) + (last, 0, 0)
    lids = [*facemesh.LID_UPPER["R"], *facemesh.LID_LOWER["L"]]
    assert np.abs(other[lids, :2] - seen[lids, :2]).max() < 0.6


def gap(points, upper, lower):
    return np.linalg.norm(points[upper, :2] - points[lower, :2]) / np.linalg.norm(points[33, :2] - points[263, :2])


@pytest.mark.parametrize(("edit", "upper", "lower", "shuts"), [("AU43=5", 159, 145, True), ("AU27=5 AU25=5", 13, 14, False)])
def test_lids_that_shut_and_mouths_that_open_are_seen(drawn, edit, upper, lower, shuts):
    engine = registry.engine("mesh")
    crop = cut(drawn.photo, drawn.face, CropSpec())
    code = engine.encode([crop])[0]
    changed = code
    for one in parse(edit):
        changed = engine.shift(changed, one)
    still, moved = engine.decode([code, changed])
    square = Square.around(still.landmarks)
    before, after = (gap(landmarker().place(picture.rgb, square).landmarks, upper, lower) for picture in (still, moved))
    if shuts:
        assert after < 0.5 * before
    else:
        assert after > before + 0.15


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    weights.save(path, {"x": torch.zeros(1)}, {"layers": 3})
    with pytest.raises(WeightsError, match="mien train details"):
        Details(path)


def test_parts_are_apart_and_the_eyes_mirror_each_other(drawn):
    points = parts(drawn.face.landmarks)
    assert not set(points["eye"]) & set(points["other_eye"])
    assert not set(points["mouth"]) & (set(points["eye"]) | set(points["other_eye"]))
    assert set(facemesh.LID_UPPER["R"]) <= set(points["eye"])
    assert set(facemesh.LIP_LOWER) <= set(points["mouth"])


def test_the_loss_asks_for_points_and_gaps():
    points = {"eye": [*facemesh.LID_UPPER["R"], *facemesh.LID_LOWER["R"][1:-1]], "mouth": [*facemesh.LIP_UPPER, *facemesh.LIP_LOWER]}
    pairs = pairs_of(points)["eye"]
    assert pairs.shape == (2, 7)
    truth = torch.zeros(2, 16, 2)
    assert part_loss(truth + torch.tensor([0.3, 0.4]), truth, pairs).item() == pytest.approx(0.5, abs=1e-3)
    raised = truth.clone()
    raised[:, pairs[0]] += torch.tensor([0.0, 0.1])
    assert part_loss(raised, truth, pairs).item() == pytest.approx(0.1 * 7 / 16 + 0.05, abs=1e-3)


def test_close_views_keep_points_on_their_pixels(monkeypatch):
    monkeypatch.setattr("mien.data.views.degraded", lambda rgb, rng: rgb)
    picture = render(head.bundled(), size=192)
    dotted = picture.photo.rgb.copy()
    for index, colour in ((159, (255, 0, 0)), (386, (255, 0, 0)), (13, (0, 255, 0))):
        x, y = np.round(picture.face.landmarks[index, :2]).astype(int)
        dotted[y - 1 : y + 2, x - 1 : x + 2] = colour
    points = parts(picture.face.landmarks)
    views = CloseViews(LabelledFaces(dotted[None], picture.face.landmarks[None].astype(np.float32)), points, size=48, seed=0)
    for number in range(12):
        eye, eye_points, mouth, mouth_points = views[number]
        seen = ((eye, eye_points, points["eye"].index(159), 0), (mouth, mouth_points, points["mouth"].index(13), 1))
        for view, marks, index, channel in seen:
            x, y = ((marks[index] + 1) * 24 - 0.5).round().int().tolist()
            window = view[:, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            assert (window[channel] - window[1 - channel]).max() > 0.3
