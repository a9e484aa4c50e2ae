"""Portraits: a photographed face as another camera would see it, in another light, with another expression.

The landmarks of a face, and two rings around them for hair and neck, are a surface in space, on which the picture lies. Turned, moved
and seen in perspective it is drawn by the z-buffer; what a lamp adds depends on where the surface faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from scipy.spatial import ConvexHull, Delaunay

from mien import aus
from mien.aus import AXES, MAX_INTENSITY
from mien.data.labelled import jittered
from mien.data.synth import camera, light
from mien.data.synth.camera import Camera
from mien.data.synth.expressions import expression
from mien.faces.align import Square, five_points
from mien.faces.templates import arcface_square
from mien.geometry import head, raster
from mien.geometry.facemesh import COUNT
from mien.geometry.mesh import vertex_normals
from mien.types import Pose

_RINGS = ((1.35, 2.0), (2.4, 8.0))  # around the landmarks: times their outline, and cm further back
_LAMP = light.first_order(0.8, np.array([0.0, 0.1, 0.5]))  # in which photos are thought to have been taken
_GAMMA = 1 / 2.2
_HELD_BACK = (0.2, 0.9)  # shares of a drawn expression that are shown: what the picture shows already stays on its skin
_JITTER = 0.03  # of the crop: half sides, natural logarithm, radians; landmarks are not better

Picture = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture that lies on the face."""

    picture: Picture
    landmarks: Float32[np.ndarray, "468 3"]  #: in its pixels
    share: float  #: of what is seen, 0..1


@dataclass(frozen=True, eq=False)
class Portrait:
    """What is seen."""

    rgb: Float32[np.ndarray, "s s 3"]  #: 0..255 and beyond
    inner: Float32[np.ndarray, "s s"]  #: 1 on the face, falling to 0 where the outer ring is and what is not seen at all
    covered: Float32[np.ndarray, "s s"]  #: 1 where anything is seen, else 0


def paint(layers: Sequence[Layer], rested: Float[np.ndarray, "468 3"], size: int, rng: np.random.Generator) -> Portrait:
    """A random portrait of a face at rest (head space, cm) in the aligned crop of face recognition, `size` x `size` pixels."""
    surface = _surface()
    solid = surface.surrounded(rested + _expression(surface, rng))
    seen = camera.camera(size, rng)
    corners = seen.project(solid)
    square = jittered(arcface_square(five_points(corners[:COUNT])), rng, shift=_JITTER, stretch=_JITTER, turn=_JITTER)
    return _seen(layers, corners, square, size, _relit(solid @ seen.pose.rotation.T, rng))


def passport(layer: Layer, rested: Float[np.ndarray, "468 3"], size: int) -> Picture:
    """The face at rest, from the front and from afar, in the light it was taken in, in the same crop."""
    corners = Camera(Pose(np.eye(3), 1.0, np.zeros(2))).project(_surface().surrounded(rested))
    seen = _seen([layer], corners, arcface_square(five_points(corners[:COUNT])), size, np.ones_like(corners))
    return np.clip(seen.rgb + 0.5, 0, 255).astype(np.uint8)


def _seen(
    layers: Sequence[Layer], corners: Float[np.ndarray, "n 3"], square: Square, size: int, relit: Float[np.ndarray, "n 3"]
) -> Portrait:
    """What a square shows of the surface; `corners` are pixels and nearness, `relit` says factors of sRGB."""
    to_crop = np.linalg.inv(square.to_photo(size))
    corners = np.column_stack([corners[:, :2] @ to_crop[:2, :2].T + to_crop[:2, 2], corners[:, 2]])
    triangles = torch.from_numpy(_surface().triangles)
    found = raster.rasterize(torch.from_numpy(corners).float()[None], triangles, size, size)
    places = [_surface().surrounded(layer.landmarks)[:, :2] for layer in layers]
    values = np.column_stack([*places, relit, np.arange(len(corners)) < COUNT]).astype(np.float32)
    drawn = raster.interpolate(found, torch.from_numpy(values)[None], triangles)[0].numpy()
    rgb = sum(layer.share * _fetched(layer.picture, drawn[..., 2 * i : 2 * i + 2]) for i, layer in enumerate(layers))
    return Portrait((rgb * drawn[..., -4:-1]).astype(np.float32), drawn[..., -1], found.covered[0].numpy().astype(np.float32))


@dataclass(frozen=True, eq=False)
class _Surface:
    """Triangles over the landmarks and the rings around them."""

    triangles: Int[np.ndarray, "t 3"]  #: counter-clockwise seen from the front
    outline: Int[np.ndarray, " b"]  #: the landmarks on the edge of the face
    shapes: Float[np.ndarray, "s 468 3"]  #: what the head's shapes do to the landmarks at weight 1, cm

    def surrounded(self, landmarks: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "n 3"]:
        """Landmarks, in space or in a picture, and the rings."""
        return _surrounded(landmarks.astype(np.float64), self.outline)


def _surrounded(landmarks: Float[np.ndarray, "468 3"], outline: Int[np.ndarray, " b"]) -> Float[np.ndarray, "n 3"]:
    edge = landmarks[outline]
    centre = edge.mean(axis=0)
    rings = [centre + factor * (edge - centre) - (0.0, 0.0, back) for factor, back in _RINGS]
    return np.concatenate([landmarks, *rings])


@cache
def _surface() -> _Surface:
    """Of the mean head with its lips apart: on closed ones the landmarks of both lips are at the same places."""
    model = head.bundled()
    opened = torch.zeros(len(AXES))
    for unit in (25, 26):
        opened[[AXES.index(axis) for axis in aus.axes(aus.column(unit))]] = MAX_INTENSITY
    mean = model.landmarks(model.vertices(torch.zeros(0), opened)).double().numpy()
    outline = ConvexHull(mean[:, :2]).vertices.astype(np.int64)
    flat = _surrounded(mean, outline)[:, :2]
    triangles = Delaunay(flat).simplices.astype(np.int64)
    one, other = (flat[triangles[:, i]] - flat[triangles[:, 0]] for i in (1, 2))
    clockwise = one[:, 0] * other[:, 1] < one[:, 1] * other[:, 0]
    triangles[clockwise] = triangles[clockwise][:, ::-1]
    return _Surface(triangles, outline, model.landmarks(model.shapes).double().numpy())


def _expression(surface: _Surface, rng: np.random.Generator) -> Float[np.ndarray, "468 3"]:
    """What a random expression does to the landmarks, cm."""
    values = torch.from_numpy(expression(rng).values.copy()).float()
    shown = head.bundled().shape_weights(values).double().numpy() * rng.uniform(*_HELD_BACK)
    return np.tensordot(shown, surface.shapes, axes=1)


def _relit(turned: Float[np.ndarray, "n 3"], rng: np.random.Generator) -> Float[np.ndarray, "n 3"]:
    """Factors of sRGB by which random light on the surface, in the camera's axes, differs from the photographer's."""
    normals = vertex_normals(torch.from_numpy(turned), torch.from_numpy(_surface().triangles)).numpy()
    return (light.irradiance(light.light(rng), normals) / light.irradiance(_LAMP, normals)) ** _GAMMA


def _fetched(picture: Picture, places: Float32[np.ndarray, "s s 2"]) -> Float32[np.ndarray, "s s 3"]:
    """The colours at places of a picture."""
    x, y = (np.ascontiguousarray(places[..., i]) for i in range(2))
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)
