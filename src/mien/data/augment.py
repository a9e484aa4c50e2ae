"""What cameras, detectors and the world do to a picture of a face, at random."""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import UInt8

Picture = UInt8[np.ndarray, "h w 3"]


def degraded(rgb: Picture, rng: np.random.Generator) -> Picture:
    """A picture as another camera, light and file would have it: each change comes with its own probability."""
    for probability, change in _CHANGES:
        if rng.random() < probability:
            rgb = change(rgb, rng)
    return np.ascontiguousarray(rgb)


def _tone(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Exposure, gamma and white balance."""
    gamma = np.exp(rng.normal() * 0.35)
    gain = np.exp(rng.normal() * 0.2 + rng.normal(size=3) * 0.1)
    ramp = np.linspace(0, 1, 256)[:, None] ** gamma * gain + rng.normal() * 0.06
    table = np.clip(np.round(ramp * 255), 0, 255).astype(np.uint8)
    return cv2.LUT(rgb, table[:, None, :])


def _saturation(rgb: Picture, rng: np.random.Generator) -> Picture:
    amount = float(rng.uniform(0, 1.6))
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(rgb, amount, grey, 1 - amount, 0)


def _grey(rgb: Picture, rng: np.random.Generator) -> Picture:
    del rng
    return cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _side_light(rgb: Picture, rng: np.random.Generator) -> Picture:
    height, width = rgb.shape[:2]
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = np.clip(1 + strength * (np.cos(angle) * x + np.sin(angle) * y), 0.1, 2).astype(np.float32)
    return np.clip(rgb * light[..., None], 0, 255).astype(np.uint8)


def _coarse(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Few pixels, enlarged again."""
    height, width = rgb.shape[:2]
    factor = rng.uniform(0.2, 0.8)
    small = cv2.resize(rgb, (max(8, int(width * factor)), max(8, int(height * factor))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))


def _blur(rgb: Picture, rng: np.random.Generator) -> Picture:
    return cv2.GaussianBlur(rgb, (0, 0), float(rng.uniform(0.4, 2.0)))


def _shake(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Motion blur along a random direction."""
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), dtype=np.float32)
    kernel[length // 2] = 1.0 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(rng.uniform(0, 180)), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return cv2.filter2D(rgb, -1, (kernel / kernel.sum()).astype(np.float32))


def _noise(rgb: Picture, rng: np.random.Generator) -> Picture:
    grain = rng.standard_normal(rgb.shape, dtype=np.float32) * rng.uniform(2, 16)
    return np.clip(rgb + grain, 0, 255).astype(np.uint8)


def _jpeg(rgb: Picture, rng: np.random.Generator) -> Picture:
    _, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 85))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _occlusion(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Something in front: an ellipse or a bar of one colour, or of another part of the picture."""
    height, width = rgb.shape[:2]
    mask = np.zeros((height, width), dtype=np.uint8)
    centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
    axes = (int(width * rng.uniform(0.05, 0.25)), int(height * rng.uniform(0.05, 0.35)))
    if rng.random() < 0.6:
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    else:
        corners = cv2.boxPoints((centre, (axes[0] * 2, axes[1] * 2), float(rng.uniform(0, 90))))
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
    cover = np.empty_like(rgb)
    cover[:] = rng.integers(0, 256, 3)
    if rng.random() < 0.4:
        cover = np.roll(rgb, (int(rng.integers(height)), int(rng.integers(width))), axis=(0, 1))
    return np.where(mask[..., None] > 0, cover, rgb)


_CHANGES: tuple[tuple[float, Callable[[Picture, np.random.Generator], Picture]], ...] = (
    (0.20, _occlusion),
    (0.20, _side_light),
    (0.70, _tone),
    (0.30, _saturation),
    (0.12, _grey),
    (0.35, _coarse),
    (0.15, _blur),
    (0.05, _shake),
    (0.25, _noise),
    (0.30, _jpeg),
)
