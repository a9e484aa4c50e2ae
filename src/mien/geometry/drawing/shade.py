"""The light on a face, estimated from its own skin, and how shading changes when the skin turns.

Light is a first-order spherical harmonic (ambient and one direction: Ramamoorthi & Hanrahan 2001 show that it carries 87 % of diffuse
shading on average); an edit multiplies the photo by the ratio of shadings, so that beard, freckles and make-up stay as they are.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from mien.geometry import mesh
from mien.geometry.drawing import spread
from mien.geometry.drawing.morph import Moved, Sitting
from mien.geometry.head import PARTS, HeadModel
from mien.types import Pose

_GAMMA = 2.2
_SOFT = 0.25  # cm: the photo is averaged over this before the light is read off it
_AMBIENT = 0.45  # of the mean brightness: no estimate is darker in the shadows
_DARKER, _BRIGHTER = 0.45, 0.15  # largest changes of the logarithm of the light by turning skin; a glare says that the head is wrong
WARM = np.array([0.75, 1.05, 1.2], np.float32)  # of a change of light, per channel: what lights a fold has come through skin
_PRIOR = np.array([0.0, 0.35, 0.35])  # light from above and in front, in parts of the ambient; worth a fifth of the evidence
_STILL = 0.01  # rotations of a normal below this (radians) are noise


@dataclass(frozen=True, eq=False)
class Light:
    """Brightness ``ambient + direction . normal`` in camera space (x right, y up, z to the viewer), 1 on average over the face."""

    ambient: float
    direction: Float[np.ndarray, " 3"]
    skin: Float[np.ndarray, " 3"]  #: mean colour of the skin, sRGB 0..255

    def shading(self, normals: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
        """Brightness (linear light) of surfaces that face `normals`."""
        return np.maximum(self.ambient + normals @ self.direction, 0.25 * self.ambient)


def normals(head: HeadModel, points: Float[np.ndarray, "v 3"], pose: Pose) -> Float[np.ndarray, "v 3"]:
    """Unit normals of the vertices in camera space (x right, y up, z to the viewer)."""
    return mesh.vertex_normals(torch.from_numpy(points), _skin(head)).numpy() @ pose.rotation.T


@lru_cache(maxsize=4)
def _skin(head: HeadModel) -> Int[torch.Tensor, "f 3"]:
    return head.triangles[head.triangle_part == PARTS.index("face")]


@lru_cache(maxsize=4)
def _calm(head: HeadModel) -> Float[np.ndarray, " v"]:
    """What counts of the turning of the skin: lips and lids roll, and theirs says little."""
    return (1.0 - np.clip(spread.of(head).margins.sum(axis=1), 0.0, 1.0)) * (head.front.numpy() > 0)


@lru_cache(maxsize=8)
def _before(sitting: Sitting) -> Float[np.ndarray, "v 3"]:
    """The normals in the photo; the same for all edits of a face."""
    return normals(sitting.head, sitting.points, sitting.code.pose)


def estimate(rgb: UInt8[np.ndarray, "h w 3"], sitting: Sitting) -> Light:
    """Read the light off the skin of the front of the face; outliers (brows, lips, spectacles) count little."""
    head, scale = sitting.head, sitting.code.pose.scale
    facing = _before(sitting)
    pixel = np.round(sitting.corners[:, :2]).astype(int)
    inside = (pixel >= 0).all(1) & (pixel < [rgb.shape[1], rgb.shape[0]]).all(1)
    use = np.flatnonzero(inside & (head.front.numpy() > 0.6) & (facing[:, 2] > 0.25))
    soft = cv2.blur(rgb, (2 * int(_SOFT * scale) + 1,) * 2)
    colours = soft[pixel[use, 1], pixel[use, 0]].astype(np.float64)
    luminance = (colours / 255.0) ** _GAMMA @ np.array([0.2126, 0.7152, 0.0722])
    system = np.c_[np.ones(len(use)), facing[use]]
    weight = np.ones(len(use))
    found = np.zeros(4)
    for _ in range(8):
        level = max(float(np.average(luminance, weights=weight)), 1e-3)
        strength = 0.2 * weight.sum()
        prior = np.diag([0.0, strength, strength, strength])
        normal = system.T @ (system * weight[:, None]) + prior
        found = np.linalg.solve(normal, system.T @ (weight * luminance) + prior @ np.r_[0.0, _PRIOR * level])
        error = np.abs(luminance - system @ found)
        weight = 1.0 / (1.0 + (error / (1.5 * np.median(error) + 1e-4)) ** 2)
    level = max(float(np.average(luminance, weights=weight)), 1e-3)
    direction = found[1:] / level
    strongest = float(np.linalg.norm(direction))
    direction *= min(1.0, 0.7 / max(strongest, 1e-6))
    ambient = max(float(found[0] / level), _AMBIENT)
    return Light(ambient, direction, np.average(colours, axis=0, weights=weight))


def log_ratio(light: Light, sitting: Sitting, moved: Moved) -> Float[np.ndarray, " v"]:
    """Logarithm of the factor on sRGB values at each vertex that the turning of the skin asks for; 0 where it has not turned."""
    before, after = _before(sitting), normals(sitting.head, moved.points, sitting.code.pose)
    turned = np.linalg.norm(after - before, axis=1)
    t = np.clip(turned / _STILL - 1.0, 0.0, 1.0)
    ratio = np.log(light.shading(after) / light.shading(before)) / _GAMMA
    return np.clip(ratio, -_DARKER, _BRIGHTER) * t * _calm(sitting.head)
