"""Finding faces, on drawn ones: where, how many, in which order, and not where there is none."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mien.data.renders import render
from mien.faces import detect, landmarks
from mien.faces.align import Square, carry, five_points
from mien.geometry import head
from mien.types import Photo


@pytest.fixture(scope="module")
def drawn():
    return render(head.bundled(), size=256, seed=1)


@pytest.fixture(scope="module")
def group(drawn):
    """Three faces of different sizes on one wall, from left to right."""
    wall = np.full((300, 700, 3), (96, 112, 128), dtype=np.uint8)
    for left, side in ((20, 160), (230, 240), (520, 130)):
        wall[40 : 40 + side, left : left + side] = cv2.resize(drawn.photo.rgb, (side, side), interpolation=cv2.INTER_AREA)
    return Photo(wall)


def test_a_face_is_looked_for_where_it_is(drawn):
    best = detect.candidates(drawn.photo.rgb)[0]
    truth = Square.around(drawn.face.landmarks)
    assert np.hypot(best.square.x - truth.x, best.square.y - truth.y) < 0.25 * truth.half
    assert 0.75 < best.square.half / truth.half < 1.35


@pytest.mark.data
@pytest.mark.parametrize("side", [256, 2000])
def test_yunet_looks_where_hog_does_also_in_large_pictures(drawn, data, side):
    rgb = np.full((side, side, 3), (96, 112, 128), dtype=np.uint8)
    rgb[-256:, -256:] = drawn.photo.rgb
    (found,) = detect.by_yunet(rgb, data / "yunet.onnx")
    hog = detect.by_hog(drawn.photo.rgb)[0].square
    assert np.hypot(found.square.x - (side - 256) - hog.x, found.square.y - (side - 256) - hog.y) < 0.15 * hog.half
    assert 0.8 < found.square.half / hog.half < 1.25
    assert abs(found.square.roll) < 0.1 and found.score > 0.8 and not found.doubtful


@pytest.mark.data
@pytest.mark.parametrize("angle", [-20, 20])
def test_yunet_tells_the_roll_of_a_tilted_face_and_the_landmarks_follow(drawn, data, angle):
    turn = cv2.getRotationMatrix2D((127.5, 127.5), -angle, 1.0)
    tilted = cv2.warpAffine(drawn.photo.rgb, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    square = detect.by_yunet(tilted, data / "yunet.onnx")[0].square
    assert np.cos(square.roll - np.deg2rad(angle)) > 0.97
    points = landmarks.landmarker().place(tilted, square).landmarks
    assert error(points, carry(np.vstack([turn, [0, 0, 1]]), drawn.face.landmarks)) < 0.12


@pytest.mark.data
def test_yunet_finds_a_group_and_nobody_on_a_wall(group, data):
    found = detect.distinct(detect.by_yunet(group.rgb, data / "yunet.onnx"), square=lambda c: c.square)
    assert np.allclose(sorted(candidate.square.x for candidate in found), [100, 350, 585], atol=15)
    assert detect.by_yunet(np.full((300, 400, 3), 110, np.uint8), data / "yunet.onnx") == []


@pytest.mark.parametrize("angle", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180])
def test_a_lying_face_is_found_with_its_roll(drawn, angle):
    best = detect.candidates(np.ascontiguousarray(cv2.rotate(drawn.photo.rgb, angle)))[0]
    expected = {cv2.ROTATE_90_CLOCKWISE: 90, cv2.ROTATE_90_COUNTERCLOCKWISE: -90, cv2.ROTATE_180: 180}[angle]
    assert np.cos(best.square.roll - np.deg2rad(expected)) > 0.99


@pytest.mark.parametrize("angle", [-30, 0, 30])
def test_a_face_of_60_pixels_is_found_upright_and_tilted_beside_a_large_one(drawn, angle):
    factor = 60 / drawn.face.box[3]
    side = round(256 * factor)
    turn = cv2.getRotationMatrix2D((127.5, 127.5), angle, 1.0)
    tilted = cv2.warpAffine(drawn.photo.rgb, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    wall = np.full((300, 400, 3), (96, 112, 128), dtype=np.uint8)
    wall[20:276, 10:266] = drawn.photo.rgb
    wall[100 : 100 + side, 280 : 280 + side] = cv2.resize(tilted, (side, side), interpolation=cv2.INTER_AREA)
    large, small = landmarks.find(Photo(wall))
    assert large.box[3] > 2 * small.box[3]
    assert np.hypot(*(small.landmarks[:, :2].mean(axis=0) - (280 + side / 2, 100 + side / 2))) < 20


def test_the_same_face_twice_counts_once():
    near = [detect.Candidate(Square(100 + d, 100, 40), score) for d, score in ((0, 1.0), (6, 2.0), (-9, 0.5))]
    other = detect.Candidate(Square(190, 100, 40), 0.1)
    kept = detect.distinct([*near, other], square=lambda c: c.square)
    assert kept == [near[1], other]


def test_large_pictures_are_searched_smaller(monkeypatch):
    seen = []
    monkeypatch.setattr(detect, "_hog", lambda grey, scale: seen.append(grey.size * scale**2) or [detect.Candidate(Square(1, 1, 1), 1.0)])
    for side in (300, 6000):
        detect.by_hog(np.zeros((side, side, 3), dtype=np.uint8))
    assert seen[0] == pytest.approx((300 * 80 / 60) ** 2)
    assert seen[1] == pytest.approx(detect._AREA)
    assert detect._AREA >= 12e6 * (80 / 60) ** 2  # a photo of 12 megapixels is searched for the smallest faces


def test_five_points_say_where_the_landmarks_lie(drawn):
    square, truth = detect.square_of_five(five_points(drawn.face.landmarks)), Square.around(drawn.face.landmarks)
    assert np.hypot(square.x - truth.x, square.y - truth.y) < 0.2 * truth.half
    assert 0.8 < square.half / truth.half < 1.25


def error(found, truth):
    eyes = np.linalg.norm(truth[33, :2] - truth[263, :2])
    return np.linalg.norm((found - truth)[:, :2], axis=1).mean() / eyes


def test_landmarks_lie_on_the_drawn_face(drawn):
    (face,) = landmarks.find(drawn.photo)
    assert error(face.landmarks, drawn.face.landmarks) < 0.12
    assert face.score > 0.5
    x, y, width, height = face.box
    inside = (face.landmarks[:, :2] >= (x - 1e-6, y - 1e-6)) & (face.landmarks[:, :2] <= (x + width + 1e-6, y + height + 1e-6))
    assert inside.all()


def test_all_faces_are_found_from_left_to_right(group):
    faces = landmarks.find(group)
    middles = [face.box[0] + face.box[2] / 2 for face in faces]
    assert np.allclose(middles, [100, 350, 585], atol=15)


def test_a_face_does_not_depend_on_what_else_is_in_the_photo(group):
    square = Square(350, 150, 80)
    alone = Photo(np.ascontiguousarray(group.rgb[:, 200:500]))
    placed = landmarks.landmarker().place(group.rgb, square).landmarks
    shifted = landmarks.landmarker().place(alone.rgb, Square(150, 150, 80)).landmarks
    assert np.allclose(placed, shifted + np.array([200, 0, 0]), atol=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_no_face_is_found_where_there_is_none(seed):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 1 + 2 * seed)
    assert landmarks.find(Photo(noise)) == []
    assert landmarks.find(Photo(dithered(Image.fromarray(noise)))) == []


def dithered(picture):
    """The picture as one saved with a palette shows it."""
    return np.array(picture.convert("RGB").convert("P").convert("RGB"))


def in_doubt(monkeypatch, square):
    monkeypatch.setattr(landmarks, "candidates", lambda _: [detect.Candidate(square, -0.5, doubtful=True)])


def test_a_doubtful_face_is_kept_when_it_is_one_also_with_few_colours(drawn, monkeypatch):
    in_doubt(monkeypatch, Square.around(drawn.face.landmarks))
    assert len(landmarks.find(drawn.photo)) == 1
    assert len(landmarks.find(Photo(dithered(Image.fromarray(drawn.photo.rgb))))) == 1


@pytest.mark.parametrize("lost", ["closer", "exchanged"])
def test_what_resembles_a_face_in_one_framing_or_in_its_own_colours_only_is_none(drawn, monkeypatch, lost):
    """An emblem, played by a drawn face that the network does not recognise in one of the two looks."""
    network, square = landmarks.landmarker(), Square.around(drawn.face.landmarks)
    look = network.look

    def deceived(rgb, there):
        differs = there.half < 0.9 * square.half if lost == "closer" else not np.array_equal(rgb, drawn.photo.rgb)
        points, presence = look(rgb, there)
        return points, 0.7 if differs else presence

    monkeypatch.setattr(network, "look", deceived)
    assert len(landmarks.find(drawn.photo)) == 1  # the detector and the network are sure of it
    in_doubt(monkeypatch, square)
    assert landmarks.find(drawn.photo) == []


def test_what_the_network_is_unsure_of_is_looked_at_again_although_the_detector_is_sure(drawn, monkeypatch):
    network, look = landmarks.landmarker(), landmarks.landmarker().look
    presence = {"all": 0.7}
    monkeypatch.setattr(network, "look", lambda rgb, there: (look(rgb, there)[0], presence["all"]))
    assert landmarks.find(drawn.photo) == []
    presence["all"] = 0.93
    assert len(landmarks.find(drawn.photo)) == 1


@pytest.mark.data
@pytest.mark.parametrize("colours", [None, 8, 16, 32, 64, 256])
def test_emblems_on_a_suit_are_no_faces_with_few_colours_either(colours):
    astronaut = Image.open(Path(os.environ["MIEN_DATA"]) / "sample_photos" / "astronaut.png").convert("RGB")
    (dithering,) = landmarks.find(Photo(dithered(astronaut)))
    (face,) = landmarks.find(Photo(np.array(astronaut.quantize(colours).convert("RGB") if colours else astronaut)))
    assert np.hypot(*(dithering.landmarks - face.landmarks)[:, :2].mean(axis=0)) < 5
    assert np.hypot(*(face.landmarks[:, :2].mean(axis=0) - (224, 123))) < 10


def test_tracking_follows_a_face_that_moves_and_lets_go_of_one_that_leaves(drawn):
    moved = Photo(np.roll(drawn.photo.rgb, (8, 12), axis=(0, 1)))
    (before,) = landmarks.find(drawn.photo)
    after = landmarks.track(moved, before)
    assert after is not None
    shift = (after.landmarks - before.landmarks)[:, :2].mean(axis=0)
    assert np.allclose(shift, (12, 8), atol=2.0)
    gone = Photo(np.full_like(drawn.photo.rgb, 110))
    assert landmarks.track(gone, before) is None


def test_a_face_that_stays_needs_one_look_and_one_that_is_elsewhere_two(drawn, monkeypatch):
    network = landmarks.landmarker()
    (face,) = landmarks.find(drawn.photo)
    looks, look = [], network.look
    monkeypatch.setattr(network, "look", lambda rgb, square: looks.append(square) or look(rgb, square))
    assert landmarks.track(drawn.photo, face) is not None
    assert len(looks) == 1
    network.place(drawn.photo.rgb, Square.around(face.landmarks).lowered(0.2))
    assert len(looks) == 3
