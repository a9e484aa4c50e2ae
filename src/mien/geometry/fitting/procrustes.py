"""The pose that carries a rigid set of points onto landmarks: weighted Procrustes, with a depth that is trusted less."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.geometry.rotation import cross_matrix, from_vector
from mien.types import Pose

_STEPS = 4  # Gauss-Newton from the closed form: converged to 1e-9 of the scale on faces


@dataclass(frozen=True, eq=False)
class Placement:
    """Similarities ``x -> scale R x + translation`` into camera space (pixels; x right, y up, z towards the viewer), one per face."""

    rotation: Float[np.ndarray, "n 3 3"]
    scale: Float[np.ndarray, " n"]  #: pixels per cm
    translation: Float[np.ndarray, "n 3"]

    def apply(self, points: Float[np.ndarray, "n k 3"]) -> Float[np.ndarray, "n k 3"]:
        """Head space (cm) to camera space (pixels)."""
        return self.scale[:, None, None] * points @ self.rotation.swapaxes(1, 2) + self.translation[:, None]

    def undo(self, points: Float[np.ndarray, "n k 3"]) -> Float[np.ndarray, "n k 3"]:
        """Camera space (pixels) to head space (cm): the frontalised landmarks."""
        return (points - self.translation[:, None]) @ self.rotation / self.scale[:, None, None]

    def pose(self, i: int) -> Pose:
        """The scaled-orthographic camera of face `i`, in photo pixels."""
        x, y, _ = self.translation[i]
        return Pose(self.rotation[i], float(self.scale[i]), np.array([x, -y]))


def camera_space(landmarks: Float[np.ndarray, "n k 3"]) -> Float[np.ndarray, "n k 3"]:
    """Landmarks of a photo (x right, y down, z away) with y up and z towards the viewer."""
    return landmarks * np.array([1.0, -1.0, -1.0])


def align(
    points: Float[np.ndarray, "n k 3"], target: Float[np.ndarray, "n k 3"], weights: Float[np.ndarray, "n k"], *, depth: float
) -> Placement:
    """The similarities that carry `points` (head space) nearest to `target` (camera space).

    Minimises ``sum_i w_i (dx^2 + dy^2 + depth dz^2)``: Umeyama's closed form (1991), then Gauss-Newton for the weaker depth.
    """
    w = weights / weights.sum(axis=1, keepdims=True)
    found = _umeyama(points, target, w)
    axes = np.array([1.0, 1.0, depth])
    for _ in range(_STEPS):
        found = _refine(found, points, target, w[..., None] * axes)
    return found


def _umeyama(points: np.ndarray, target: np.ndarray, w: Float[np.ndarray, "n k"]) -> Placement:
    mean_p, mean_t = (np.einsum("nk,nkx->nx", w, a) for a in (points, target))
    p, t = points - mean_p[:, None], target - mean_t[:, None]
    u, s, vt = np.linalg.svd(np.einsum("nk,nkx,nky->nxy", w, t, p))
    sign = np.ones_like(s)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = (s * sign).sum(1) / np.einsum("nk,nkx,nkx->n", w, p, p)
    return Placement(rotation, scale, mean_t - scale[:, None] * np.einsum("nxy,ny->nx", rotation, mean_p))


def _refine(at: Placement, points: np.ndarray, target: np.ndarray, w: Float[np.ndarray, "n k 3"]) -> Placement:
    """One Gauss-Newton step over rotation vector, log scale and translation."""
    moved = at.apply(points) - at.translation[:, None]
    error = target - at.translation[:, None] - moved
    n, k, _ = moved.shape
    parts = [-cross_matrix(moved), moved[..., None], np.broadcast_to(np.eye(3), (n, k, 3, 3))]
    jacobian = np.concatenate(parts, axis=-1).reshape(n, 3 * k, 7)
    weighted = (w.reshape(n, 3 * k, 1) * jacobian).swapaxes(1, 2)
    step = np.linalg.solve(weighted @ jacobian, weighted @ error.reshape(n, 3 * k, 1))[..., 0]
    return Placement(from_vector(step[:, :3]) @ at.rotation, at.scale * np.exp(step[:, 3]), at.translation + step[:, 4:])
