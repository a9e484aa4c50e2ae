"""FLAME (Li et al., Learning a model of facial shape and expression from 4D scans, SIGGRAPH Asia 2017) as a `HeadModel`.

The user brings ``generic_model.pkl``, which its authors license for research. FLAME's axes of expression are principal components and
not action units: the head has `shapes` without any AU, and the vertices of its `parts` are skin and two eyeballs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse

from mien.aus import AXES
from mien.convert import unpickle
from mien.errors import WeightsError
from mien.geometry import facemesh, mesh
from mien.geometry.head import PARTS, HeadModel, front_weight

_CM = 100.0  # FLAME is in metres
_SHAPES = 300  # of the 400 components, those of identity; the rest is expression
_EYES = (3, 4)  # joints: root, neck, jaw, left eye, right eye
_BETWEEN_EYES = np.array([0.0, 3.6, 7.95])  # where the other heads have the middle of their eyeballs, cm
_FIELDS = ("v_template", "f", "shapedirs", "J_regressor")


def load(path: Path | str, *, identities: int = 100, expressions: int = 50) -> HeadModel:
    """Read ``generic_model.pkl`` with the first components of identity and expression, unit variance each, in cm.

    The head has no landmarks (none is reliable) and knows no AU axis; neck and jaw stay in rest pose. Raises `WeightsError`.
    """
    data = unpickle.read(path)
    missing = [name for name in _FIELDS if not isinstance(data, dict) or name not in data]
    if missing:
        raise WeightsError(f"{path} is not a FLAME model: it has no {', '.join(missing)}")
    mean, triangles, components, joints = _arrays(path, data)
    eyes, count = joints[list(_EYES)], len(mean)
    mean = mean - (eyes @ mean).mean(axis=0) + _BETWEEN_EYES
    basis = components.transpose(2, 0, 1)
    tensors: dict[str, Any] = {
        "mean": mean,
        "identity": basis[: min(identities, _SHAPES)],
        "shapes": basis[_SHAPES : _SHAPES + expressions],
        "mixing": np.zeros((len(AXES), len(basis[_SHAPES : _SHAPES + expressions]))),
        "uv": np.zeros((count, 2)),
        "landmark_barycentric": np.tile([1.0, 0.0, 0.0], (facemesh.COUNT, 1)),
        "eye_regressor": eyes,
        "iris_radius": np.zeros(2),
        "front": front_weight(mean, np.arange(count)),
    }
    integers = {
        "triangles": triangles,
        "triangle_part": _eye_parts(mean, triangles, eyes @ mean),
        "landmark_triangles": np.zeros(facemesh.COUNT),
        "landmark68": np.zeros(68),
    }
    return HeadModel(
        name="flame",
        shape_names=tuple(f"expression{i:02d}" for i in range(len(tensors["shapes"]))),
        landmark_reliable=torch.zeros(facemesh.COUNT, dtype=torch.bool),
        loops={},
        **{name: torch.from_numpy(np.ascontiguousarray(value)).float() for name, value in tensors.items()},
        **{name: torch.from_numpy(np.ascontiguousarray(value)).long() for name, value in integers.items()},
    )


def _arrays(path: Path | str, data: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean [v,3] and components [v,3,400] in cm, triangles [f,3], joint regressor [5,v]; checked against each other."""
    regressor = data["J_regressor"]
    mean, triangles, components = (np.asarray(data[name]) for name in ("v_template", "f", "shapedirs"))
    joints = regressor.toarray() if sparse.issparse(regressor) else np.asarray(regressor)
    count = len(mean)
    shapes = {"v_template": (mean, (count, 3)), "shapedirs": (components[..., 0], (count, 3)), "J_regressor": (joints, (5, count))}
    for name, (array, wanted) in shapes.items():
        if array.shape != wanted:
            raise WeightsError(f"{path}: {name} does not fit a FLAME model of {count} vertices; its shape is {array.shape}")
    if components.shape[2] <= _SHAPES:
        raise WeightsError(f"{path}: shapedirs has {components.shape[2]} components; FLAME 2020 has 300 of identity and 100 of expression")
    return mean.astype(np.float64) * _CM, triangles.astype(np.int64), components.astype(np.float64) * _CM, joints.astype(np.float64)


def _eye_parts(
    mean: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"], centers: Float[np.ndarray, "2 3"]
) -> Int[np.ndarray, " f"]:
    """Eyeballs are the small pieces, away from the largest, around the eyes' joints."""
    piece = mesh.components(triangles, len(mean))
    sizes = np.bincount(piece)
    parts = np.full(len(triangles), PARTS.index("face"))
    for center, part in zip(centers, ("eye_L", "eye_R"), strict=True):
        near = min(
            (p for p in np.flatnonzero(sizes > 1) if p != sizes.argmax()), key=lambda p: _away(mean, piece == p, center), default=None
        )
        if near is not None:
            parts[piece[triangles[:, 0]] == near] = PARTS.index(part)
    return parts


def _away(mean: Float[np.ndarray, "v 3"], ids: np.ndarray, center: Float[np.ndarray, " 3"]) -> float:
    return float(np.linalg.norm(mean[ids].mean(axis=0) - center))
