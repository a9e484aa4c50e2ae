"""What faces at rest look like: the Gaussian prior of a neutral face around the mean head, learned from a corpus.

In head space, frontalised and scaled, the landmarks of a face are ``q = N + M + B a + e`` with ``e ~ N(0, S)``: N the mean head's
landmarks, M how the corpus' neutral mean differs from them (people, and where the landmark network puts its points), B a the action
units, and ``S = U U' + diag(D)`` who it is.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float

from mien import weights
from mien.errors import WeightsError
from mien.geometry.fitting.measured import SOLVED
from mien.weights import Weights

_NAMES = ("offset", "factors", "variance", "rest", "sparsity", "ridge", "response", "level")


@dataclass(frozen=True, eq=False)
class NeutralPrior:
    """Mean and covariance of neutral landmarks, and how readily each axis of `mien.geometry.fitting.measured.SOLVED` moves."""

    offset: Float[np.ndarray, "468 3"]  #: M, cm
    factors: Float[np.ndarray, "1404 r"]  #: U, cm
    variance: Float[np.ndarray, " 1404"]  #: D, cm^2
    rest: Float[np.ndarray, " s"]  #: what a neutral face shows of each axis, 1 = intensity 5
    sparsity: Float[np.ndarray, " s"]  #: L1 weight of each axis
    ridge: Float[np.ndarray, " s"]  #: L2 weight of each axis
    response: Float[np.ndarray, " s"]  #: how much of a change of each axis is seen when it is drawn, 1 = all of it
    level: Float[np.ndarray, ""]  #: pitch of the head model, in degrees, when a person looks straight ahead

    def precise(self, rows: Float[np.ndarray, "m 1404"], added: Float[np.ndarray, " 1404"] | None = None) -> Float[np.ndarray, "m 1404"]:
        """``rows S^-1`` by Woodbury's identity; `added` is further variance in cm^2 (points that are not seen)."""
        variance = self.variance if added is None else self.variance + added
        scaled = self.factors / variance[:, None]
        inner = np.eye(scaled.shape[1]) + self.factors.T @ scaled
        return rows / variance - np.linalg.solve(inner, (rows @ scaled).T).T @ scaled.T


def from_head(identity: Float[np.ndarray, "k 468 3"], *, noise: float = 0.2, depth_noise: float = 0.6) -> NeutralPrior:
    """The prior of a head model alone, no corpus: its identities, points off by `noise` cm (`depth_noise` in z)."""
    variance = np.tile(np.array([noise, noise, depth_noise]) ** 2, identity.shape[1])
    count = len(SOLVED)
    return NeutralPrior(
        offset=np.zeros((468, 3)),
        factors=identity.reshape(len(identity), -1).T.copy(),
        variance=variance,
        rest=np.zeros(count),
        sparsity=np.full(count, 0.5),
        ridge=np.ones(count),
        response=np.ones(count),
        level=np.zeros(()),
    )


def to_tensors(prior: NeutralPrior) -> dict[str, torch.Tensor]:
    """The arrays of a prior as float32 tensors."""
    return {name: torch.from_numpy(getattr(prior, name)).float() for name in _NAMES}


def from_weights(file: Weights) -> NeutralPrior:
    """The prior that a weight file holds; raises `WeightsError` when it holds something else or other axes."""
    missing = [name for name in _NAMES if name not in file.tensors]
    if file.config.get("kind") != "fit" or missing:
        raise WeightsError(f"{file.path} is not a fit" + (f": it has no {', '.join(missing[:3])}" if missing else ""))
    if tuple(file.config["axes"]) != SOLVED:
        raise WeightsError(f"{file.path} was learned for other axes than this version solves: train it again with `mien train fit`")
    return NeutralPrior(**{name: file.tensors[name].double().numpy() for name in _NAMES})


@cache
def bundled() -> NeutralPrior:
    """The prior that ships with mien; see ``assets/fit.md``."""
    return from_weights(weights.load(weights.bundled("fit")))
