"""Who is who from frame to frame of a video."""

from collections.abc import Iterable, Iterator

import numpy as np

from mien.faces import landmarks
from mien.faces.align import Square
from mien.types import Crop, Face, Photo

LOOK_AGAIN = 25  #: frames: how often newcomers are searched for while all known faces are followed


def follow(photos: Iterable[Photo]) -> Iterator[tuple[Photo, dict[int, Face]]]:
    """Each frame and its faces by the number of the person: those of the first frame from left to right, then newcomers as they come.

    A face is looked for where it was. All faces are searched when one is lost, and every `LOOK_AGAIN` frames; a face that is found
    where nobody is followed is a newcomer, so that a person who comes back has a new number.
    """
    people: dict[int, Face] = {}
    count = 0
    for index, photo in enumerate(photos):
        here: dict[int, Face] = {}
        for number, old in people.items():
            face = landmarks.track(photo, old)
            if face is not None and not any(_same(face, known) for known in here.values()):
                here[number] = face
        if index % LOOK_AGAIN == 0 or len(here) < len(people) or not here:
            for face in landmarks.find(photo):
                if not any(_same(face, known) for known in here.values()):
                    here[count], count = face, count + 1
        people = here
        yield photo, dict(here)


def _same(a: Face, b: Face) -> bool:
    """Whether two faces of one frame are one: their middles are nearer than half a face."""
    one, other = Square.around(a.landmarks), Square.around(b.landmarks)
    return (one.x - other.x) ** 2 + (one.y - other.y) ** 2 < max(one.half, other.half) ** 2 / 2


def slim(face: Face) -> Crop:
    """A crop without its pixels: sequences are solved from landmarks, and the faces of a long video would not fit into memory."""
    return Crop(np.zeros((1, 1, 3), np.uint8), np.eye(3), face)
