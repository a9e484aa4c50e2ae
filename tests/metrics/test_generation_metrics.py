"""Distances between sets of features, against closed forms and the libraries that have them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from mien.metrics import frechet, kernel, manifold
from mien.metrics.frechet import Moments

seeds = st.integers(0, 10_000)


def draw(seed, n=60, width=5, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(shift, scale, (n, width))


def moments(features, pieces=1):
    found = Moments(features.shape[1])
    for part in np.array_split(features, pieces):
        found.add(part)
    return found


@given(seeds, st.integers(1, 70))
def test_moments_of_batches_are_those_of_the_whole(seed, pieces):
    features = draw(seed, shift=1e3)
    found = moments(features, pieces)
    assert found.count == len(features)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(features.T), rtol=1e-9, atol=1e-9)


def test_one_feature_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 features, there is 1"):
        _ = moments(draw(0, n=1)).covariance


def test_the_distance_of_gaussians_on_a_line():
    """(m1 - m2)^2 + (s1 - s2)^2."""
    found = frechet.gaussian_distance(np.array([1.0]), np.array([[4.0]]), np.array([4.0]), np.array([[25.0]]))
    assert found == pytest.approx(3**2 + (2 - 5) ** 2)


@given(seeds)
def test_the_distance_of_gaussians_that_share_their_axes(seed):
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    a, b = rng.uniform(0, 3, (2, 6))
    found = frechet.gaussian_distance(np.zeros(6), (axes * a**2) @ axes.T, np.ones(6), (axes * b**2) @ axes.T)
    assert found == pytest.approx(6 + ((a - b) ** 2).sum(), rel=1e-9)


@given(seeds, st.floats(-2, 2), st.floats(0.2, 3))
def test_the_distance_is_that_of_the_published_formula(seed, shift, scale):
    a, b = draw(seed), draw(seed + 1, shift=shift, scale=scale)
    root = np.asarray(sqrtm(np.cov(a.T) @ np.cov(b.T))).real
    formula = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert frechet.distance(moments(a), moments(b)) == pytest.approx(formula, rel=1e-8)


@given(seeds, st.integers(2, 12))
def test_a_set_is_at_no_distance_from_itself_and_the_distance_has_no_direction(seed, n):
    """Also with fewer pictures than numbers, where the covariance is singular."""
    a, b = moments(draw(seed, n=n, width=8)), moments(draw(seed + 1, n=20, width=8, scale=2.0))
    assert 0 <= frechet.distance(a, a) < 1e-12
    assert frechet.distance(a, b) == pytest.approx(frechet.distance(b, a), rel=1e-10)


def test_a_singular_covariance_costs_no_digits():
    """Flat in all directions but one: the square root of a product would leave only half of the digits."""
    flat = np.diag([1.0, *[0.0] * 63])
    assert frechet.gaussian_distance(np.zeros(64), flat, np.zeros(64), flat) < 1e-14


@given(seeds)
def test_the_kernel_estimate_is_that_of_the_definition(seed):
    x, y = draw(seed, n=7, width=3), draw(seed + 1, n=5, width=3, shift=0.5)
    within = lambda z: np.mean([polynomial_kernel(z)[i, j] for i in range(len(z)) for j in range(len(z)) if i != j])  # noqa: E731
    expected = within(x) + within(y) - 2 * polynomial_kernel(x, y).mean()  # sklearn's own: degree 3, gamma 1 / d, offset 1
    assert kernel.discrepancy(x, y) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_kernel_estimate_has_no_bias():
    """Even on eight pictures: over many draws it is 0 for one distribution, and the closed form for two Gaussians on a line."""
    rng = np.random.default_rng(0)
    same = [kernel.discrepancy(*rng.normal(size=(2, 8, 1))) for _ in range(4000)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(len(same))
    shift = 0.5  # E (xy + 1)^3 for independent x, y with the moments m1, m2, m3 of each
    m, z = (shift, 1 + shift**2, shift**3 + 3 * shift), (0.0, 1.0, 0.0)
    expected = {(p, q): p[2] * q[2] + 3 * p[1] * q[1] + 3 * p[0] * q[0] + 1 for p in (m, z) for q in (m, z)}
    truth = expected[z, z] + expected[m, m] - 2 * expected[z, m]
    apart = [kernel.discrepancy(rng.normal(size=(8, 1)), rng.normal(shift, 1, (8, 1))) for _ in range(4000)]
    assert abs(np.mean(apart) - truth) < 4 * np.std(apart) / np.sqrt(len(apart))


def test_kernel_distance_over_subsets():
    a, b = draw(0, n=300), draw(1, n=80, shift=1.0)
    found = kernel.distance(a, b, seed=3)
    assert found == kernel.distance(a, b, seed=3) != kernel.distance(a, b, seed=4)
    assert found.subset == 40 and found.spread > 0
    assert found.mean == pytest.approx(kernel.discrepancy(a, b), rel=0.2)
    assert kernel.distance(a, b, subset=10).subset == 10
    with pytest.raises(ValueError, match="at least 4 pictures of each kind, there are 3 and 80"):
        kernel.distance(a[:3], b)


@settings(deadline=None)
@given(seeds, st.integers(0, 30))
def test_identical_sets_cover_each_other_also_with_repeats(seed, repeated):
    a = draw(seed, shift=100.0)
    a[:repeated] = a[0]
    assert manifold.cover(a, a) == manifold.Cover(1.0, 1.0)


@given(seeds, st.floats(0, 3), st.integers(1, 5))
def test_precision_and_recall_are_those_of_balls_found_by_scikit_learn(seed, shift, k):
    real, fake = draw(seed, n=40), draw(seed + 1, n=30, shift=shift)

    def inside(points, centres):
        reach = NearestNeighbors(n_neighbors=k + 1).fit(centres).kneighbors(centres)[0][:, k]
        return np.mean([(np.linalg.norm(centres - point, axis=1) <= reach).any() for point in points])

    found = manifold.cover(real, fake, neighbours=k)
    assert (found.precision, found.recall) == (inside(fake, real), inside(real, fake))


def test_a_mode_that_is_missed_costs_recall_and_rubbish_costs_precision():
    rng = np.random.default_rng(0)
    left, right, far = (rng.normal(centre, 0.1, (100, 2)) for centre in (-10.0, 10.0, 100.0))
    assert manifold.cover(np.concatenate([left, right]), left) == manifold.Cover(1.0, 0.5)
    assert manifold.cover(left, np.concatenate([left, far])) == manifold.Cover(0.5, 1.0)


def test_many_rows_at_a_time_change_nothing(monkeypatch):
    a, b = draw(0, n=100), draw(1, n=90, shift=0.8)
    whole = manifold.cover(a, b)
    monkeypatch.setattr(manifold, "_ROWS", 7)
    assert manifold.cover(a, b) == whole
    with pytest.raises(ValueError, match="more than 3 pictures of each kind, there are 3 and 90"):
        manifold.cover(a[:3], b)
