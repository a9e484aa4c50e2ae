"""Videos whose faces are known beforehand, so that no network has to look for them."""

import weakref
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from mien import video
from mien.api import reading, spooling
from mien.aus import AXES, AUVector
from mien.faces import landmarks
from mien.types import Presence, Reading

GONE = range(19, 23)  #: frames without a face
PART = 8  #: frames


@pytest.fixture
def clip(tmp_path, drawn, monkeypatch):
    """``clip(frames)`` is a video of 25 frames a second in which a face trembles and is away for some frames; parts have 8 frames.

    `looked` are the times at which faces were looked for, `faces` and `photos` what is still kept of what was found and seen.
    """
    seen = SimpleNamespace(looked=[], faces=weakref.WeakSet(), photos=weakref.WeakSet(), most=0, most_photos=0)

    def at(photo):
        frame = round(25 * photo.time)
        seen.looked.append(frame)
        seen.photos.add(photo)
        if frame in GONE:
            return None
        shift = np.random.default_rng(frame).normal(size=(468, 3)) * 0.4 + np.array([frame % 7, 0.0, 0.0])
        face = replace(drawn.face, landmarks=drawn.face.landmarks + shift)
        seen.faces.add(face)
        seen.most, seen.most_photos = max(seen.most, len(seen.faces)), max(seen.most_photos, len(seen.photos))
        return face

    monkeypatch.setattr(landmarks, "track", lambda photo, previous: at(photo))
    monkeypatch.setattr(landmarks, "find", lambda photo: [face] if (face := at(photo)) else [])
    monkeypatch.setattr(reading, "PART", PART)
    monkeypatch.setattr(spooling, "PART", PART)

    def make(frames, name="clip.mp4"):
        with video.Writer(tmp_path / name, (64, 48), 25) as writer:
            for number in range(frames):
                writer.add(np.full((48, 64, 3), number % 250, np.uint8))
        return tmp_path / name

    make.seen = seen
    return make


class Network:
    """A reader that says presence, from the first landmark; `batches` are the sizes of what it was given."""

    name, measures, detects = "network", frozenset(), ("AU01", "AU12")
    thresholds: ClassVar = {"AU01": 0.5, "AU12": 0.5}

    def __init__(self):
        self.batches = []

    def measure(self, crops):
        self.batches.append(len(crops))
        return [self._reading(crop) for crop in crops]

    def _reading(self, crop):
        probability = float(crop.face.landmarks[0, 0] % 1)
        presence = {"AU01": Presence(probability, probability > 0.5), "AU12": Presence(0.93, True, 0.1)}
        values = np.full(len(AXES), np.nan)
        return Reading(crop.face, AUVector(values), {}, (1.0, 2.0, 3.0), presence)


@pytest.fixture
def network():
    return Network()
