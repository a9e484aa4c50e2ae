"""Ranger, the optimiser of pSp, e4e, StyleCLIP and AU-CLIP (version 20.4.11): three ideas on top of Adam.

Gradients are centred (Yong et al. 2020); steps are divided by the size of gradients only once that is known well enough (RAdam, Liu et al.
2020); and every few steps the weights go half the way back to where slow copies of them stand (Lookahead, Zhang et al. 2019).
"""

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_SURE = 5  # samples that the mean of squared gradients must be worth before steps are divided by its root


class Ranger(Optimizer):
    """Steps of a plain momentum for a start, five with the usual `betas`, then Adam's, with weights that look ahead.

    Its state is tensors and a count of steps: it goes into checkpoints as that of torch's optimisers does.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.999),
        eps: float = 1e-5,
        weight_decay: float = 0.0,
        every: int = 6,
        pull: float = 0.5,
    ) -> None:
        """`betas`: of the means of gradients and of their squares; `every` so many steps slow weights are pulled after the fast ones."""
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "every": every, "pull": pull})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every weight that has a gradient; returns what `closure`, called first, does."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight), "slow": weight.clone()}
        step = state["step"] = int(state["step"]) + 1
        mean, square, slow = state["exp_avg"], state["exp_avg_sq"], state["slow"]
        centred = gradient - gradient.mean(tuple(range(1, gradient.ndim)), keepdim=True) if gradient.ndim > 1 else gradient
        mean.lerp_(centred, 1 - group["betas"][0])
        square.mul_(group["betas"][1]).addcmul_(centred, centred, value=1 - group["betas"][1])
        weight.mul_(1 - group["weight_decay"] * group["lr"])
        length, divided = stride(step, *group["betas"])
        if divided:
            weight.addcdiv_(mean, square.sqrt().add_(group["eps"]), value=-length * group["lr"])
        else:
            weight.add_(mean, alpha=-length * group["lr"])
        if step % group["every"] == 0:
            slow.lerp_(weight, group["pull"])
            weight.copy_(slow)


def stride(step: int, mean: float, square: float) -> tuple[float, bool]:
    """Length of a step, from 1 on, for a learning rate of 1, and whether it is divided by the root of the squares' mean.

    RAdam's rectification (Liu et al. 2020, algorithm 2): `mean` and `square` are the two betas, ``worth`` how many samples the mean of
    squares is worth by now.
    """
    unbiased = 1 - mean**step
    most = 2 / (1 - square) - 1
    kept = square**step
    worth = most - 2 * step * kept / (1 - kept)
    if worth <= _SURE:
        return 1 / unbiased, False
    rectified = (worth - 4) / (most - 4) * (worth - 2) / worth * most / (most - 2)
    return sqrt((1 - kept) * rectified) / unbiased, True
