"""Fit a head to 468 landmarks: pose, identity and action units, without a network.

1. **Frontalise** by weighted Procrustes on points that expressions hardly move; points far off get less weight.
2. **Action units** ``a`` of ``q = N + M + B a + e`` (see `mien.geometry.fitting.neutral`) by a box-constrained quadratic programme,
   ``min (r - B a)' S^-1 (r - B a) / 2 + ridge |a|^2 / 2 + sparsity |a|_1``, ``r = q - N - M``; twice, as the pose depends on the jaw.
   How far the lips are apart is an equation of its own, and bounds what they can do (`mien.geometry.fitting.lips`).
3. **Identity** by a ridge on what is left, and the pose once more for the head as it will be drawn.

What is drawn and what is measured: the head model shows the activations ``a`` themselves. A face at rest shows some of them already,
by its build; `HeadCode.expression` is what goes beyond, and `HeadCode.neutral` is defined as ``5 a - expression`` on every axis. So
``head.vertices(code.shape, expression + neutral)`` is the fitted head, and each movement enters once: AU26 and AU45, which share an axis
with AU27 and AU43, have minus their measured value in `neutral`. Engines change codes along `mien.geometry.fitting.measured.independent`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float

from mien.aus import MAX_INTENSITY, AUVector
from mien.geometry.fitting import boxqp, lips, measured
from mien.geometry.fitting.lips import Lips
from mien.geometry.fitting.neutral import NeutralPrior
from mien.geometry.fitting.procrustes import Placement, align, camera_space
from mien.geometry.head import HeadModel
from mien.geometry.rotation import from_angles, to_angles
from mien.types import HeadCode

DEPTH = 0.1  #: weight of squared depth errors: the landmarks' z is a guess
_STILL = 0.15  # cm: landmarks that move less than this are equally good for the pose
_OUTLIER = 0.6  # cm: a point this far off counts half
_SEEN = 15.0  # degrees of yaw up to which both sides are seen well
_HIDDEN = 1.0  # cm: standard deviation of a cheek on the far side at 45 degrees
_SHAPE_NOISE = np.array([0.1, 0.1, 0.3])  # cm, of a landmark around the fitted identity


@dataclass(frozen=True, eq=False)
class LandmarkBasis:
    """A head model as its landmarks see it; cm."""

    mean: Float[np.ndarray, "468 3"]
    identity: Float[np.ndarray, "k 468 3"]
    units: Float[np.ndarray, "s 468 3"]  #: `measured.SOLVED` at intensity 5
    aside: Float[np.ndarray, "m 468 3"]  #: `measured.ASIDE` at intensity 5
    steadiness: Float[np.ndarray, " 468"]  #: weights of the points for the pose
    identify: Float[np.ndarray, "k 1404"]  #: landmark residuals to identity coefficients: (I W I' + 1)^-1 I W


@dataclass(frozen=True, eq=False)
class Solution:
    """Faces, solved."""

    placement: Placement
    frontal: Float[np.ndarray, "n 468 3"]  #: q, cm
    activations: Float[np.ndarray, "n s"]  #: a: 1 = intensity 5
    shape: Float[np.ndarray, "n k"]


@lru_cache(maxsize=4)
def landmark_basis(head: HeadModel) -> LandmarkBasis:
    """The landmarks of a head's mean, identities and action units."""
    zero = torch.zeros(0)
    mean = head.landmarks(head.vertices(zero))
    identity = head.landmarks(head.mean + head.identity) - mean
    units, aside = (head.landmarks(head.mean + head.expression_basis[rows]) - mean for rows in (measured.SOLVED_ROWS, measured.ASIDE_ROWS))
    still, who, moves, other = (x.double().numpy() for x in (mean, identity, units, aside))
    motion = 2 * np.sqrt((moves**2).sum(-1).mean(0))
    rows = who.reshape(len(who), -1)
    weighted = rows / np.tile(_SHAPE_NOISE**2, 468)
    identify = np.linalg.solve(weighted @ rows.T + np.eye(len(rows)), weighted)
    return LandmarkBasis(still, who, moves, other, 1.0 / (_STILL + motion) ** 2, identify)


def fit(landmarks: Float[np.ndarray, "n 468 3"], head: HeadModel, prior: NeutralPrior) -> list[HeadCode]:
    """Solve each face on its own; poses are in the landmarks' own pixels."""
    basis = landmark_basis(head)
    return codes(solve(landmarks, basis, prior), prior)


def solve(landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis, prior: NeutralPrior) -> Solution:
    """Pose, action units and identity of each face on its own."""
    target = camera_space(landmarks.astype(np.float64))
    at_rest = basis.mean + prior.offset
    points, weights = np.broadcast_to(at_rest, target.shape), np.broadcast_to(basis.steadiness, target.shape[:2])
    frontal, activations = _round(target, points, weights, basis, prior)
    points = at_rest + np.tensordot(activations, basis.units, axes=1)
    weights = basis.steadiness / (1.0 + ((frontal - points) ** 2)[..., :2].sum(-1) / _OUTLIER**2)
    frontal, activations = _round(target, points, weights, basis, prior)
    moved = np.tensordot(activations, basis.units, axes=1)
    shape = (frontal - basis.mean - moved).reshape(len(target), -1) @ basis.identify.T
    drawn = basis.mean + moved + np.tensordot(shape, basis.identity, axes=1)
    return Solution(align(drawn, target, weights, depth=DEPTH), frontal, activations, shape)


def _round(
    target: Float[np.ndarray, "n 468 3"], points: np.ndarray, weights: np.ndarray, basis: LandmarkBasis, prior: NeutralPrior
) -> tuple[Float[np.ndarray, "n 468 3"], Float[np.ndarray, "n s"]]:
    """Landmarks frontalised onto `points`, and the activations that explain them."""
    placement = align(points, target, weights, depth=DEPTH)
    frontal = placement.undo(target)
    solved = [_activations(face, rotation, basis, prior) for face, rotation in zip(frontal, placement.rotation, strict=True)]
    return frontal, np.stack(solved)


def codes(solution: Solution, prior: NeutralPrior) -> list[HeadCode]:
    """The solved faces as head codes."""
    beyond = beyond_rest(solution, prior)
    return [
        HeadCode(solution.shape[i], measured.spread(beyond[i]), solution.placement.pose(i), _resting(solution.activations[i], beyond[i]))
        for i in range(len(beyond))
    ]


def beyond_rest(solution: Solution, prior: NeutralPrior) -> Float[np.ndarray, "n s"]:
    """Intensities 0..5 of `measured.SOLVED` beyond what a resting face shows."""
    return np.clip(solution.activations - prior.rest, 0.0, 1.0) * MAX_INTENSITY


def _activations(
    frontal: Float[np.ndarray, "468 3"], rotation: Float[np.ndarray, "3 3"], basis: LandmarkBasis, prior: NeutralPrior
) -> Float[np.ndarray, " s"]:
    yaw = float(to_angles(rotation)[1])
    gain, curvature = normal_equations(basis, prior) if abs(yaw) <= _SEEN else _weighed(basis, prior, np.repeat(unseen(basis, yaw), 3))
    residual, own = frontal - basis.mean - prior.offset, mouth(basis, prior)
    linear = gain @ residual.ravel() + own.parting * (lips.parted(frontal) / lips.NOISE**2) - prior.sparsity
    return boxqp.minimise(curvature, linear, *own.limits(frontal, prior.rest))


@lru_cache(maxsize=8)
def mouth(basis: LandmarkBasis, prior: NeutralPrior) -> Lips:
    """The lips of the mean face at rest."""
    return Lips.of(basis.mean + prior.offset, basis.units, prior.factors)


def unseen(basis: LandmarkBasis, yaw: float) -> Float[np.ndarray, " 468"]:
    """Further variance of the points on the far side, cm^2: turned to the subject's right (yaw > 0 degrees), the right cheek is far."""
    far = np.clip(-np.sign(yaw) * basis.mean[:, 0] / np.abs(basis.mean[:, 0]).max(), 0.0, 1.0)
    return (_HIDDEN * far * max(abs(yaw) - _SEEN, 0.0) / (45.0 - _SEEN)) ** 2


@lru_cache(maxsize=8)
def normal_equations(basis: LandmarkBasis, prior: NeutralPrior) -> tuple[Float[np.ndarray, "s 1404"], Float[np.ndarray, "s s"]]:
    """Of a face seen from the front: activations solve ``h a = gain residual``, all 1,404 coordinates of the residual in cm."""
    return _weighed(basis, prior, None)


def _weighed(
    basis: LandmarkBasis, prior: NeutralPrior, added: Float[np.ndarray, " 1404"] | None
) -> tuple[Float[np.ndarray, "s 1404"], Float[np.ndarray, "s s"]]:
    """``B' S^-1``, and ``B' S^-1 B + ridge`` with the equation of the lips."""
    rows, parting = basis.units.reshape(len(basis.units), -1), mouth(basis, prior).parting / lips.NOISE
    gain = prior.precise(rows, added)
    return gain, gain @ rows.T + np.diag(prior.ridge) + np.outer(parting, parting)


def _resting(activation: Float[np.ndarray, " s"], beyond: Float[np.ndarray, " s"]) -> AUVector:
    """What `drawn` shows beyond the measured expression, on every axis: see the module's rule."""
    return AUVector(measured.alone(MAX_INTENSITY * activation).values - measured.spread(beyond).known.values)


def angles(rotation: Float[np.ndarray, "*n 3 3"], prior: NeutralPrior) -> Float[np.ndarray, "*n 3"]:
    """Pitch, yaw, roll of a table: 0 where people look straight ahead, who hold their chin lower than the head model does."""
    return to_angles(rotation @ from_angles(np.array([float(prior.level), 0.0, 0.0])).T)


def errors(solution: Solution, landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis) -> Float[np.ndarray, " n"]:
    """How far the drawn head lies from the landmarks: mean distance over the distance of the outer corners of the eyes (33, 263)."""
    drawn = basis.mean + np.tensordot(solution.shape, basis.identity, axes=1) + np.tensordot(solution.activations, basis.units, axes=1)
    target = camera_space(landmarks)
    apart = np.linalg.norm(solution.placement.apply(drawn)[..., :2] - target[..., :2], axis=2).mean(1)
    return apart / np.linalg.norm(target[:, 33, :2] - target[:, 263, :2], axis=1)
