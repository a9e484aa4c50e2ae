import numpy as np
import pytest
from scipy.optimize import lsq_linear

from mien.geometry.fitting import boxqp


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_bounded_least_squares(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 40))
    a, b = rng.normal(size=(60, count)), rng.normal(size=60) * 3
    low, high = np.zeros(count), rng.uniform(0.2, 1.5, count)
    ours = boxqp.minimise(a.T @ a, a.T @ b, low, high)
    assert np.allclose(ours, lsq_linear(a, b, (low, high), tol=1e-14).x, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_nearly_collinear_columns_end_at_an_optimum(seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(30, 5)) @ rng.normal(size=(5, 25)) + 1e-3 * rng.normal(size=(30, 25))
    h, g = a.T @ a + 1e-8 * np.eye(25), a.T @ rng.normal(size=30)
    x = boxqp.minimise(h, g, np.zeros(25), np.ones(25))
    slope = h @ x - g
    assert ((x >= 0) & (x <= 1)).all()
    assert (slope[x == 0] > -1e-6).all()
    assert (slope[x == 1] < 1e-6).all()
    assert np.abs(slope[(x > 0) & (x < 1)]).max(initial=0) < 1e-6


def test_everything_at_a_bound_needs_no_solve():
    assert np.array_equal(boxqp.minimise(np.eye(2), np.array([-1.0, 9.0]), np.zeros(2), np.ones(2)), [0, 1])
