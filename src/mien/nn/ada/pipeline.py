"""The whole pipeline: which changes come, and each picture through those that come to it."""

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from mien.errors import UsageError, one_of
from mien.nn.ada import colour, filtering, placing, spoiling, warping
from mien.nn.ada.draws import Draws

#: Pixel blitting, general geometry, colour, image-space filtering, noise and cutout: each name adds one.
Kinds = Literal["b", "bg", "bgc", "bgcf", "bgcfn"]
KINDS: tuple[Kinds, ...] = get_args(Kinds)

Pictures = Float[Tensor, "n c h w"]


def augmented(pictures: Pictures, p: float | Float[Tensor, ""], generator: torch.Generator, *, kinds: Kinds = "bgc") -> Pictures:
    """The pictures (-1..1) changed at random, each change with probability `p`; gradients of any order go through to them.

    A picture to which no change comes stays as it is, bit for bit; so do all at p = 0. All chance comes from `generator`, on whichever
    device it lives: the same seed, the same batch. Colour needs 1 or 3 channels. Raises `UsageError` for other numbers of channels, and
    for kinds or a `p` that do not exist.

    Karras et al. 2020, appendix B. Two things are more exact than in its published code: a picture that is only mirrored, turned by
    quarters or shifted by pixels is a copy, never resampled; and what is resampled stays in its place (`wavelets.ORIGIN`).
    """
    _check(pictures, float(p), kinds)
    draws = Draws(len(pictures), torch.as_tensor(p, dtype=torch.float32, device=generator.device), generator)
    with torch.autocast(pictures.device.type, enabled=False):  # places and filters need more digits than bfloat16 has
        return _changed(pictures if pictures.dtype == torch.float64 else pictures.float(), draws, kinds).to(pictures.dtype)


def _changed(pictures: Pictures, draws: Draws, kinds: str) -> Pictures:
    done = _placed(pictures, draws, general="g" in kinds)
    if "c" in kinds:
        done = _where(colour.recolouring(draws), torch.eye(4), done, colour.recolour)
    if "f" in kinds:
        done = _where(filtering.gains(draws), torch.ones(1), done, filtering.equalise)
    if "n" in kinds:
        done = _where(spoiling.deviations(draws), torch.zeros(1), done, partial(spoiling.noisy, generator=draws.generator))
        done = done.masked_fill(spoiling.holes(draws, *pictures.shape[2:]).to(done.device)[:, None], 0.0)
    return done


def _check(pictures: Pictures, p: float, kinds: str) -> None:
    if kinds not in KINDS:
        raise UsageError(f"augmentation {one_of(kinds, KINDS)}")
    if not 0 <= p <= 1:
        raise UsageError(f"augmentation with p = {p:g}: a probability is 0 to 1")
    channels = pictures.shape[1]
    if "c" in kinds and channels not in (1, 3):
        raise UsageError(f"augmentation {kinds} changes colours, of 1 or 3 channels, not {channels}: take b or bg")


def _placed(pictures: Pictures, draws: Draws, *, general: bool) -> Pictures:
    """Pixel blitting as copies; where general geometry comes too, both as one resampling."""
    copied, unmoved = placing.copied(draws, *pictures.shape[2:]), torch.eye(3, device=draws.generator.device)
    if not general:
        return _where(copied, unmoved, pictures, warping.copy)
    moved = placing.moved(draws, *pictures.shape[2:])
    still = (moved == unmoved).all((1, 2))[:, None, None]
    done = _where(torch.where(still, copied, unmoved), unmoved, pictures, warping.copy)
    return _where(torch.where(still, unmoved, copied @ moved), unmoved, done, warping.warp)


def _where(drawn: Tensor, nothing: Tensor, pictures: Pictures, change: Callable[[Pictures, Tensor], Pictures]) -> Pictures:
    """The pictures, changed by their rows of `drawn`; those where it says `nothing` are left alone, and cost nothing."""
    rows = (drawn != nothing.to(drawn)).reshape(len(drawn), -1).any(1).nonzero()[:, 0]
    if not len(rows):
        return pictures
    here = rows.to(pictures.device)
    return pictures.index_copy(0, here, change(pictures[here], drawn[rows].to(pictures)))
