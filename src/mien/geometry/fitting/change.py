"""What changed between two pictures of one person, far sharper than what either shows.

Who somebody is, how the face rests, and what a landmark network sees wrongly are in both pictures alike: in the change ``d = B c + e`` of
frontalised landmarks there is only noise besides the action units ``c``. So the prior of strangers' faces (`mien.geometry.fitting.neutral`)
has no part in it; the pose is solved again, the box keeps what the face then shows within 0..5, and what is unclear between units goes
to few of them, both sides alike: ``min (d - B c)' W (d - B c) / 2 + c' S(c)^-1 c / 2`` with ``S`` the spread of each unit, reweighted by
what was found (Candes, Wakin & Boyd, "Enhancing sparsity by reweighted l1 minimization", 2008). The smallest movement keeps its size when
nothing else explains it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.aus import MAX_INTENSITY, mirror, unit_of
from mien.geometry.fitting import boxqp
from mien.geometry.fitting.fit import DEPTH, LandmarkBasis, beyond_rest, mouth, solve, unseen
from mien.geometry.fitting.measured import IMITATED, MIRRORED, SOLVED
from mien.geometry.fitting.neutral import NeutralPrior
from mien.geometry.fitting.procrustes import Placement, align, camera_space
from mien.geometry.rotation import to_angles

_FOLLOWED, _SEEN = 0.1, 0.25  # cm: noise of a landmark carried by pixels, and of one that a network has seen twice
_DEPTH = 1.5  # cm: noise in depth, which no pixels carry
_LID = {5: 1.2, 43: 0.4}  # a lid that is raised goes a third as far as one that shuts: a small movement is as likely either
_SPREAD = np.array(
    [0.15 if unit_of(a) in IMITATED else _LID.get(unit_of(a), 0.5) for a in SOLVED]
)  # before anything is known; 1 = intensity 5
_ALIKE = 0.9  # correlation of both sides
_BOTH = np.array([0.0 if mirror(a) == a else -_ALIKE if unit_of(a) == 30 else _ALIKE for a in SOLVED])  # the jaw goes to one side
_FAINT = 0.02  # of 1: changes below it are not told from none
_JITTER = 0.2  # of 1: where a network alone has seen all points, changes as small as this are doubted
_ROUNDS = 4
_AWAY = 0.1  # cm: a landmark that goes this far beyond its unit counts half for the pose


@dataclass(frozen=True, eq=False)
class Change:
    """How a face differs from its reference."""

    activations: Float[np.ndarray, " s"]  #: 1 = intensity 5
    placement: Placement  #: of the one face
    residual: Float[np.ndarray, "468 3"]  #: frontalised landmarks less the reference's, cm


@dataclass(frozen=True, eq=False)
class Reference:
    """A solved picture of a person, to compare others with."""

    frontal: Float[np.ndarray, "468 3"]  #: its landmarks, cm
    shown: Float[np.ndarray, " s"]  #: what it shows of each unit beyond rest, 1 = intensity 5

    @staticmethod
    def of(landmarks: Float[np.ndarray, "468 3"], basis: LandmarkBasis, prior: NeutralPrior) -> "Reference":
        """The reference that landmarks in pixels are."""
        solution = solve(landmarks[None].astype(np.float64), basis, prior)
        return Reference(solution.frontal[0], beyond_rest(solution, prior)[0] / MAX_INTENSITY)


def change(
    reference: Reference, landmarks: Float[np.ndarray, "468 3"], trust: Float[np.ndarray, " 468"], basis: LandmarkBasis, prior: NeutralPrior
) -> Change:
    """The change from a reference to another picture of the person.

    `landmarks` are those of the other picture in pixels, `trust` how far they were followed by pixels (0..1). What is measured of each unit
    is divided by what is seen of it when it is drawn, `prior.response`.
    """
    frontal, shown = reference.frontal, reference.shown
    units = basis.units * prior.response[:, None, None]
    rows = units.reshape(len(units), -1)
    target = camera_space(landmarks[None])
    noise = trust * _FOLLOWED + (1.0 - trust) * _SEEN
    steady = basis.steadiness / noise**2
    placement = align(frontal[None], target, steady[None], depth=DEPTH)
    gain = _weighed(units, noise**2 + unseen(basis, float(to_angles(placement.rotation[0])[1])), placement.rotation[0])
    curvature = gain @ rows.T
    doubtful = _JITTER * (1.0 - float(trust.mean()))
    activations, residual = np.zeros(len(shown)), np.zeros_like(frontal)
    for _ in range(_ROUNDS):
        residual = placement.undo(target)[0] - frontal
        most = mouth(basis, prior).limits(frontal + residual, prior.rest)[1] - prior.rest
        limits = -shown, np.maximum(most, 0.0) - shown
        activations = boxqp.minimise(curvature + _precision(activations, doubtful), gain @ residual.ravel(), *limits)
        moved = np.tensordot(activations, units, axes=1)
        robust = steady / (1.0 + ((residual - moved) ** 2)[:, :2].sum(-1) / _AWAY**2)
        placement = align((frontal + moved)[None], target, robust[None], depth=DEPTH)
    return Change(activations, placement, residual)


def _weighed(
    units: Float[np.ndarray, "s 468 3"], variance: Float[np.ndarray, " 468"], rotation: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "s 1404"]:
    """``B' W``: how precisely a turned head's landmarks are known (`variance` in cm^2) in the picture's plane, and in its depth."""
    depth = np.outer(rotation[2], rotation[2])  # onto the line of sight, in head space
    seen = (units @ (np.eye(3) - depth)) / variance[:, None] + units @ depth / _DEPTH**2
    return seen.reshape(len(units), -1)


def _precision(found: Float[np.ndarray, " s"], doubtful: float) -> Float[np.ndarray, "s s"]:
    """The inverse covariance of changes given those found: sides go together; small stays what is small beside the largest, or doubtful."""
    if not found.any():
        found = np.ones_like(found)
    size = np.sqrt((found**2 + found[MIRRORED] ** 2) / 2)
    spread = _SPREAD * np.sqrt((size + _FAINT) / (max(size.max(), doubtful) + _FAINT))
    sides = np.eye(len(found))
    sides[np.arange(len(found)), MIRRORED] += _BOTH
    return np.linalg.inv(sides * np.outer(spread, spread))
