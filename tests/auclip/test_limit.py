"""How far a mapper moves a code: short moves are left alone, long ones end where faces end."""

import pytest
import torch

from mien.nn.mapper import LEVELS, LevelsMapper, limited


def moves(*lengths):
    draw = torch.randn(len(lengths), 10, 6, generator=torch.Generator().manual_seed(0))
    return draw / draw.flatten(1).norm(dim=1)[:, None, None] * torch.tensor(lengths)[:, None, None]


def test_lengths_grow_to_the_limit_and_directions_stay():
    asked = moves(0.0, 1.0, 2.0, 4.0, 8.0, 400.0)
    given = limited(asked, 4.0)
    lengths = given.flatten(1).norm(dim=1)
    assert lengths[:3].tolist() == pytest.approx([0.0, 1.0, 2.0], rel=0.02)
    assert (lengths.diff() > 0).all() and lengths[-1] == pytest.approx(4.0, rel=1e-4)
    assert torch.nn.functional.cosine_similarity(given[1:].flatten(1), asked[1:].flatten(1)).min() > 0.9999


def test_a_mapper_with_a_limit_moves_no_code_farther():
    held = LevelsMapper([2, 6], 10, tuple(LEVELS), "calibrated", ("AU12L", "AU17"), limit=3.0)
    free = LevelsMapper([2, 6], 10, tuple(LEVELS), "calibrated", ("AU12L", "AU17"))
    free.load_state_dict(held.state_dict())
    code, change = torch.zeros(1, 10, 6), torch.tensor([[30.0, -20.0]])
    far, near = (mapper.move(code, 1e6 * change).detach() for mapper in (free, held))
    assert float(near.norm()) == pytest.approx(3.0, rel=1e-3)
    assert torch.allclose(near / near.norm(), far / far.norm(), atol=1e-6)
