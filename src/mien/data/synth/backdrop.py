"""What is behind a head: a wall, a street out of focus, and the shoulders of a garment."""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from mien.data.synth.camera import Camera

_NECK = np.array([0.0, -14.5, -1.0])  # cm, head space: where the collar is
_SHOULDERS = np.array([[-19.5, -11.0], [-17.5, -6.2], [-9.5, -2.4], [-5.2, 0.4], [5.2, 0.4], [9.5, -2.4], [17.5, -6.2], [19.5, -11.0]])
_FAR = -60.0  # cm below the collar: out of any picture


def wall(size: int, rng: np.random.Generator) -> Float32[np.ndarray, "size size 3"]:
    """A random background, sRGB 0..255: plain, graded, blotched or full of blurred things."""
    kind = rng.choice(["plain", "graded", "cloudy", "things"], p=[0.1, 0.2, 0.3, 0.4])
    base = _colour(rng)
    picture = np.empty((size, size, 3), np.float32)
    picture[:] = base
    if kind == "graded":
        corners = np.clip(base + 40 * rng.normal(size=(2, 2, 1)) + 12 * rng.normal(size=(2, 2, 3)), 0, 255).astype(np.float32)
        picture = cv2.resize(corners, (size, size), interpolation=cv2.INTER_CUBIC)
    elif kind == "cloudy":
        chroma = rng.choice([0.05, 0.2, 0.4])
        for cells in (3, 6, 13, 29):
            spots = rng.normal(size=(cells, cells, 3)) * chroma + rng.normal(size=(cells, cells, 1))
            picture += cv2.resize((spots * 60 / np.sqrt(cells)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    elif kind == "things":
        _strew(picture, rng)
        picture = cv2.GaussianBlur(picture, (0, 0), size * rng.choice([0.004, 0.015, 0.04]))
    picture += 6 * rng.random() * cv2.resize(rng.normal(size=(size, size, 1)).astype(np.float32), (size, size))[..., None]
    return np.clip(picture, 0, 255, out=picture)


def _colour(rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    """Mostly greyish, sometimes bright."""
    grey, chroma = rng.uniform(10, 245), rng.choice([8, 20, 55])
    return np.clip(grey + chroma * rng.normal(size=3), 0, 255)


def _strew(picture: Float32[np.ndarray, "h w 3"], rng: np.random.Generator) -> None:
    """Boxes, discs and strips of any size."""
    size = picture.shape[0]
    for _ in range(int(rng.integers(4, 22))):
        centre, colour = rng.uniform(-0.1, 1.1, 2) * size, _colour(rng).tolist()
        axes = size * np.exp(rng.normal(size=2) * 0.8 - 1.9)
        if rng.random() < 0.35:
            cv2.ellipse(picture, (centre.tolist(), (2 * axes).tolist(), float(rng.uniform(0, 180))), colour, -1)
        else:
            angle = float(rng.choice([0.0, 0.0, 90.0, rng.uniform(0, 180)]))
            reach = axes * (1, rng.choice([1.0, 6.0]))
            cv2.fillConvexPoly(picture, np.round(cv2.boxPoints((centre.tolist(), (2 * reach).tolist(), angle))).astype(np.int32), colour)


def shoulders(
    picture: Float32[np.ndarray, "h w 3"],
    camera: Camera,
    cloth: Float[np.ndarray, " 3"],
    light: Float[np.ndarray, " 3"],
    rng: np.random.Generator,
) -> None:
    """A garment below the head, upright whatever the head does, in a colour (sRGB) under an irradiance."""
    place, scale = camera.project(_NECK[None])[0, :2], camera.pose.scale * rng.uniform(0.9, 1.1)
    outline = np.r_[_SHOULDERS, [[22.0, _FAR], [-22.0, _FAR]]] * (scale, -scale) + place
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    if not mask.any():
        return
    folds = cv2.resize(rng.normal(size=(9, 9)).astype(np.float32), mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
    shade = np.clip(1.0 + 0.12 * folds, 0.5, 1.5)[..., None] * np.clip(light, 0.15, 1.2) ** (1 / 2.2)
    cover = (mask / np.float32(255))[..., None]
    picture += cover * (np.clip(cloth * shade, 0, 255).astype(np.float32) - picture)
