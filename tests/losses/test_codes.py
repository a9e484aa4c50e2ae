"""What keeps codes editable: how far rows are apart, a critic, and its memory."""

import pytest
import torch

from mien.losses.codes import Critic, Pool, deltas


def test_deltas_are_lengths_summed_over_rows():
    codes = torch.zeros(2, 3, 4)
    codes[0, 1, :2] = torch.tensor([3.0, 4.0])
    codes[1, 2] = 1.0
    codes[1, :] += 7.0  # what all rows share is no difference
    assert float(deltas(codes)) == pytest.approx((5 + 2) / 2, rel=1e-5)
    alike = torch.ones(2, 3, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(deltas(alike), alike)
    assert gradient.isfinite().all() and gradient.abs().max() == 0


def test_a_pool_gives_older_codes_for_half_of_those_that_come():
    pool, draws = Pool(4, 1), torch.Generator().manual_seed(0)
    first = torch.arange(4.0)[:, None].requires_grad_()
    given = pool(first, draws)
    assert torch.equal(given, first.detach()) and not given.requires_grad and int(pool.held) == 4
    known, older = set(range(4)), 0
    for start in range(4, 404, 8):
        came = torch.arange(start, start + 8.0)[:, None]
        before = came.clone()
        given = pool(came, draws)
        assert torch.equal(came, before)
        known |= {int(code) for code in came}
        older += int((given != came).sum())
        assert {int(code) for code in given} <= known
    assert 150 < older < 250
    assert set(pool.codes.flatten().int().tolist()) <= known and len(set(pool.codes.flatten().tolist())) == 4
    assert pool.state_dict().keys() == {"codes", "held"}


def test_a_pool_of_none_gives_what_comes():
    codes = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Pool(0, 2)(codes, torch.Generator()), codes)


def test_the_critic_judges_by_four_linear_maps_and_keeps_its_memory_apart():
    with torch.random.fork_rng():
        critic = Critic(code=6, pool=3)
    assert [tuple(p.shape) for p in critic.parameters() if p.ndim == 2] == [(512, 6), (512, 512), (512, 512), (1, 512)]
    codes = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    logits = critic(codes)
    critic.made(codes, torch.Generator())
    assert torch.equal(critic(codes), logits) and int(critic.made.held) == 3 and int(critic.found.held) == 0
