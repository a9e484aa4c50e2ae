"""Learn `mien.geometry.fitting.emotion` from few, weakly labelled faces.

Faces without a label count as happy where the fit sees the corners of the mouth pulled, and as neutral where it sees hardly anything.
Two emotions that nobody labelled (fear, contempt) are posed: prototypes of their action units, at random strength, on neutral faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import LogisticRegression

from mien.aus import EMOTIONS, MAX_INTENSITY, emotion
from mien.geometry.fitting.emotion import EmotionModel, unit_features
from mien.geometry.fitting.fit import LandmarkBasis
from mien.geometry.fitting.measured import MIRRORED, SOLVED, SOLVED_ROWS

_DIRECTIONS = 30  # principal directions of the landmarks
_TRUST = 0.5  # scale of a standardised direction beside a step of a unit: few labels, so units come first
_RIDGE = 0.03  # inverse strength of the L2 penalty
_BALANCE = -0.2  # exponent of a class's size in the weight of its faces: nearly their natural shares
_SMILE, _CALM = 1.5, 0.5  # steps of AU12
_POSED = 25  # faces for each posed emotion
_NAMES = tuple(EMOTIONS)


@dataclass(frozen=True, eq=False)
class EmotionFaces:
    """Fitted faces to learn from."""

    residual: Float[np.ndarray, "n 1404"]  #: cm, to the neutral mean
    beyond: Float[np.ndarray, "n s"]  #: intensities of `SOLVED`
    lines: Float[np.ndarray, "n f"]
    labels: Sequence[str]  #: "" for none


def learn(faces: EmotionFaces, basis: LandmarkBasis, mirror: Int[np.ndarray, " 468"], *, seed: int) -> EmotionModel:
    """The model; it is as good on the left as on the right, for every face is learned together with its mirror image."""
    label = _labels(faces)
    posed, kinds = _posed(faces, basis, label == 0, np.random.default_rng(seed))
    known = label >= 0
    residual = np.concatenate([faces.residual[known], posed.residual])
    beyond = np.concatenate([faces.beyond[known], posed.beyond])
    lines = np.concatenate([faces.lines[known], posed.lines])
    flipped = (residual.reshape(-1, 468, 3)[:, mirror] * np.array([-1.0, 1.0, 1.0])).reshape(len(residual), -1)
    return _regress(
        np.concatenate([residual, flipped]),
        np.concatenate([beyond, beyond[:, MIRRORED]]),
        np.tile(lines, (2, 1)),
        np.tile(np.concatenate([label[known], kinds]), 2),
    )


def _labels(faces: EmotionFaces) -> Int[np.ndarray, " n"]:
    """Index into `EMOTIONS`, -1 for faces that say nothing."""
    label = np.array([_NAMES.index(name) if name in _NAMES else -1 for name in faces.labels])
    silent = np.array([name == "" for name in faces.labels])
    smile = faces.beyond[:, [SOLVED.index("AU12L"), SOLVED.index("AU12R")]].mean(axis=1)
    total = faces.beyond.sum(axis=1)
    label[silent & (smile > _SMILE)] = _NAMES.index("happiness")
    label[silent & (smile < _CALM) & (total <= np.median(total[silent]))] = _NAMES.index("neutral")
    return label


def _posed(
    faces: EmotionFaces, basis: LandmarkBasis, calm: Bool[np.ndarray, " n"], rng: np.random.Generator
) -> tuple[EmotionFaces, Int[np.ndarray, " m"]]:
    """Calm faces moved to the emotions that no label names; their furrows are what calm faces have on average."""
    moves = basis.units.reshape(len(SOLVED), -1)
    residual, beyond, kinds = [], [], []
    for name in ("fear", "contempt"):
        prototype = emotion(name).values[SOLVED_ROWS]
        who = rng.choice(np.flatnonzero(calm), size=_POSED)
        strength = rng.uniform(0.5, 1.0, size=(_POSED, 1)) * rng.uniform(0.5, 1.2, size=(_POSED, len(SOLVED)))
        shown = np.clip(strength * prototype, 0.0, MAX_INTENSITY)
        residual.append(faces.residual[who] + shown / MAX_INTENSITY @ moves)
        beyond.append(np.clip(faces.beyond[who] + shown, 0.0, MAX_INTENSITY))
        kinds += [_NAMES.index(name)] * _POSED
    lines = np.tile(faces.lines[calm].mean(axis=0), (len(kinds), 1))
    return EmotionFaces(np.concatenate(residual), np.concatenate(beyond), lines, [_NAMES[k] for k in kinds]), np.array(kinds)


def _regress(
    residual: Float[np.ndarray, "n 1404"], beyond: Float[np.ndarray, "n s"], lines: Float[np.ndarray, "n f"], label: Int[np.ndarray, " n"]
) -> EmotionModel:
    """Fit on standardised features, then fold the scales into weights of the plain ones."""
    centre = residual.mean(axis=0)
    _, lengths, directions = np.linalg.svd(residual - centre, full_matrices=False)
    basis = directions[:_DIRECTIONS] * (_TRUST * np.sqrt(len(residual)) / lengths[:_DIRECTIONS])[:, None]
    usual, spread = lines.mean(axis=0), lines.std(axis=0)
    features = np.concatenate([(residual - centre) @ basis.T, unit_features(beyond), (lines - usual) / spread], axis=1)
    sizes = np.bincount(label, minlength=len(_NAMES)).clip(1)
    weight = 10.0 * sizes**_BALANCE
    found = LogisticRegression(C=_RIDGE, max_iter=1000).fit(features, label, sample_weight=weight[label])
    by_direction, by_unit, by_line = np.split(found.coef_, [_DIRECTIONS, _DIRECTIONS + unit_features(beyond[:1]).shape[1]], axis=1)
    points, plain_lines = by_direction @ basis, by_line / spread
    return EmotionModel(points, by_unit, plain_lines, usual, found.intercept_ - points @ centre - plain_lines @ usual)
