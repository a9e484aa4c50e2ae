"""The kernel distance of two sets of features: KID (Binkowski et al. 2018), which has no bias however few pictures there are.

The squared maximum mean discrepancy under the kernel ``k(x, y) = (x.y / d + 1)^3``, estimated without bias (Gretton et al. 2012, eq. 3);
0 on average for two draws from one distribution, and then as often below 0 as above.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SUBSET = 1000  #: features of each set in one estimate, as published
SUBSETS = 100


@dataclass(frozen=True)
class KernelDistance:
    """Many estimates, each on a part of both sets."""

    mean: float
    spread: float  #: standard deviation of the estimates
    subset: int  #: features of each set in an estimate


def distance(real: Float[np.ndarray, "m d"], fake: Float[np.ndarray, "n d"], *, seed: int = 0, subset: int = SUBSET) -> KernelDistance:
    """Over `SUBSETS` estimates on `subset` features of each set, or on half the smaller set where that is less; drawn by `seed`.

    Raises `ValueError` for fewer than 4 of either, as half of them must make two.
    """
    if min(len(real), len(fake)) < 4:
        raise ValueError(f"KID needs at least 4 pictures of each kind, there are {len(real)} and {len(fake)}")
    size = min(subset, min(len(real), len(fake)) // 2)
    draw = np.random.default_rng(seed)
    parts = ([x[draw.choice(len(x), size, replace=False)] for x in (real, fake)] for _ in range(SUBSETS))
    estimates = [discrepancy(x, y) for x, y in parts]
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates)), size)


def discrepancy(x: Float[np.ndarray, "m d"], y: Float[np.ndarray, "n d"]) -> float:
    """One unbiased estimate on all of both sets: no feature is compared with itself."""
    m, n = len(x), len(y)
    within_x, within_y = _kernel(x, x), _kernel(y, y)
    return float(
        (within_x.sum() - np.trace(within_x)) / (m * (m - 1))
        + (within_y.sum() - np.trace(within_y)) / (n * (n - 1))
        - 2 * _kernel(x, y).mean()
    )


def _kernel(x: Float[np.ndarray, "m d"], y: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m n"]:
    return (x @ y.T / x.shape[1] + 1) ** 3
