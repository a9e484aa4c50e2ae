"""The terms of StyleGAN2's training (Karras et al. 2020), each without its weight."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

_DECAY = 0.01  # how fast the mean length of paths follows

Logits = Float[Tensor, "b 1"]
Pictures = Float[Tensor, "b 3 s s"]
Number = Float[Tensor, ""]


def discriminator_loss(real: Logits, made: Logits) -> Number:
    """The logistic loss of Goodfellow et al. 2014 on both kinds of pictures."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


def generator_loss(made: Logits) -> Number:
    """The non-saturating loss."""
    return F.softplus(-made).mean()


def r1_gradient(logits: Logits, seen: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
    """How the logits change with the pictures or codes they are of, which need gradients; differentiable itself."""
    (gradient,) = torch.autograd.grad(logits.sum(), seen, create_graph=True)
    return gradient


def r1(logits: Logits, seen: Float[Tensor, "b ..."]) -> Number:
    """The squared length of that gradient, the mean over real ones (Mescheder et al. 2018, equation 9)."""
    return r1_gradient(logits, seen).flatten(1).square().sum(1).mean()


def path_lengths(pictures: Pictures, codes: Float[Tensor, "b l d"], noise: Pictures) -> Float[Tensor, " b"]:
    """How far a picture moves for a step of its code in W+, in the direction of `noise` from N(0, 1) (section 3.2, equation 4)."""
    direction = noise / (pictures.shape[2] * pictures.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((pictures * direction).sum(), codes, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def path_penalty(lengths: Float[Tensor, " b"], mean: Number) -> tuple[Number, Number]:
    """The mean squared distance of path lengths from their running mean, and that mean, moved on first; gradients go through both."""
    mean = mean + _DECAY * (lengths.mean() - mean)
    return (lengths - mean).square().mean(), mean
