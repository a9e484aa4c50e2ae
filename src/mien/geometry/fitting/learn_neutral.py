"""Learn what faces at rest look like from faces whose expressions nobody labelled.

No face of a corpus is known to be neutral, and a mean over all of them half smiles. But every action unit only adds to a face at rest, and
most faces do not show most units: where a signed least-squares fit puts the low end of a unit's distribution is where its rest is.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from mien.aus import unit_of
from mien.geometry.fitting.fit import LandmarkBasis, solve
from mien.geometry.fitting.measured import IMITATED, SOLVED
from mien.geometry.fitting.neutral import NeutralPrior, from_head
from mien.geometry.fitting.procrustes import align, camera_space
from mien.geometry.rotation import to_angles

_AT_REST = 0.3  # quantile of a unit's signed activation that counts as rest
_CALM = 0.6  # share of faces, the least expressive, that the resting level of each axis is taken from
_ROUNDS = 6  # the mean moves less than 0.01 cm after four
_FLOOR = 0.03  # cm: no landmark is surer than this
_FACTORS = 100
_SPARSITY, _RIDGE = 0.002, 0.03  # L1 and L2 of every axis, as a share of how well the landmarks determine it
_IMITATION = 0.8  # quantile over all faces up to which such a unit is not believed


def learn(landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis, mirror: Int[np.ndarray, " 468"]) -> NeutralPrior:
    """The prior of faces at rest from landmarks of many people who look into the camera; `mirror` is each landmark's other side."""
    prior = from_head(basis.identity)
    both = np.concatenate([landmarks, landmarks[:, mirror] * np.array([-1.0, 1.0, 1.0])])
    moves = np.concatenate([basis.units, basis.aside])
    offset, residual, excess = _centre(camera_space(both), basis, moves, prior)
    shown = np.tensordot(np.maximum(excess, 0.0), moves, axes=1)
    factors, variance = _spread((residual - shown).reshape(len(both), -1))
    bare = replace(prior, offset=offset, factors=factors, variance=variance, rest=np.zeros(len(SOLVED)))
    learned = _penalised(bare, basis)
    solution = solve(both, basis, learned)
    level = np.median(to_angles(solution.placement.rotation)[:, 0])
    return replace(_rest(learned, solution.activations), level=np.asarray(level))


def _centre(
    target: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis, moves: Float[np.ndarray, "m 468 3"], prior: NeutralPrior
) -> tuple[Float[np.ndarray, "468 3"], Float[np.ndarray, "n 468 3"], Float[np.ndarray, "n m"]]:
    """The neutral offset M; then the residuals to N + M and the signed activations above rest."""
    rows = moves.reshape(len(moves), -1)
    gain = prior.precise(rows)
    solver = np.linalg.solve(gain @ rows.T + np.eye(len(rows)), gain)
    weights = np.broadcast_to(basis.steadiness, target.shape[:2])
    offset, residual, excess = np.zeros((468, 3)), np.zeros_like(target), np.zeros((len(target), len(moves)))
    for _ in range(_ROUNDS):
        at_rest = basis.mean + offset
        residual = align(np.broadcast_to(at_rest, target.shape), target, weights, depth=0.1).undo(target) - at_rest
        signed = residual.reshape(len(target), -1) @ solver.T
        excess = signed - np.quantile(signed, _AT_REST, axis=0)
        moved = (residual - np.tensordot(excess, moves, axes=1)).mean(axis=0)
        offset, residual = offset + moved, residual - moved
    return offset, residual, excess


def _spread(residual: Float[np.ndarray, "n 1404"]) -> tuple[Float[np.ndarray, "1404 r"], Float[np.ndarray, " 1404"]]:
    """Factors and remaining variance of neutral residuals: probabilistic PCA with a variance for each coordinate."""
    centred = residual - residual.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    kept = directions[:_FACTORS]
    factors = kept.T * (lengths[:_FACTORS] / np.sqrt(len(residual)))
    return factors, _FLOOR**2 + (centred - centred @ kept.T @ kept).var(axis=0)


def _penalised(prior: NeutralPrior, basis: LandmarkBasis) -> NeutralPrior:
    """The same prior with the penalties of each axis."""
    rows = basis.units.reshape(len(SOLVED), -1)
    curvature = np.einsum("sx,sx->s", prior.precise(rows), rows)
    return replace(prior, sparsity=_SPARSITY * curvature, ridge=_RIDGE * curvature)


def _rest(prior: NeutralPrior, activations: Float[np.ndarray, "n s"]) -> NeutralPrior:
    """The same prior with the resting level of each axis: its median over the calmest faces, more for what is imitated."""
    total = activations.sum(axis=1)
    calm = activations[total <= np.quantile(total, _CALM)]
    imitated = np.array([unit_of(axis) in IMITATED for axis in SOLVED])
    rest = np.where(imitated, np.quantile(activations, _IMITATION, axis=0), np.median(calm, axis=0))
    return replace(prior, rest=rest)
