"""Rotations of a head and the three angles of a table: pitch, yaw, roll.

A rotation matrix turns head space (x to the subject's left, y up, z towards the viewer of a frontal face) into the camera's
axes (x right, y up, z towards the viewer). In degrees,

- **pitch** > 0: the head looks up;
- **yaw** > 0: the head is turned to the subject's own right (the viewer's left);
- **roll** > 0: the head is tilted clockwise as the viewer sees it, towards the subject's left shoulder.

The head pitches first, then turns, then rolls in the picture plane: ``R = Rz(-roll) Ry(-yaw) Rx(-pitch)``. So turning the
picture by some degrees changes the roll by as many and neither of the others.
"""

import numpy as np
from jaxtyping import Float


def from_angles(angles: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """Rotation matrices of (pitch, yaw, roll) in degrees."""
    pitch, yaw, roll = np.moveaxis(-np.radians(angles), -1, 0)
    return _turn(roll, 2) @ _turn(yaw, 1) @ _turn(pitch, 0)


def to_angles(rotation: Float[np.ndarray, "*n 3 3"]) -> Float[np.ndarray, "*n 3"]:
    """(pitch, yaw, roll) in degrees, of rotation matrices; yaw lies within -90..90, the others within -180..180."""
    r = rotation
    pitch = np.arctan2(r[..., 2, 1], r[..., 2, 2])
    yaw = np.arcsin(np.clip(-r[..., 2, 0], -1.0, 1.0))
    roll = np.arctan2(r[..., 1, 0], r[..., 0, 0])
    return -np.degrees(np.stack([pitch, yaw, roll], axis=-1))


def from_vector(vector: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """Rotation matrices of rotation vectors (axis times angle in radians): Rodrigues' formula."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    k = cross_matrix(vector)
    # sin(a)/a and (1 - cos(a))/a^2, in forms that stay exact at a = 0
    return np.eye(3) + np.sinc(angle / np.pi) * k + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * (k @ k)


def cross_matrix(vector: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """The matrices K with ``K v = vector x v``."""
    x, y, z = np.moveaxis(vector, -1, 0)
    o = np.zeros_like(x)
    return np.stack([np.stack([o, -z, y], -1), np.stack([z, o, -x], -1), np.stack([-y, x, o], -1)], axis=-2)


def _turn(angle: Float[np.ndarray, "*n"] | float, axis: int) -> Float[np.ndarray, "*n 3 3"]:
    """Right-handed rotations about a coordinate axis, by radians."""
    vector = np.zeros((*np.shape(angle), 3))
    vector[..., axis] = angle
    return from_vector(vector)
