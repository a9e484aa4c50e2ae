"""The losses of ME-GraphAU, by hand."""

from math import log

import pytest
import torch

from mien.losses import occurrence

UNKNOWN = float("nan")


def test_the_asymmetric_loss_by_hand():
    scores = torch.tensor([[0.8, 0.3], [0.1, 0.6]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    terms = [0.5 * log(0.8), 1.5 * 0.3 * log(0.7), 0.5 * 0.1 * log(0.9), 1.5 * log(0.6)]
    loss = occurrence.asymmetric(scores, labels, torch.tensor([0.5, 1.5]))
    assert loss.item() == pytest.approx(-sum(terms) / 4, rel=1e-5)


def test_the_weight_of_an_absent_unit_is_constant_to_gradients():
    """d/dp of -p log(1 - p) with the first p fixed is p / (1 - p); of -log p it is -1 / p."""
    scores = torch.tensor([[0.8, 0.3]], requires_grad=True)
    occurrence.asymmetric(scores, torch.tensor([[1.0, 0.0]]), torch.ones(2)).backward()
    assert scores.grad[0].tolist() == pytest.approx([-1 / 0.8 / 2, 0.3 / 0.7 / 2])


def test_scores_at_the_ends_give_numbers():
    scores = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    loss = occurrence.asymmetric(scores, torch.tensor([[1.0, 0.0, 0.0, 1.0]]), torch.ones(4))
    assert loss.item() == pytest.approx(-2 * log(1e-8) / 4, rel=1e-5)


def test_what_nobody_knows_counts_nothing():
    """Neither in the loss nor in any gradient; the mean is over the rest."""
    scores = torch.tensor([[0.8, 0.3], [0.1, 0.6]], requires_grad=True)
    labels = torch.tensor([[1.0, UNKNOWN], [UNKNOWN, 0.0]])
    loss = occurrence.asymmetric(scores, labels, torch.ones(2))
    loss.backward()
    assert loss.item() == pytest.approx(-(log(0.8) + 0.6 * log(0.4)) / 2, rel=1e-5)
    assert scores.grad.flatten().tolist() == pytest.approx([-1 / 0.8 / 2, 0, 0, 0.6 / 0.4 / 2])
    nothing = occurrence.asymmetric(scores, torch.full((2, 2), UNKNOWN), torch.ones(2))
    nothing.backward()
    assert nothing.item() == 0 and bool(scores.grad.isfinite().all())


def test_rare_units_weigh_more():
    """Inverse frequencies 4 / 1, 4 / 2 and, where one is not known, 3 / 3, over their mean; what is never there weighs as the rarest."""
    labels = torch.tensor([[1.0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, UNKNOWN, 0]])
    weights = occurrence.rarity(labels)
    assert weights.tolist() == pytest.approx([rare / 2.75 for rare in (4, 2, 1, 4)]) and weights.mean().item() == pytest.approx(1)
    many = torch.zeros(100, 2)
    many[::2, 0] = 1
    assert occurrence.rarity(many).tolist() == [1, 1]
    nobody = occurrence.rarity(torch.full((3, 2), UNKNOWN))
    assert nobody.tolist() == [1, 1]


def test_classes_of_pairs_by_hand():
    """In the order of the network's pairs: all with the first unit, all with the second, ..; the first of two counts two."""
    told = occurrence.pairs(torch.tensor([[1.0, 0.0, UNKNOWN]]))
    assert told.tolist() == [[3, 2, -100, 1, 0, -100, -100, -100, -100]]


def test_the_loss_of_pairs_by_hand():
    """Two units, of which the second is unknown in the second face: five classes are known, one of which the network is sure of."""
    labels = torch.tensor([[1.0, 0.0], [1.0, UNKNOWN]])
    logits = torch.zeros(2, 4, 4)
    logits[0, 1, 2] = 9.0
    logits.requires_grad_()
    loss = occurrence.together(logits, labels)
    loss.backward()
    sure = log(1 + 3 * 2.718281828**-9)
    assert loss.item() == pytest.approx((4 * log(4) + sure) / 5, rel=1e-5)
    assert (logits.grad.abs().amax(-1) > 0).int().tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]
    assert occurrence.together(logits, torch.full((2, 2), UNKNOWN)).item() == 0


def test_the_loss_of_intensities_by_hand():
    """Half the square up to one step, a line beyond; the mean over the two that are known."""
    found = torch.tensor([[1.5, 4.0], [2.0, 0.3]], requires_grad=True)
    loss = occurrence.strength(found, torch.tensor([[1.0, 1.0], [UNKNOWN, UNKNOWN]]))
    loss.backward()
    assert loss.item() == pytest.approx((0.5 * 0.5**2 + (3 - 0.5)) / 2)
    assert found.grad.flatten().tolist() == pytest.approx([0.25, 0.5, 0, 0])
    assert occurrence.strength(found, torch.full((2, 2), UNKNOWN)).item() == 0
