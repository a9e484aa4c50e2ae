"""Who is who among drawn people, as the networks see them."""

import numpy as np

from mien.api.following import Follower
from mien.faces.align import Square
from mien.types import Photo

from .conftest import staged


def places(pictures):
    """Where each number is in each picture, in pixels from the left."""
    follower = Follower()
    seen = [follower.look(Photo(rgb, time=number / 25)) for number, rgb in enumerate(pictures)]
    return [{person: Square.around(face.landmarks).x for person, face in people.items()} for people in seen]


def test_drawn_people_who_cross_keep_their_numbers(cast):
    behind, front = cast
    steps = range(20)
    found = places([staged((behind, 390 - 16 * step), (front, 90 + 16 * step)) for step in steps])
    assert any(len(people) == 1 for people in found), "one was hidden"
    for step, people in zip(steps, found, strict=True):
        assert 0 in people and set(people) <= {0, 1}
        assert abs(people[0] - (90 + 16 * step)) < 12
        assert 1 not in people or abs(people[1] - (390 - 16 * step)) < 20
    assert found[0].keys() == found[-1].keys() == {0, 1}


def test_a_drawn_person_who_comes_back_elsewhere_has_the_old_number_and_another_a_new_one(cast):
    one, other = cast
    wall = staged()
    found = places([staged((one, 120))] * 2 + [wall] * 30 + [staged((one, 330))] * 2 + [staged((other, 330))] * 2)
    assert [set(people) for people in found] == [{0}] * 2 + [set()] * 30 + [{0}] * 2 + [{1}] * 2
    assert np.allclose(found[32][0], 330, atol=8)
