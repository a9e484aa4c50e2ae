"""Who is who, in a world where that is known."""

import json

import numpy as np
import pytest

from mien.api import following
from mien.api.following import LOOK_AGAIN, Follower

from .conftest import walk


def turned(code, cosine, axis=-1):
    """A code as alike to another as that."""
    other = np.zeros_like(code)
    other[axis] = np.sqrt(1 - cosine**2)
    return cosine * code + other


ANN, BEN = np.eye(16)[:2]


def steady(numbers, name):
    """The number of somebody who never has another."""
    (number,) = {frame[name] for frame in numbers if name in frame}
    return number


def test_those_of_the_first_frame_count_from_left_to_right_and_newcomers_follow(world):
    people = world({"right": walk((0, 400), (9, 400)), "left": walk((0, 100), (9, 100)), "late": walk((0.5, 250), (9, 250))})
    numbers = people.follow(50)
    assert [steady(numbers, name) for name in ("left", "right", "late")] == [0, 1, 2]
    assert all(numbers[frame].keys() == {"left", "right"} for frame in range(12))
    assert "late" in numbers[25]


@pytest.mark.parametrize("speed", [60, 150, 400])
def test_people_who_cross_keep_their_numbers(world, speed):
    """Pixels a second: faces of 80 pixels that pass one before the other, slowly, and in a few frames."""
    seconds = 400 / speed
    people = world({"ann": walk((0, 100), (seconds, 500)), "ben": walk((0, 500), (seconds, 100))})
    numbers = people.follow(int(25 * seconds))
    assert (steady(numbers, "ann"), steady(numbers, "ben")) == (0, 1)
    assert any("ben" not in frame for frame in numbers), "the one behind is hidden for a while"
    assert numbers[-1].keys() == {"ann", "ben"}


def test_people_who_meet_and_turn_back_keep_their_numbers(world):
    people = world({"ann": walk((0, 100), (2, 290), (4, 100)), "ben": walk((0, 500), (2, 310), (4, 500))})
    numbers = people.follow(100)
    assert (steady(numbers, "ann"), steady(numbers, "ben")) == (0, 1)
    assert any("ben" not in frame for frame in numbers)


def test_who_is_lost_for_a_moment_and_hardly_recognised_where_they_were_is_the_same(world):
    people = world({"ann": walk((0, 200), (1, 200)), "again": walk((1.5, 210), (3, 210))}, {"ann": ANN, "again": turned(ANN, 0.4)})
    numbers = people.follow(75)
    assert steady(numbers, "ann") == steady(numbers, "again") == 0
    assert numbers[30] == {}


def test_who_comes_back_much_later_elsewhere_has_to_be_recognised(world):
    looks = {"ann": ANN, "back": turned(ANN, 0.6), "like": turned(ANN, 0.4, -2)}
    paths = {"ann": walk((0, 200), (1, 200)), "back": walk((4, 400), (5, 400)), "like": walk((8, 300), (9, 300))}
    numbers = world(paths, looks).follow(225)
    assert [steady(numbers, name) for name in ("ann", "back", "like")] == [0, 0, 1]


def test_a_cut_to_somebody_else_is_another_person_at_once_and_a_cut_back_is_not(world):
    people = world({"ann": walk((0, 200), (1, 200), (2, None), (2, 200), (3, 200)), "ben": walk((1, 212), (2, 212))})
    numbers = people.follow(75)
    assert numbers == [{"ann": 0}] * 25 + [{"ben": 1}] * 25 + [{"ann": 0}] * 25


def test_a_head_that_turns_away_without_a_jump_stays_the_same_whatever_its_code_says(world):
    people = world({"ann": walk((0, 200), (4, 230))})
    people.looks = {"ann": ANN}
    follower = Follower()
    first = people.follow(30, follower=follower)
    people.looks = {"ann": BEN}
    assert {frame["ann"] for frame in first + people.follow(90, follower=follower, start=30)} == {0}


def test_a_swap_is_undone_when_all_are_recognised_anew(world):
    """Two who change places between two frames, each now where the other was, are taken for each other for a second at most."""
    people = world({"ann": walk((0, 100), (1.06, 100), (1.06, 300), (3, 300)), "ben": walk((0, 300), (1.06, 300), (1.06, 100), (3, 100))})
    numbers = people.follow(70)
    assert numbers[26] == {"ann": 0, "ben": 1}
    assert numbers[27] == {"ann": 1, "ben": 0}, "nothing jumped"
    assert all(frame == {"ann": 0, "ben": 1} for frame in numbers[50:])


def test_a_frame_is_searched_rarely_while_all_are_followed_and_codes_are_made_as_rarely(world):
    people = world({"ann": walk((0, 100), (9, 180)), "ben": walk((0, 400), (9, 420))})
    people.follow(200)
    assert people.searches == 200 / LOOK_AGAIN
    assert people.coded == 2 * 200 / LOOK_AGAIN


def test_it_goes_on_from_its_state_as_if_nothing_had_been_between(world):
    paths = {"ann": walk((0, 100), (4, 500)), "ben": walk((0, 500), (4, 100)), "late": walk((2.5, 300), (4, 300))}
    whole = world(paths).follow(100)
    for stop in (1, 50, 64):
        follower = Follower()
        before = world(paths).follow(stop, follower=follower)
        state = json.loads(json.dumps(follower.state()))
        assert before + world(paths).follow(100, follower=Follower.of(state), start=stop) == whole


def test_slim_crops_have_no_pixels(drawn):
    crop = following.slim(drawn.face)
    assert crop.face is drawn.face and crop.rgb.size == 3
