"""Small quadratic programmes in a box, solved exactly in a handful of linear solves."""

import numpy as np
from jaxtyping import Float, Int

_PATIENCE = 12  # rounds that may exchange many variables at once; after them one at a time, which cannot cycle
_MOST = 400
_SLACK = 1e-9  # of a bound or a gradient


def minimise(
    h: Float[np.ndarray, "k k"], g: Float[np.ndarray, " k"], lower: Float[np.ndarray, " k"], upper: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """The ``x`` that minimises ``x'Hx / 2 - g'x`` over ``lower <= x <= upper``, for a positive definite H.

    Block principal pivoting (Judice & Pires, "A block principal pivoting algorithm for large-scale strictly monotone linear complementarity
    problems", 1994): guess which variables sit at a bound, solve for the others, exchange those that contradict the guess.
    """
    side = np.full(len(g), -1)  # -1 at the lower bound, +1 at the upper, 0 free
    for attempt in range(_MOST):
        x = _solve_free(h, g, lower, upper, side)
        wanted = _wanted(x, h @ x - g, lower, upper, side)
        wrong = np.flatnonzero(wanted != side)
        if not len(wrong):
            break
        chosen = wrong if attempt < _PATIENCE else wrong[-1:]
        side[chosen] = wanted[chosen]
    return np.clip(x, lower, upper)


def _solve_free(h: np.ndarray, g: np.ndarray, lower: np.ndarray, upper: np.ndarray, side: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    x = np.where(side < 0, lower, upper).astype(float)
    free = np.flatnonzero(side == 0)
    if len(free):
        bound = np.flatnonzero(side)
        x[free] = np.linalg.solve(h[np.ix_(free, free)], g[free] - h[np.ix_(free, bound)] @ x[bound])
    return x


def _wanted(
    x: np.ndarray, gradient: Float[np.ndarray, " k"], lower: np.ndarray, upper: np.ndarray, side: Int[np.ndarray, " k"]
) -> Int[np.ndarray, " k"]:
    """Where each variable belongs: a free one that left the box goes to that bound, a bound one that would move inward goes free."""
    of_free = np.where(x < lower - _SLACK, -1, np.where(x > upper + _SLACK, 1, 0))
    of_bound = np.where(side * gradient > _SLACK, 0, side)
    return np.where(side == 0, of_free, of_bound)
