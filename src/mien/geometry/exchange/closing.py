"""Eyes that shut on every head: morph targets that close them, fitted to how far the eyes of a person are open.

Shapes add the same way on everybody, but lids that meet on the mean head stay apart where the opening is higher, and cross where it
is lower; and an eyeball that fits the open lids may come through the shut ones.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.spatial import KDTree

from mien.geometry import mesh
from mien.geometry.head import HeadModel

_SHUTS = 0.6  # of the opening: what a target has to close to be one that shuts the eye
_SCALE = (0.7, 1.6)  # how much less or more it may be made to move
_LID, _FRONT = 0.2, 0.3  # of the farthest way, and cosine to the front: the outer side of the lids
_NEAR_CM, _CLEAR_CM, _MOST_CM = 0.15, 0.04, 0.5  # how near eyeball and lid are compared, their distance, and how far an eye draws back


def fitted(head: HeadModel, vertices: Float[np.ndarray, "v 3"], offsets: Float[np.ndarray, "m v 3"]) -> Float32[np.ndarray, "m v 3"]:
    """The targets `offsets` (cm at weight 1) for a head whose `vertices` (cm) are at rest; only those that shut an eye change."""
    mean = head.mean.numpy()
    out = offsets.astype(np.float32)
    for side in "LR":
        if not len(head.loops[f"lid_upper_{side}"]):
            continue
        open_, here = _gap(head, mean, side), mean[:, 0] * (1.0 if side == "L" else -1.0) > 0.0
        for offset in out:
            shut = _gap(head, mean + offset, side)
            if open_ - shut < _SHUTS * open_:
                continue
            offset[here] *= np.clip((_gap(head, vertices, side) - shut) / (open_ - shut), *_SCALE)
            eye = head.parts[f"eye_{side}"].numpy()
            offset[eye, 2] -= _through(head, vertices + offset, eye, np.linalg.norm(offset, axis=1) * here)
    return out


def _gap(head: HeadModel, vertices: np.ndarray, side: str) -> float:
    """The height of the opening over the middle third of its lids, cm."""
    upper, lower = (vertices[head.loops[f"lid_{lid}_{side}"].numpy(), 1] for lid in ("upper", "lower"))
    third = len(upper) // 3
    return float(upper[third:-third].mean() - lower[third:-third].mean())


def _through(head: HeadModel, shut: Float[np.ndarray, "v 3"], eye: np.ndarray, way: Float[np.ndarray, " v"]) -> float:
    """How far, cm, an eyeball has to draw back to lie behind shut lids, the skin that has gone some `way`."""
    front = mesh.vertex_normals(torch.from_numpy(shut).float(), head.triangles).numpy()[:, 2] > _FRONT
    skin = np.setdiff1d(np.flatnonzero((way > _LID * way.max()) & front), eye)
    ball = eye[front[eye]]
    if not len(skin) or not len(ball):
        return 0.0
    away, nearest = KDTree(shut[ball, :2]).query(shut[skin, :2])
    over = shut[ball][nearest, 2] + _CLEAR_CM - shut[skin, 2]
    return float(np.clip(over[away < _NEAR_CM].max(initial=0.0), 0.0, _MOST_CM))
