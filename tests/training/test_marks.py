"""Points in sample pictures stand where they are."""

import torch

from mien.training.marks import GREEN, RED, magnified, marked


def test_points_are_pixels_of_their_colour_and_those_outside_are_left_out():
    black = torch.zeros(2, 3, 4, 4)
    points = torch.tensor([[[-1.0, -1.0, 9.0], [0.99, 0.0, 9.0], [1.0, 0.0, 9.0]], [[0.0, 0.49, 0.0], [0.0, -1.01, 0.0], [-3.0, 0.0, 0.0]]])
    drawn = marked(black, points, RED)
    assert torch.nonzero(drawn[:, 0]).tolist() == [[0, 0, 0], [0, 2, 3], [1, 2, 2]]  # picture, y, x
    assert not drawn[:, 1:].any() and not black.any()
    assert torch.equal(marked(drawn, points[:, :1], GREEN)[0, :, 0, 0], torch.tensor(GREEN))


def test_a_magnified_picture_is_the_same_in_larger_pixels():
    small = torch.rand(1, 3, 2, 2)
    assert torch.equal(magnified(small, 3)[..., 1::3, 1::3], small) and torch.equal(magnified(small, 3)[..., ::3, 2::3], small)
