"""Words below pictures: large enough to read, apart, and inside."""

import numpy as np
import pytest

from mien.api.labelled import side_by_side


def picture(side):
    return np.full((side, side, 3), 128, np.uint8)


def inked(sheet, side):
    """The columns and rows below the pictures that have ink."""
    dark = (sheet[side:] < 128).all(axis=2)
    return np.flatnonzero(dark.any(axis=0)), np.flatnonzero(dark.any(axis=1))


def test_pictures_stay_as_they_are():
    sheet = side_by_side([(picture(64), "before"), (picture(64), "after")])
    assert (sheet[:64, :64] == 128).all()
    assert (sheet[:64, -64:] == 128).all()


def test_letters_grow_with_the_row():
    heights = [np.ptp(inked(side_by_side([(picture(side), "HHH")] * 6), side)[1]) for side in (64, 320, 640)]
    assert heights[0] >= 8
    assert heights[2] >= 1.8 * heights[1] >= 1.8 * heights[0]


def test_words_stand_apart():
    columns, _ = inked(side_by_side([(picture(320), "AU1=5 AU2=5")]), 320)
    gaps = np.diff(columns) - 1
    assert gaps.max() >= 6
    assert sorted(gaps)[-2] <= gaps.max() / 2  # between letters


@pytest.mark.parametrize("words", ["AU12=+2 AU4=0", "AU1=5 " * 30, "x" * 300])
def test_words_that_are_too_long_go_on_below_and_end_inside(words):
    side = 80
    one, sheet = side_by_side([(picture(side), "AU12=+2")]), side_by_side([(picture(side), words)])
    columns, _ = inked(sheet, side)
    assert sheet.shape[1] == side
    assert columns.min() >= 0
    assert columns.max() < side
    assert one.shape[0] <= sheet.shape[0] <= one.shape[0] + 2 * 20
