"""A world of people who walk through a video, in which everything is known: where each is, and how alike two faces look."""

import gc
import weakref
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.api import following
from mien.aus import AUVector
from mien.data.synth.camera import Camera
from mien.data.synth.drawing import renderer
from mien.data.synth.light import first_order
from mien.data.synth.scenes import scene
from mien.faces import landmarks
from mien.faces.align import Square
from mien.geometry import head
from mien.types import Face, Photo, Pose

HALF = 40.0  #: half sides of the squares around faces, pixels


class World:
    """`paths`: name -> function of seconds that says where a face is, or None; earlier ones stand in front. `looks`: name -> code."""

    def __init__(self, template, paths, looks=None):
        self.paths = paths
        axes = np.eye(16)
        self.looks = looks or {name: axes[i] for i, name in enumerate(paths)}
        self.names = weakref.WeakKeyDictionary()
        self.photos = weakref.WeakSet()
        self.searches = self.coded = self.most_faces = self.most_photos = 0
        square = Square.around(template)
        self._template = (template - np.array([square.x, square.y, 0.0])) * (HALF / square.half)

    def visible(self, time):
        """The faces at a time: who stands in front hides others."""
        seen = {}
        for name, path in self.paths.items():
            place = path(time)
            if place is not None and all(np.hypot(*np.subtract(place, other)) > 0.9 * HALF for other in seen.values()):
                seen[name] = place
        return seen

    def face(self, name, place):
        points = self._template + np.array([*place, 0.0])
        low, extent = points[:, :2].min(axis=0), np.ptp(points[:, :2], axis=0)
        face = Face((float(low[0]), float(low[1]), float(extent[0]), float(extent[1])), 0.9, points)
        self.names[face] = name
        return face

    def find(self, photo):
        self.searches += 1
        self.photos.add(photo)
        return sorted((self.face(*seen) for seen in self.visible(photo.time).items()), key=lambda face: face.box[0])

    def track(self, photo, previous):
        self.photos.add(photo)
        self.most_photos, self.most_faces = max(self.most_photos, len(self.photos)), max(self.most_faces, len(self.names))
        square = Square.around(previous.landmarks)
        seen = self.visible(photo.time)
        near = {name: np.hypot(place[0] - square.x, place[1] - square.y) for name, place in seen.items()}
        name = min(near, key=near.get, default=None)
        return self.face(name, seen[name]) if near and near[name] < HALF else None

    def codes(self, photo, faces):
        self.coded += len(faces)
        return np.stack([self.looks[self.names[face]] for face in faces]).astype(np.float64)

    def follow(self, count, fps=25, follower=None, start=0):
        """Who has which number in each of `count` frames."""
        follower = follower or following.Follower()
        numbers = []
        for frame in range(start, count):
            people = follower.look(Photo(np.zeros((2, 2, 3), np.uint8), time=frame / fps))
            numbers.append({self.names[face]: number for number, face in people.items()})
        gc.collect()
        return numbers


@pytest.fixture
def world(drawn, monkeypatch):
    """``world({"ann": path, ...})``: faces are found and followed there from now on."""

    def make(paths, looks=None):
        made = World(drawn.face.landmarks, paths, looks)
        monkeypatch.setattr(landmarks, "find", made.find)
        monkeypatch.setattr(landmarks, "track", made.track)
        monkeypatch.setattr(following, "_codes", made.codes)
        return made

    return make


def walk(*stations):
    """A path through ``(time, x)`` at one height, straight between two; nowhere before and after, and where x is None."""

    def where(time):
        for (begin, x), (end, to) in pairwise(stations):
            if begin <= time < end and x is not None and to is not None:
                return x + (to - x) * (time - begin) / (end - begin), 100.0
        return None

    return where


SIDE = 160  #: pixels of a drawn person


@pytest.fixture(scope="session")
def cast():
    """Two drawn people: pictures and how far they cover them."""
    scenes = [
        replace(
            scene(SIDE, 0, number, len(head.bundled().identity)),
            aus=AUVector.neutral(),
            camera=Camera(Pose(np.eye(3), SIDE / 26, np.array([SIDE / 2, SIDE * 0.52])), 90.0),
            light=first_order(0.7, np.array([0.1, 0.1, 0.2])),
        )
        for number in (2, 4)
    ]
    return [(drawn.rgb, drawn.buffers["mask"]) for drawn in renderer(SIDE).draw(scenes, ["mask"])]


def staged(*placed, size=(480, 200)):
    """A picture of people before a wall, the last one in front: ``((rgb, mask), x)`` with the middle of each."""
    width, height = size
    grain = np.random.default_rng(0).normal(size=(height, width))
    rgb = np.repeat((110 + 40 * cv2.GaussianBlur(grain, (0, 0), 2))[..., None], 3, axis=2)
    for (picture, mask), x in placed:
        left, top = round(x - SIDE / 2), (height - SIDE) // 2
        cover = mask[..., None] / 255
        part = rgb[top : top + SIDE, left : left + SIDE]
        part[:] = part * (1 - cover) + picture * cover
    return rgb.round().astype(np.uint8)
