"""Terms that are too dear for every step: taken now and then, and then as many times as heavy (Karras et al. 2020, section 3.1)."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from mien.nn.stylegan2 import losses
from mien.training.run import Learner, Run

Scored = Callable[[Tensor], Float[Tensor, "b 1"]]


def turn(run: Run, every: int) -> bool:
    """Whether it is the turn of a term: at the first step, and `every` so many from there."""
    return (run.step - 1) % every == 0


def lazy_r1(
    run: Run, judge: Learner, score: Scored, real: Float[Tensor, "b ..."], *, weight: float, every: int
) -> Float[Tensor, ""] | None:
    """If it is its turn, a step by which a judge changes less steeply about what is real: R1, times half of `weight`, times `every`.

    `score` gives the judge's logits. Returns R1 without a weight; None where it was not its turn.
    """
    if not turn(run, every):
        return None
    seen = real.detach().requires_grad_()
    steep = losses.r1(score(seen), seen)
    judge.learn(weight / 2 * every * steep, clip=None)
    return steep.detach()
