"""Latent editing consistency, where it is known."""

import pytest
import torch

from mien.metrics.consistency import editing_consistency, principal_edits


def pictures_of(codes):
    return codes[:, :, None, :].expand(-1, 3, codes.shape[1], -1).clone() if codes.ndim == 3 else codes


def test_an_encoder_that_undoes_the_generator_is_consistent():
    draw = torch.Generator().manual_seed(0)
    codes = torch.randn(9, 4, 4, generator=draw)
    edits = torch.randn(3, 4, generator=draw)
    pictures = codes[:, None].expand(-1, 3, -1, -1)
    assert editing_consistency(pictures, lambda p: p[:, 0], lambda c: c[:, None].expand(-1, 3, -1, -1), edits) < 1e-5


def test_the_distance_is_what_an_edit_loses_and_outliers_are_left_out():
    """An encoder that finds half of every code loses half of each edit, however large the code."""
    edit = torch.tensor([[0.0, 3.0], [4.0, 0.0]])
    codes = torch.zeros(300, 2, 2)
    codes[7] = 500.0

    def encode(pictures):
        return pictures[:, 0] / 2

    def draw(codes):
        return 2 * codes[:, None].expand(-1, 3, -1, -1) - 1.0 * (codes.abs().amax((1, 2)) > 100)[:, None, None, None] * 1e4

    found = editing_consistency(2 * codes[:, None].expand(-1, 3, -1, -1), encode, lambda c: c[:, None].expand(-1, 3, -1, -1), edit)
    lost = [(2 * (size / 2) ** 2) ** 0.5 for size in (3.0, 4.0)]
    assert found == pytest.approx(sum(lost) / 2, rel=1e-5), "the one far away is no part of it"
    assert editing_consistency(2 * codes[:, None].expand(-1, 3, -1, -1), encode, draw, edit) == pytest.approx(0, abs=1e-5)


def test_principal_edits_are_steps_along_the_widest_directions():
    draw = torch.Generator().manual_seed(1)
    turned, _ = torch.linalg.qr(torch.randn(5, 5, generator=draw))
    spread = torch.tensor([0.1, 3.0, 0.2, 1.0, 0.3])
    w = torch.randn(20_000, 5, generator=draw) * spread @ turned + 7
    steps = principal_edits(w, 2)
    assert steps.norm(dim=1).numpy() == pytest.approx([6.0, 2.0], rel=0.03)
    for step, row in zip(steps, (1, 3), strict=True):
        assert abs(float(step / step.norm() @ turned[row])) == pytest.approx(1, abs=1e-3)
        assert step[step.abs().argmax()] > 0
