"""Who is who from frame to frame of a video.

A face is looked for where it should be by now, as it moved before. That says who it is as long as faces keep apart and nothing jumps; where
they meet, where a picture was cut, and where somebody comes back, codes of the faces decide (`mien.faces.identity`), by the small network
that ships: it takes 4 ms a face, and the numbers of people do not depend on what else is on a machine.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64

from mien import weights
from mien.faces import identity, landmarks
from mien.faces.align import Square, five_points
from mien.faces.detect import distinct
from mien.types import Crop, Face, Photo

LOOK_AGAIN = 25  #: frames: how often newcomers are searched for, and everybody is recognised anew
OFTEN = 5  #: frames: how often all is searched while somebody has just been lost
RECENT = 1.0  #: seconds after which somebody who was lost is no longer looked for along the way they went
CLOSE = 1.2  #: half sides of a face's square: nearer faces touch each other
JUMP = 0.2  #: half sides from where it should be, and logarithm of its size: what goes further between two frames may be somebody else
#: Least correlation of the small aligned face with that of the last frame. Strangers in LFW have 0.19 in the median and 0.79 one time in a
#: thousand; one face that moves on keeps 0.97 and more.
GLANCE = 0.9
#: Least cosines of codes. Across photos strangers in LFW have 0.07 in the median, 0.29 one time in twenty, 0.40 in a hundred; a face of
#: one video keeps 0.8 when it is blurred, dark or roughly placed, and half of them 0.6 when they turn to the other side.
SAME_PLACE, ELSEWHERE = 0.3, 0.5
_GOES_ON = 0.1  # of a cosine: that speaks for who did not jump
_AWAY = 0.1  # of a cosine, for each half side away from where somebody should be, up to 1.5
_SAME = 0.7  # half sides: nearer faces are one
_GLANCE = 24  # pixels
_STEADY = 0.5  # share of the last frame's speed in the speed that is expected


@dataclass(frozen=True, eq=False)
class Seen:
    """A face of a frame."""

    face: Face
    glance: Float32[np.ndarray, "24 24"]  #: the aligned face in grey, less its mean
    code: Float64[np.ndarray, " d"] | None = None  #: where it was asked for and stands for the person

    @staticmethod
    def of(photo: Photo, face: Face) -> "Seen":
        """The face as it looks at a glance."""
        small = identity.aligned(photo.rgb, five_points(face.landmarks), _GLANCE)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return Seen(face, grey - grey.mean())


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who was seen."""

    face: Face  #: where last
    glance: Float32[np.ndarray, "24 24"]  #: as `Seen.glance`
    time: float  #: when, in seconds
    velocity: Float[np.ndarray, " 2"]  #: pixels a second
    looks: Float64[np.ndarray, " d"]  #: the sum of codes of the face

    def expected(self, time: float) -> Face:
        """The face where it should be by now."""
        x, y = self.velocity * (time - self.time)
        left, top, width, height = self.face.box
        return Face((left + x, top + y, width, height), self.face.score, self.face.landmarks + np.array([x, y, 0.0]))

    def moved(self, seen: Seen, time: float, *, before: bool) -> "Person":
        """The same person, seen again; a speed is known of who was seen in the frame `before`."""
        velocity = np.zeros(2)
        if before and time > self.time:
            speed = (_middle(seen.face) - _middle(self.face)) / (time - self.time)
            velocity = _STEADY * speed + (1 - _STEADY) * self.velocity
        return Person(seen.face, seen.glance, time, velocity, self.looks if seen.code is None else self.looks + seen.code)

    def goes_on(self, seen: Seen, where: Face) -> bool:
        """Whether a face is where this one should be, as large, and looks the same: nothing jumped, and the film was not cut."""
        larger = math.log(_square(seen.face).half / _square(where).half)
        contrast = float(np.linalg.norm(seen.glance) * np.linalg.norm(self.glance))
        alike = float((seen.glance * self.glance).sum()) >= GLANCE * contrast
        return _distance(seen.face, where) < JUMP and abs(larger) < JUMP and alike


class Follower:
    """Follows faces through a video: `look` at one frame after the other."""

    def __init__(self) -> None:
        self._people: dict[int, Person] = {}
        self._here: frozenset[int] = frozenset()  # who was in the last frame
        self.frames = 0  #: that were looked at

    def look(self, photo: Photo) -> dict[int, Face]:
        """The faces of the next frame by the number of the person."""
        near = {
            number: person.expected(photo.time)
            for number, person in self._people.items()
            if number in self._here or photo.time - person.time <= RECENT
        }
        tracked = [face for where in near.values() if (face := landmarks.track(photo, where)) is not None]
        seen = self._named(photo, [Seen.of(photo, face) for face in distinct(tracked, square=_square)], near, self._people)
        if self._searching(seen, near):
            found = [face for face in landmarks.find(photo) if all(_distance(face, one.face) > _SAME for one in seen.values())]
            others = [Seen.of(photo, face) for face in found]
            missing = self._people.keys() - seen.keys()
            known = self._named(photo, others, {number: where for number, where in near.items() if number in missing}, missing)
            seen |= known | self._newcomers(photo, [one for one in others if all(one.face is not other.face for other in known.values())])
        for number, one in seen.items():
            self._note(number, one, photo.time)
        self._here, self.frames = frozenset(seen), self.frames + 1
        return {number: seen[number].face for number in sorted(seen)}

    def _searching(self, seen: Mapping[int, Seen], near: Mapping[int, Face]) -> bool:
        """Whether the whole frame is to be searched: regularly, when nobody is seen, when somebody was lost, and for a while after."""
        if self.frames % LOOK_AGAIN == 0 or not seen or self._here - seen.keys():
            return True
        return self.frames % OFTEN == 0 and bool(near.keys() - seen.keys())

    def _named(self, photo: Photo, faces: Sequence[Seen], near: Mapping[int, Face], people: Collection[int]) -> dict[int, Seen]:
        """Whose faces these are, as far as they are those of `people`: by place where there is no doubt, else by code too."""
        named = {} if self.frames % LOOK_AGAIN == 0 else self._sure(faces, near)
        doubtful = [one for one in faces if all(one is not other for other in named.values())]
        waiting = [number for number in people if number not in named]
        if not doubtful or not waiting:
            return named
        codes = _codes(photo, [one.face for one in doubtful])
        pairs = [
            (score, number, place)
            for number in waiting
            for place, (one, code) in enumerate(zip(doubtful, codes, strict=True))
            if (score := self._score(number, one, code, near.get(number))) is not None
        ]
        given = set[int]()
        for _, number, place in sorted(pairs, reverse=True):
            if number not in named and place not in given:
                one, code = doubtful[place], codes[place]
                alone = all(_distance(one.face, where) >= CLOSE for other, where in near.items() if other != number)
                named[number] = replace(one, code=code) if alone and self._alike(number, code) >= SAME_PLACE else one
                given.add(place)
        return named

    def _sure(self, faces: Sequence[Seen], near: Mapping[int, Face]) -> dict[int, Seen]:
        """The faces that go on where one person should be, with no other face or person close by."""
        sure: dict[int, Seen] = {}
        for one in faces:
            around = [number for number, where in near.items() if _distance(one.face, where) < CLOSE]
            if len(around) == 1 and around[0] in self._here and self._people[around[0]].goes_on(one, near[around[0]]):
                where = near[around[0]]
                if all(one is other or _distance(other.face, where) >= CLOSE for other in faces):
                    sure[around[0]] = one
        return sure

    def _score(self, number: int, one: Seen, code: Float64[np.ndarray, " d"], where: Face | None) -> float | None:
        """How well a face is a person's who should be at `where`, if that is known; None where it is not at all."""
        alike = self._alike(number, code)
        away = math.inf if where is None else _distance(one.face, where)
        goes_on = where is not None and number in self._here and self._people[number].goes_on(one, where)
        if not goes_on and alike < (SAME_PLACE if away < 1 else ELSEWHERE):
            return None
        return alike + _GOES_ON * goes_on - _AWAY * min(away, 1.5)

    def _alike(self, number: int, code: Float64[np.ndarray, " d"]) -> float:
        """The cosine of a face's code and what is known of a person."""
        looks = self._people[number].looks
        return float(code @ looks / np.linalg.norm(looks))

    def _newcomers(self, photo: Photo, faces: Sequence[Seen]) -> dict[int, Seen]:
        """Faces that were never seen before, from left to right."""
        codes = _codes(photo, [one.face for one in faces]) if faces else ()
        return dict(enumerate((replace(one, code=code) for one, code in zip(faces, codes, strict=True)), len(self._people)))

    def _note(self, number: int, one: Seen, time: float) -> None:
        known = self._people.get(number)
        if known is not None:
            self._people[number] = known.moved(one, time, before=number in self._here)
        elif one.code is not None:
            self._people[number] = Person(one.face, one.glance, time, np.zeros(2), one.code)

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON: `Follower.of` goes on with it, to the last bit as if nothing had been between."""
        people = [
            {
                "box": one.face.box, "score": one.face.score, "landmarks": one.face.landmarks.tolist(), "time": one.time,
                "velocity": one.velocity.tolist(), "looks": one.looks.tolist(), "glance": one.glance.tolist(),
            }
            for one in self._people.values()
        ]  # fmt: skip
        return {"frames": self.frames, "here": sorted(self._here), "people": people}

    @staticmethod
    def of(state: Mapping[str, Any]) -> "Follower":
        """The follower that was in this state."""
        follower = Follower()
        follower.frames, follower._here = state["frames"], frozenset(state["here"])
        for number, one in enumerate(state["people"]):
            face, glance = Face(tuple(one["box"]), one["score"], np.array(one["landmarks"])), np.array(one["glance"], np.float32)
            follower._people[number] = Person(face, glance, one["time"], np.array(one["velocity"]), np.array(one["looks"]))
        return follower


def follow(photos: Iterable[Photo]) -> Iterator[tuple[Photo, dict[int, Face]]]:
    """Each frame and its faces by the number of the person: those of the first frame from left to right, then newcomers as they come.

    Who was lost and comes back keeps the number, as far as the network recognises the face.
    """
    follower = Follower()
    for photo in photos:
        yield photo, follower.look(photo)


def slim(face: Face) -> Crop:
    """A crop without its pixels: sequences are solved from landmarks, and the faces of a long video would not fit into memory."""
    return Crop(np.zeros((1, 1, 3), np.uint8), np.eye(3), face)


@cache
def _network() -> identity.Recognizer:
    return identity.recognizer(weights.bundled("identity"))


def _codes(photo: Photo, faces: Sequence[Face]) -> Float64[np.ndarray, "n d"]:
    network = _network()
    return network.codes(np.stack([identity.aligned(photo.rgb, five_points(face.landmarks), network.size) for face in faces]))


def _square(face: Face) -> Square:
    return Square.around(face.landmarks)


def _middle(face: Face) -> Float[np.ndarray, " 2"]:
    square = _square(face)
    return np.array([square.x, square.y])


def _distance(a: Face, b: Face) -> float:
    """Between the middles of two faces, in half sides of the larger one's square."""
    one, other = _square(a), _square(b)
    return math.hypot(one.x - other.x, one.y - other.y) / max(one.half, other.half)
