"""Fit the frames of one person: one identity, one resting face, and every frame measured as a change from it.

A stranger's face is explained sparsely, as its build imitates faint movements, and a raised brow or half of a dropped jaw is lost in that.
Frames of one person share the build and what a landmark network sees wrongly. So they are solved twice: as strangers', around the
person's own median, for poses, identity and rest; then each one as a change from the calmest (`mien.geometry.fitting.change`). A head that
turns moves its landmarks as a network guesses their depth, which is no expression: the further it turns, the less their change counts.

Of a long video some hundred frames tell who it is (`meet`); then each frame is solved on its own (`Person.solve`).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mien.aus import MAX_INTENSITY
from mien.geometry.fitting.change import Reference, change
from mien.geometry.fitting.fit import LandmarkBasis, Solution, angles, beyond_rest, codes, landmark_basis, solve
from mien.geometry.fitting.neutral import NeutralPrior
from mien.geometry.head import HeadModel
from mien.types import HeadCode

_TRUSTED = 8  # frames of one person before their own resting face is believed
_RESTING = 0.2  # quantile of an axis over a person's frames that is taken for rest, and share of the frames that are the calmest
_WITHIN = 0.25  # share of the standard deviation between people that is left between frames of one
_TURNED = (10.0, 20.0)  # degrees from the calmest: up to the one a change is believed, from the other only what a picture alone shows
_FRONTAL = 20.0  # degrees: beyond, a build is not seen well enough to tell people apart
_UNLIKE = 0.42  # cm: no two of 169 pairs of photos of one person in LFW lie further apart


def fit_person(landmarks: Float[np.ndarray, "n 468 3"], head: HeadModel, prior: NeutralPrior) -> list[HeadCode]:
    """Solve several pictures of one person (a video): one identity and one resting face for all of them."""
    return codes(*solve_person(landmarks, landmark_basis(head), prior))


@dataclass(frozen=True, eq=False)
class Calm:
    """What the calmest pictures of a person show."""

    shown: Reference
    side: Float[np.ndarray, " 3"]  #: of the head that they show to the viewer


@dataclass(frozen=True, eq=False)
class Person:
    """What several pictures tell of a person."""

    prior: NeutralPrior  #: around the person's build, to solve pictures under
    own: NeutralPrior  #: the same, with what the person's resting face shows
    shape: Float[np.ndarray, " k"]  #: identity coefficients
    calm: Calm | None = None  #: None where there are too few pictures to tell; then nothing of the above but `shape` is the person's

    def solve(self, landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis) -> Solution:
        """Pose and action units of further pictures of the person, each on its own."""
        return self.known(solve(landmarks, basis, self.prior), landmarks, basis)

    def known(self, solution: Solution, landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis) -> Solution:
        """Pictures that were solved under the person's prior, with what is known of the person besides."""
        solution = replace(solution, shape=np.broadcast_to(self.shape, solution.shape.shape))
        if self.calm is None:
            return solution
        return replace(solution, activations=self.own.rest + _shown(landmarks, solution, basis, self.own, self.calm))


def solve_person(landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis, prior: NeutralPrior) -> tuple[Solution, NeutralPrior]:
    """Pose, action units and identity of several pictures of one person, and the prior of that person's resting face.

    From eight pictures on, the resting face is the person's own: the median of what the action units leave unexplained, and of each axis
    a low quantile; and the units are those of the calmest pictures and the changes from them. With fewer, only the identity is shared.
    """
    person, solution = meet(landmarks, basis, prior)
    return person.known(solution, landmarks, basis), person.own


def meet(landmarks: Float[np.ndarray, "n 468 3"], basis: LandmarkBasis, prior: NeutralPrior) -> tuple[Person, Solution]:
    """The person that several pictures show, and these pictures solved under the person's prior."""
    solution = solve(landmarks, basis, prior)
    if len(landmarks) < _TRUSTED:
        return Person(prior, prior, np.median(solution.shape, axis=0)), solution
    prior = _own_prior(solution, basis, prior)
    solution = solve(landmarks, basis, prior)
    own = replace(prior, rest=np.quantile(solution.activations, _RESTING, axis=0))
    return Person(prior, own, np.median(solution.shape, axis=0), _calm(solution, own)), solution


def unlike(landmarks: Float[np.ndarray, "n 468 3"], head: HeadModel, prior: NeutralPrior) -> Int[np.ndarray, " k"]:
    """The pictures whose face is surely built unlike most of the others: somebody else's. Most people are too alike to be told apart.

    Builds are compared by the root mean square distance of landmarks, in the picture's plane. Turned heads are left out.
    """
    basis = landmark_basis(head)
    solution = solve(landmarks, basis, prior)
    seen = np.flatnonzero((np.abs(angles(solution.placement.rotation, prior)[:, :2]) < _FRONTAL).all(axis=1))
    build = _build(solution, basis, prior)[seen, :, :2]
    apart = np.sqrt(((build[:, None] - build[None]) ** 2).sum(axis=-1).mean(axis=-1))
    if len(seen) < 2:
        return seen[:0]
    others = apart[~np.eye(len(seen), dtype=bool)].reshape(len(seen), -1)
    return seen[np.median(others, axis=1) > _UNLIKE]


def _own_prior(solution: Solution, basis: LandmarkBasis, prior: NeutralPrior) -> NeutralPrior:
    """The prior around one person's resting face."""
    return replace(prior, offset=prior.offset + np.median(_build(solution, basis, prior), axis=0), factors=prior.factors * _WITHIN)


def _build(solution: Solution, basis: LandmarkBasis, prior: NeutralPrior) -> Float[np.ndarray, "n 468 3"]:
    """What the action units leave unexplained, cm: who it is."""
    return solution.frontal - basis.mean - prior.offset - np.tensordot(solution.activations, basis.units, axes=1)


def _calm(solution: Solution, prior: NeutralPrior) -> Calm:
    alone = beyond_rest(solution, prior) / MAX_INTENSITY
    calm = np.argsort(np.linalg.norm(alone, axis=1))[: int(np.ceil(_RESTING * len(alone)))]
    resting = Reference(np.median(solution.frontal[calm], axis=0), np.median(alone[calm], axis=0))
    return Calm(resting, solution.placement.rotation[calm, 2].mean(axis=0))


def _shown(
    landmarks: Float[np.ndarray, "n 468 3"], solution: Solution, basis: LandmarkBasis, prior: NeutralPrior, calm: Calm
) -> Float[np.ndarray, "n s"]:
    """What each picture shows of each unit beyond rest, 0..1, by how it differs from the calmest ones; no point is followed by pixels.

    A drawn face shows `prior.response` of a change, a filmed one all of it; the geometric mean of both errs least on either.
    """
    either = replace(prior, response=np.sqrt(prior.response))
    alone = beyond_rest(solution, prior) / MAX_INTENSITY
    by_network = np.zeros(landmarks.shape[1])
    changed = np.stack([change(calm.shown, seen, by_network, basis, either).activations for seen in landmarks.astype(np.float64)])
    near = np.interp(_turned(solution.placement.rotation, calm), _TURNED, (1.0, 0.0))[:, None]
    return near * (calm.shown.shown + changed) + (1.0 - near) * alone


def _turned(rotation: Float[np.ndarray, "n 3 3"], calm: Calm) -> Float[np.ndarray, " n"]:
    """Degrees between the sides that heads show to the viewer and the one that the calm show; tilting shows no other side."""
    return np.degrees(np.arccos(np.clip(rotation[:, 2] @ calm.side / np.linalg.norm(calm.side), -1.0, 1.0)))
