"""Upper lids that are followed from picture to picture, on faces drawn with known lids."""

import numpy as np
import pytest

from mien.aus import AUVector
from mien.data.renders import render
from mien.faces import lids
from mien.geometry import head

MIDDLE = {"R": 159, "L": 386}  # of the upper margin
BELOW = {"R": 145, "L": 374}


def drop(before, after, side):
    """How far the middle of a lid went down, as a share of the opening: as drawn, and as followed."""
    points = before.face.landmarks[:, :2].astype(float)
    gap = points[BELOW[side]] - points[MIDDLE[side]]
    found, sure = lids.follow(before.photo.rgb, after.photo.rgb, points)
    assert sure.min() == 1
    i = lids.MOVED.index(MIDDLE[side])
    moved = np.stack([after.face.landmarks[MIDDLE[side], :2] - points[MIDDLE[side]], found[i] - points[MIDDLE[side]]])
    return moved @ gap / (gap @ gap)


@pytest.mark.parametrize("edit", [{"AU43": 1.5}, {"AU43": 3}, {"AU43": 5}, {"AU05": 4}, {"AU01": 4, "AU02": 4}, {"AU12": 4}, {}])
def test_the_lids_go_as_they_were_drawn(drawn, edit):
    after = render(head.bundled(), AUVector.of(edit))
    for side in "RL":
        truth, found = drop(drawn, after, side)
        assert found == pytest.approx(truth, abs=0.25)  # the landmarks of a shut eye keep an eighth of its opening


def test_a_wink_shuts_one_eye(drawn):
    wink = render(head.bundled(), AUVector.of({"AU43L": 5}))
    assert drop(drawn, wink, "L")[1] > 0.8
    assert abs(drop(drawn, wink, "R")[1]) < 0.1


def test_something_else_is_not_trusted(drawn):
    noise = np.random.default_rng(0).integers(0, 255, drawn.photo.rgb.shape, dtype=np.uint8)
    assert lids.follow(drawn.photo.rgb, noise, drawn.face.landmarks[:, :2].astype(float))[1].max() < 0.5
