"""The whole pipeline: nothing at p = 0, the same for the same seed, gradients of both orders, pictures of every kind."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from mien.errors import UsageError
from mien.nn.ada import KINDS, augmented, pipeline


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=6, channels=3, height=16, width=16, dtype=torch.float32):
    return (torch.rand(count, channels, height, width, generator=seeded(9), dtype=torch.float64) * 2 - 1).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kinds", KINDS)
def test_without_strength_nothing_changes_by_a_bit(kinds, dtype):
    given = pictures(dtype=dtype)
    assert torch.equal(augmented(given, 0.0, seeded(), kinds=kinds), given)


def test_pictures_to_which_nothing_comes_stay_as_they_are():
    given = pictures(400)
    same = (augmented(given, 0.1, seeded(), kinds="bgc") == given).flatten(1).all(1)
    # 12 changes; mirror, quarter turn and luma flip may draw what changes nothing; two turns come with sqrt(0.9) each left out
    expected = 0.9**9 * 0.95**2 * 0.925
    assert abs(same.float().mean() - expected) < 4.5 * (expected * (1 - expected) / 400) ** 0.5


@pytest.mark.parametrize("kinds", KINDS)
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(kinds):
    one, again, other = (augmented(pictures(), 0.7, seeded(seed), kinds=kinds) for seed in (4, 4, 5))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_more_kinds_change_more_of_the_same_batch():
    results = [augmented(pictures(), 1.0, seeded(), kinds=kinds) for kinds in KINDS]
    assert not any(torch.equal(one, other) for i, one in enumerate(results) for other in results[:i])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("size", [(17, 23), (16, 5), (3, 3), (64, 64)], ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_shape_and_type_stay(channels, size, dtype):
    given = pictures(3, channels, *size, dtype=dtype)
    done = augmented(given, 1.0, seeded(), kinds="bgcfn" if channels in (1, 3) else "bg")
    assert done.shape == given.shape and done.dtype == dtype and done.isfinite().all() and not torch.equal(done, given)


def test_the_strength_may_be_a_tensor_that_changes():
    p, given = torch.tensor(0.0), pictures()
    assert torch.equal(augmented(given, p, seeded()), given)
    p += 0.6
    assert torch.equal(augmented(given, p, seeded()), augmented(given, 0.6, seeded()))


@pytest.mark.parametrize("kinds", KINDS)
def test_mixed_precision_around_it_changes_nothing(kinds):
    given = pictures()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = augmented(given, 0.8, seeded(), kinds=kinds)
    assert torch.equal(mixed, augmented(given, 0.8, seeded(), kinds=kinds))


@pytest.mark.parametrize("kinds", KINDS)
def test_gradients_are_right_and_so_are_those_of_gradients(kinds):
    given = pictures(2, 3, 3, 4, torch.float64).requires_grad_()

    def change(x):
        return augmented(x, 1.0, seeded(3), kinds=kinds)

    assert gradcheck(change, given)
    assert gradgradcheck(change, given)


def test_a_gradient_penalty_reaches_the_discriminator():
    """R1 (Mescheder et al. 2018) through the augmentation, against finite differences of the penalty in a weight."""
    given = pictures(3, 3, 8, 8, torch.float64).requires_grad_()
    weight = torch.randn(4, 3, 3, 3, generator=seeded(1), dtype=torch.float64).requires_grad_()

    def penalty(w):
        scores = F.softplus(F.conv2d(augmented(given, 0.8, seeded(2), kinds="bgcf"), w)).sum()
        (gradient,) = torch.autograd.grad(scores, given, create_graph=True)
        return gradient.square().sum()

    (slope,) = torch.autograd.grad(penalty(weight), weight)
    step = torch.zeros_like(weight)
    step[1, 2, 0, 1] = 1e-5
    assert slope[1, 2, 0, 1].item() == pytest.approx(((penalty(weight + step) - penalty(weight - step)) / 2e-5).item(), rel=1e-6)


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match=r"'gcb' is not one of b, bg, bgc.*"):
        pipeline._check(pictures(), 0.5, "gcb")  # as it is reached where types are not checked
    with pytest.raises(UsageError, match=r"p = 1\.5: a probability is 0 to 1"):
        augmented(pictures(), 1.5, seeded())
    with pytest.raises(UsageError, match="of 1 or 3 channels, not 4: take b or bg"):
        augmented(pictures(channels=4), 0.5, seeded())
