"""Whether action units are there: the losses of ME-GraphAU (Luo et al. 2022, section 3.3); and how strong they are.

Labels are 1 (there), 0 and NaN (nobody knows, or not looked for): what nobody knows counts nothing.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

_LEAST = 1e-8  # of what a logarithm is taken of
_UNKNOWN = -100

Scores = Float[Tensor, "b n"]
Labels = Float[Tensor, "b n"]
Loss = Float[Tensor, ""]


def rarity(labels: Float[Tensor, "all n"]) -> Float[Tensor, " n"]:
    """A weight for each unit: the inverse of how often it is there, 1 on average.

    A unit that is never there weighs as much as the rarest that is, so that a small sample does not leave all others without weight.
    """
    known, there = (~labels.isnan()).sum(0), labels.nansum(0)
    rare = known / there.clamp_min(1)
    rare = torch.where(there > 0, rare, rare.where(there > 0, 0).amax() if there.any() else 1.0)
    return rare / rare.mean()


def asymmetric(scores: Scores, labels: Labels, weights: Float[Tensor, " n"]) -> Loss:
    """``-w [y log p + (1 - y) p log(1 - p)]``, the mean over all that is known; scores are in 0..1.

    The p before the second logarithm is a constant to gradients: units that are absent, as most are, count the less the surer that is.
    """
    told = labels.nan_to_num(0)  # a NaN would reach the gradients of what is known, too
    there = told * scores.clamp_min(_LEAST).log()
    absent = (1 - told) * scores.detach() * (1 - scores).clamp_min(_LEAST).log()
    return _mean(-weights * (there + absent), ~labels.isnan())


def pairs(labels: Labels) -> Int64[Tensor, "b pairs"]:
    """The class of each pair of units, of all with the first, of all with the second, ..: ``2 y_first + y_other``; -100 where unknown."""
    told = 2 * labels[:, :, None] + labels[:, None]
    return torch.where(told.isnan(), _UNKNOWN, told).long().flatten(1)


def together(logits: Float[Tensor, "b pairs 4"], labels: Labels) -> Loss:
    """The cross-entropy of the classes of pairs, the mean over those that are known; `logits` are the `pairs` of `GraphAU.tell`."""
    classes = pairs(labels)
    each = F.cross_entropy(logits.flatten(0, 1), classes.flatten(), ignore_index=_UNKNOWN, reduction="none")
    return _mean(each.view_as(classes), classes != _UNKNOWN)


def strength(found: Float[Tensor, "b m"], intensities: Float[Tensor, "b m"]) -> Loss:
    """The mean over known intensities of how far off they are told: squared (halved) up to a step of FACS, so that faint movements are not
    drowned by rest, and linear beyond, as coders err too (Girshick 2015, equation 3).
    """
    each = F.smooth_l1_loss(found, intensities.nan_to_num(0), reduction="none")
    return _mean(each, ~intensities.isnan())


def _mean(values: Float[Tensor, "b m"], known: Tensor) -> Loss:
    """The mean of what is known, 0 where nothing is."""
    return values.where(known, 0).sum() / known.sum().clamp_min(1)
