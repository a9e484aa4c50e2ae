"""The Frechet distance of two sets of features, each taken for a Gaussian: FID (Heusel et al. 2017, equation 6).

``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`` for means m and covariances S (Dowson & Landau 1982).
"""

import numpy as np
from jaxtyping import Float


class Moments:
    """Mean and covariance of features that come in batches: memory is `width` squared, however many there are."""

    def __init__(self, width: int) -> None:
        """Of `width` numbers each; nothing has been seen yet."""
        self.count = 0
        self.mean = np.zeros(width)
        self._scatter = np.zeros((width, width))

    def add(self, features: Float[np.ndarray, "n d"]) -> None:
        """Take in a batch: the sums of two sets about their means give that of their union (Chan, Golub & LeVeque 1983, eq. 2.1)."""
        n = len(features)
        if n == 0:
            return
        mean = features.mean(axis=0)
        apart = mean - self.mean
        self._scatter += (features - mean).T @ (features - mean) + np.outer(apart, apart) * (self.count * n / (self.count + n))
        self.mean = self.mean + apart * (n / (self.count + n))
        self.count += n

    @property
    def covariance(self) -> Float[np.ndarray, "d d"]:
        """The unbiased covariance; raises `ValueError` for fewer than two."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 features, there is {self.count}")
        return self._scatter / (self.count - 1)


def distance(a: Moments, b: Moments) -> float:
    """The squared Frechet distance of two sets, >= 0."""
    return gaussian_distance(a.mean, a.covariance, b.mean, b.covariance)


def gaussian_distance(
    mean: Float[np.ndarray, " d"],
    covariance: Float[np.ndarray, "d d"],
    other_mean: Float[np.ndarray, " d"],
    other_covariance: Float[np.ndarray, "d d"],
) -> float:
    """The squared Frechet distance of two Gaussians, >= 0.

    The trace of ``(S1^(1/2) S2 S1^(1/2))^(1/2)`` is the sum of the singular values of ``S2^(1/2) S1^(1/2)``. Taken so, nothing is ever
    squared: a singular covariance loses no digits, where the root of a product of both has half of them left or turns complex.
    """
    shared = np.linalg.svd(_root(other_covariance) @ _root(covariance), compute_uv=False).sum()
    apart = np.sum((mean - other_mean) ** 2)
    return max(0.0, float(apart + np.trace(covariance) + np.trace(other_covariance) - 2 * shared))


def _root(covariance: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """The symmetric root; eigenvalues below zero are rounding."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
