"""Small quadratic programmes in a box, solved exactly in a handful of linear solves."""

import numpy as np
from jaxtyping import Float, Int

_PATIENCE = 15  # rounds of pivoting; on faces it ends after 4 to 8
_MOST = 1000
_SLACK = 1e-9  # of a bound or a gradient

Vector = Float[np.ndarray, " k"]
Sides = Int[np.ndarray, " k"]  # -1 at the lower bound, +1 at the upper, 0 free


def minimise(h: Float[np.ndarray, "k k"], g: Vector, lower: Vector, upper: Vector) -> Vector:
    """The ``x`` that minimises ``x'Hx / 2 - g'x`` over ``lower <= x <= upper``, for a positive definite H.

    Block principal pivoting (Judice & Pires, "A block principal pivoting algorithm for large-scale strictly monotone linear complementarity
    problems", 1994): guess which variables sit at a bound, solve for the others, exchange those that contradict the guess. Where that
    goes round in circles, as it may when H is nearly singular, a descent along active sets finishes.
    """
    x, side = lower, np.full(len(g), -1)
    for _ in range(_PATIENCE):
        x = _solve_free(h, g, lower, upper, side)
        wanted = np.where(side == 0, _left(x, lower, upper), _pulled(h @ x - g, side))
        if np.array_equal(wanted, side):
            return np.clip(x, lower, upper)
        side = wanted
    return _descend(h, g, lower, upper, np.clip(x, lower, upper))


def _descend(h: Float[np.ndarray, "k k"], g: Vector, lower: Vector, upper: Vector, x: Vector) -> Vector:
    """Active sets (Nocedal & Wright, Numerical Optimization, algorithm 16.3): every step lowers the value, so none comes twice."""
    side = np.where(x <= lower, -1, np.where(x >= upper, 1, 0))
    for _ in range(_MOST):
        step = _solve_free(h, g, lower, upper, side) - x
        room = np.where(step < -_SLACK, (lower - x) / np.minimum(step, -_SLACK), (upper - x) / np.maximum(step, _SLACK))
        room = np.where((side == 0) & (np.abs(step) > _SLACK), room, np.inf)
        first = int(room.argmin())
        x = np.clip(x + min(1.0, room[first]) * step, lower, upper)
        if room[first] < 1.0:
            side[first] = int(np.sign(step[first]))
            continue
        pull = side * (h @ x - g)
        worst = int(pull.argmax())
        if pull[worst] <= _SLACK:
            break
        side[worst] = 0
    return x


def _solve_free(h: Float[np.ndarray, "k k"], g: Vector, lower: Vector, upper: Vector, side: Sides) -> Vector:
    x = np.where(side < 0, lower, upper).astype(float)
    free = np.flatnonzero(side == 0)
    if len(free):
        bound = np.flatnonzero(side)
        x[free] = np.linalg.solve(h[np.ix_(free, free)], g[free] - h[np.ix_(free, bound)] @ x[bound])
    return x


def _left(x: Vector, lower: Vector, upper: Vector) -> Sides:
    """The bound that a free variable has left the box by."""
    return np.where(x < lower - _SLACK, -1, np.where(x > upper + _SLACK, 1, 0))


def _pulled(gradient: Vector, side: Sides) -> Sides:
    """A variable at a bound stays there unless it would lower the value by moving inward."""
    return np.where(side * gradient > _SLACK, 0, side)
