"""Colours apart: known values, and more where two expressions differ."""

import pytest
import torch

from mien.losses.colours import apart, differing


def test_an_even_difference_is_its_size_at_every_scale_and_a_fine_one_is_seen_in_one():
    even, weight = torch.full((2, 3, 16, 16), -0.25), torch.ones(2, 1, 16, 16)
    assert float(apart(even, weight)) == pytest.approx(0.25)
    assert float(apart(even, 3 * weight)) == pytest.approx(0.75)
    chequered = even.clone()
    chequered[:, :, ::2, ::2] = chequered[:, :, 1::2, 1::2] = 0.25
    assert float(apart(chequered, weight)) == pytest.approx(0.25 / 3)


def test_what_differs_is_marked_with_a_little_around():
    one, other = torch.zeros(2, 1, 3, 16, 16).unbind()
    other = other.clone()
    other[:, :, 4:8, 4:8] = 0.5
    marks = differing(one, other)[0, 0]
    assert float(marks[5:7, 5:7].min()) > 0.5 and 0 < float(marks[3, 5]) < 0.5 and not marks[10:, 10:].any()
    assert float(marks.max()) <= 1 and not differing(one, one).any()
