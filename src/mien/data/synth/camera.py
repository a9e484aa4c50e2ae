"""A camera that looks at the origin of a head, from near or far."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.geometry import rotation
from mien.types import Pose

_FACE = np.array([0.0, 0.6, 9.0])  # cm, head space: what photographers put in the middle of a picture


@dataclass(frozen=True, eq=False)
class Camera:
    """A perspective camera; from infinitely far it is the scaled-orthographic one of `mien.types.Pose`.

    Head space is in cm. With X' = R X and w = 1 / (1 - X'_z / distance) a point X appears at ``u = scale w X'_x + tx`` and
    ``v = -scale w X'_y + ty``. Its nearness is ``scale w X'_z``, which is affine in the picture over any plane, as u and v are.
    """

    pose: Pose  #: its scale: pixels per cm at the origin of the head
    distance: float = math.inf  #: cm from the camera to the origin of the head

    def project(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Pixels u, v and nearness (pixels, bigger is nearer) of head-space points."""
        turned = points @ self.pose.rotation.T
        turned = turned * (self.pose.scale / (1.0 - turned[..., 2:] / self.distance))
        turned[..., 1] *= -1
        turned[..., :2] += self.pose.translation
        return turned


def camera(size: int, rng: np.random.Generator) -> Camera:
    """A face in a square picture as a detector would cut it out: mostly near the front and upright, somewhat off the middle."""
    pitch, yaw, roll = (float(a) for a in np.clip(rng.standard_t(5, size=3) * (9.0, 18.0, 7.0), (-32, -55, -35), (32, 55, 35)))
    turn = rotation.from_angles(np.array([pitch, yaw, roll]))
    distance = float(np.exp(rng.uniform(np.log(45.0), np.log(400.0)))) if rng.random() < 0.8 else math.inf
    scale = size / rng.uniform(18.5, 27.0)
    middle = Camera(Pose(turn, scale, np.zeros(2)), distance).project(_FACE)[:2]
    place = (size - 1) / 2 + size * np.clip(0.03 * rng.normal(size=2), -0.08, 0.08)
    return Camera(Pose(_kept(turn), float(np.float32(scale)), _kept(place - middle)), float(np.float32(distance)))


def _kept(values: np.ndarray) -> np.ndarray:
    """As labels keep them: what is drawn is what they say."""
    return values.astype(np.float32).astype(np.float64)
