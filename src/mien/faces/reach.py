"""How far a change of expression reaches over a face, by anatomy: where the head's skin moves for it, and a little around.

A generator's codes are entangled: asked for a smile, it changes brows, hair and background a little too. What is outside of the reach is
not taken over from it.
"""

from functools import cache

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32

from mien.aus import AXES, MAX_INTENSITY, AUShift
from mien.faces.align import Square, carry
from mien.geometry import head
from mien.types import Pose

GRID = 64  #: pixels of a side
_NEAR = 0.05  # of the square's side: how wide the reach of a landmark is
_MOVES = 0.4  # of the farthest that any landmark goes: one that goes so far, or farther, is reached whole
_RIM = 3  # pixels at the borders where nothing is, so that it can fade
_LEAST, _WHOLE = 0.15, 0.7  # of it: less is none, more is all


@cache
def _full() -> Float[np.ndarray, "axes 468 3"]:
    """How the landmarks of the mean head go when each axis goes from 0 to 5; cm, 0 for axes that it does not know."""
    model = head.bundled()
    identity, each = torch.zeros(len(model.identity)), torch.eye(len(AXES)) * MAX_INTENSITY
    with torch.inference_mode():
        moved = model.landmarks(model.vertices(identity.expand(len(AXES), -1), each))
        return (moved - model.landmarks(model.vertices(identity, torch.zeros(len(AXES))))).double().numpy()


def of_change(change: AUShift, landmarks: Float[np.ndarray, "468 2"], pose: Pose, square: Square) -> Float32[np.ndarray, "g g"]:
    """The reach, 0..1, in an aligned square, of units on a face with these landmarks; 0 everywhere for no change.

    Landmarks, pose and square are in the same pixels. Both where a landmark is and where it goes to are reached.
    """
    each = _full() * (change.values / MAX_INTENSITY)[:, None, None]
    lengths = np.linalg.norm(each, axis=2)
    most = lengths.max(axis=1, keepdims=True)
    weights = np.clip(lengths / np.maximum(most, 1e-9) / _MOVES, 0.0, 1.0).max(axis=0)
    step = (each.sum(axis=0) @ pose.rotation.T)[:, :2] * [pose.scale, -pose.scale]
    return _spread([landmarks, landmarks + step / 2, landmarks + step], weights, square)


def of_face(landmarks: Float[np.ndarray, "468 2"], square: Square) -> Float32[np.ndarray, "g g"]:
    """The reach, 0..1, in an aligned square, of a change that may be anywhere in the face."""
    return _spread([landmarks], np.ones(len(landmarks)), square)


def _spread(places: list[Float[np.ndarray, "468 2"]], weights: Float[np.ndarray, " 468"], square: Square) -> Float32[np.ndarray, "g g"]:
    """Around every place, as much as it weighs, inside the outline of all of them, faded out to the borders of the square."""
    back, kept = np.linalg.inv(square.to_photo(GRID)), weights > _LEAST
    inside = [carry(back, points) for points in places]
    points, line = np.concatenate([each[kept] for each in inside]), np.arange(GRID)
    if not len(points):
        return np.zeros((GRID, GRID), np.float32)
    across, down = (np.exp(-((line - points[:, i, None]) ** 2) / (2 * (_NEAR * GRID) ** 2)).astype(np.float32) for i in (0, 1))
    weighed = np.tile(weights[kept].astype(np.float32), len(places))[:, None] * down
    reached = (weighed[:, :, None] * across[:, None, :]).max(axis=0)
    soft = np.clip((reached - _LEAST) / (_WHOLE - _LEAST), 0.0, 1.0)
    return soft * soft * (3 - 2 * soft) * _face(np.concatenate(inside))


def _face(points: Float[np.ndarray, "n 2"]) -> Float32[np.ndarray, "g g"]:
    """1 inside the outline of points, 0 away from it and at the borders."""
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    filled = np.zeros((GRID, GRID), np.float32)
    cv2.fillConvexPoly(filled, np.round(hull * 16).astype(np.int32), 1.0, cv2.LINE_AA, shift=4)
    filled[:_RIM] = filled[-_RIM:] = filled[:, :_RIM] = filled[:, -_RIM:] = 0.0
    return cv2.GaussianBlur(filled, (2 * _RIM - 1, 2 * _RIM - 1), 1.0, borderType=cv2.BORDER_CONSTANT)
