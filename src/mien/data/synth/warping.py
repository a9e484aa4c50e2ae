"""Given photos with other expressions, drawn by the engine ``mesh``."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from mien import registry
from mien.aus import AXES, AUVector
from mien.data.synth.camera import Camera
from mien.data.synth.drawing import Render, renderer
from mien.data.synth.expressions import expression
from mien.data.synth.light import first_order
from mien.edits import AUEdit, Change
from mien.errors import FaceError
from mien.faces import align, landmarks
from mien.faces.align import Square, carry, five_points
from mien.geometry import head as heads
from mien.geometry.drawing import morph, shade
from mien.geometry.fitting.measured import MEASURED
from mien.protocols import Engine
from mien.types import Crop, Face, HeadCode, Photo

BUFFERS = ("normals", "depth", "mask")  #: of the fitted head; a photo's albedo nobody knows
_ALONE = 0.5  # share of pictures that show what was drawn by lot alone; the others keep the rest of the photo's own expression


@dataclass(frozen=True, eq=False)
class Warp:
    """A photo's face with another expression."""

    drawn: Render
    aus: AUVector  #: what it shows: by the engine's reading of the photo, and from there exactly
    read: AUVector  #: what was read in the photo
    code: HeadCode  #: the head as it was fitted to the photo, its pose in pixels of the picture
    light: Float32[np.ndarray, "9 3"]  #: first order, white, 1 on average over the face


def framed(rgb: UInt8[np.ndarray, "h w 3"], size: int) -> Crop:
    """The largest face of a photo as a square picture; raises `FaceError` when there is none."""
    found = landmarks.find(Photo(rgb))
    if not found:
        raise FaceError("no face found")
    face = max(found, key=lambda face: face.box[2] * face.box[3])
    square = Square.of_five(five_points(face.landmarks))
    points = carry(np.linalg.inv(square.to_photo(size)), face.landmarks)
    return Crop(align.sample(rgb, square, size), np.eye(3), _around(points, face.score))


def _around(points: np.ndarray, score: float) -> Face:
    return landmarks.face_of(points, score)


def warps(crop: Crop, seeds: Collection[tuple[int, int]], buffers: Collection[str] = (), *, still: bool = False) -> Iterator[Warp]:
    """A face with a random expression for each seed, which says all about it.

    `still`: what landmarks cannot tell is as in the photo, and for the first seed all is: it gives the photo itself.
    """
    engine, (head_code,) = _engine(), registry.capture(registry.CAPTURE).capture([crop])
    light = shade.estimate(crop.rgb, morph.sit(heads.bundled(), head_code, crop.face.landmarks[:, :2].astype(np.float64)))
    lit = first_order(light.ambient, light.direction)
    (code,) = engine.encode([crop])
    read, moves = head_code.expression.known, engine.moves & MEASURED if still else engine.moves
    for turn, seed in enumerate(seeds):
        wanted = read if still and not turn else _wanted(read, np.random.default_rng(seed), moves)
        changes = tuple(
            Change(axis, float(value), relative=False) for axis, value in zip(AXES, wanted.values, strict=True) if axis in moves
        )
        (drawn,) = engine.decode([engine.shift(code, AUEdit(changes))])
        points = crop.face.landmarks if drawn.landmarks is None else drawn.landmarks
        known = _buffers(replace(head_code, expression=wanted), crop.rgb.shape[0], buffers)
        yield Warp(Render(drawn.rgb, points.astype(np.float32), known), wanted, read, head_code, lit)


@cache
def _engine() -> Engine[Any]:
    return registry.engine(registry.ENGINE)


def _wanted(read: AUVector, rng: np.random.Generator, can: Collection[str]) -> AUVector:
    """A random expression, alone or over what the photo shows."""
    drawn = expression(rng).values
    keeps = rng.random() >= _ALONE
    values = np.where((drawn == 0.0) & keeps, read.values, drawn)
    able = np.array([axis in can for axis in AXES])
    return AUVector(np.where(able, values, 0.0).astype(np.float32).astype(np.float64))


def _buffers(code: HeadCode, size: int, names: Collection[str]) -> dict[str, np.ndarray]:
    """Buffers of the fitted head with an expression."""
    if not names:
        return {}
    shown = torch.from_numpy(code.expression.known.values + code.neutral.known.values)
    vertices = heads.bundled().vertices(torch.from_numpy(code.shape.copy()).float(), shown.float())
    return renderer(size).buffers(vertices.double().numpy(), Camera(code.pose), names)
