"""A person's head as surfaces for other programs: skin and eyes under the photo, teeth and mouth in plain colours, targets to move it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mien.aus import AXES, MAX_INTENSITY
from mien.geometry import mesh
from mien.geometry.exchange import arkit
from mien.geometry.exchange.gltf import Surface
from mien.geometry.head import PARTS, HeadModel

#: The parts that one material covers.
SURFACES: Mapping[str, tuple[str, ...]] = {
    "skin": ("face", "head"),
    "eyes": ("eye_L", "eye_R"),
    "teeth": ("teeth_upper", "teeth_lower"),
    "gums": ("gums_upper", "gums_lower"),
    "tongue": ("tongue",),
    "mouth": ("mouth",),
}
_PLAIN: Mapping[str, tuple[float, float, float]] = {  # linear RGB in full light
    "teeth": (0.58, 0.50, 0.39),
    "gums": (0.35, 0.12, 0.11),
    "tongue": (0.33, 0.11, 0.10),
    "mouth": (0.06, 0.012, 0.012),
}
_INTO_THE_DARK_CM = 3.5  # the light in a mouth falls to its least over this depth
_CM = 0.01  # metres


def targets(head: HeadModel) -> tuple[tuple[str, ...], Float[Tensor, "m v 3"]]:
    """Morph targets: each AU axis at intensity 5, then the ARKit shapes at weight 1; names, and offsets in cm from the neutral head."""
    axes = [i for i, axis in enumerate(AXES) if axis in head.axes_known]
    weights = head.shape_weights(MAX_INTENSITY * torch.eye(len(AXES))[axes])
    units = torch.einsum("as,svc->avc", weights, head.shapes)
    made = arkit.made_of(head.shape_names)
    names = (*(AXES[i] for i in axes), *made)
    return names, torch.cat([units, arkit.offsets(head.shapes, head.shape_names)]) if made else units


def surfaces(
    head: HeadModel, vertices: Float[np.ndarray, "v 3"], offsets: Float[np.ndarray, "m v 3"], brightness: float = 1.0
) -> list[Surface]:
    """The head with `vertices` (cm) in parts; `brightness` is the light on the plain ones. Parts that the head lacks are left out."""
    triangles, part = head.triangles.numpy(), head.triangle_part.numpy()
    normals = mesh.vertex_normals(torch.from_numpy(vertices).float(), head.triangles).numpy()
    uv = head.uv.numpy() * (1.0, -1.0) + (0.0, 1.0)
    made: list[Surface] = []
    for name, parts in SURFACES.items():
        mine = triangles[np.isin(part, [PARTS.index(p) for p in parts])]
        if len(mine):
            used, local = np.unique(mine, return_inverse=True)
            colors = _plain(name, vertices[used], normals[used], brightness) if name in _PLAIN else None
            moved = offsets[:, used] * _CM
            made.append(Surface(name, vertices[used] * _CM, _unit(normals[used]), uv[used], local.reshape(-1, 3), moved, colors))
    return made


def _unit(normals: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Unit vectors; a vertex of nothing but triangles without area looks forward."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-9, normals / np.maximum(length, 1e-9), (0.0, 0.0, 1.0))


def _plain(name: str, points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], brightness: float) -> Float[np.ndarray, "n 3"]:
    """The colour of a part, darker the deeper it lies and the more it looks away."""
    deep = np.clip((points[:, 2].max() - points[:, 2]) / _INTO_THE_DARK_CM, 0.0, 1.0)
    light = brightness * (1.0 - 0.85 * deep) * (0.6 + 0.4 * np.clip(normals[:, 2], 0.0, 1.0))
    return np.clip(light[:, None] * np.array(_PLAIN[name]), 0.0, 1.0)


def weights(names: Sequence[str], expression: Float[np.ndarray, "*b a"]) -> Float[np.ndarray, "*b m"]:
    """Weights of the targets `names` that show AU intensities: the AU targets have them, the ARKit ones stay 0.

    Drive one family or the other: together they would move the face twice.
    """
    columns = [expression[..., AXES.index(n)] / MAX_INTENSITY if n in AXES else np.zeros(expression.shape[:-1]) for n in names]
    return np.stack(columns, axis=-1)
