"""What landmark networks see in training: squares cut from labelled faces as a detector or an earlier look would cut them."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.augment import degraded
from mien.data.labelled import LabelledFaces, jittered
from mien.data.mirror import mirrored_landmarks, mirrored_picture
from mien.faces.align import Square, carry, sample
from mien.faces.details import eye_square, inside, mouth_square

Picture = UInt8[np.ndarray, "h w 3"]
Sample = tuple[Float[Tensor, "3 s s"], Float[Tensor, "468 3"], Float[Tensor, ""]]


class Views(Dataset[Sample]):
    """Endless training squares: picture in 0..1, points in half sides from its centre, 1 for a face or 0 for none."""

    def __init__(self, faces: LabelledFaces, size: int, absent: float, seed: int) -> None:
        self.faces, self.size, self.absent, self.seed = faces, size, absent, seed

    def __getitem__(self, number: int) -> Sample:
        """Sample `number` is the same in every run."""
        rng = np.random.default_rng([self.seed, number])
        rgb, points = _face(self.faces, rng)
        if rng.random() < 0.25:
            rgb, points = _at_the_edge(rgb, points, rng)
        square, face = Square.around(points), rng.random() >= self.absent
        if not face:
            square, rgb = _faceless(square, rgb, rng)
        elif rng.random() < 0.6:
            square = jittered(square, rng, shift=0.04, stretch=0.05, turn=0.05)
        else:
            square = jittered(square, rng, shift=0.12, stretch=0.15, turn=0.25)
        picture = degraded(sample(rgb, square, self.size), rng)
        inside = carry(np.linalg.inv(square.to_photo(2)), points) - (0.5, 0.5, 0.0)
        return torch.from_numpy(picture).permute(2, 0, 1) / 255.0, torch.from_numpy(inside).float(), torch.tensor(float(face))

    def mean_points(self, count: int) -> Float[Tensor, "468 3"]:
        """The points of an average face, over the first `count` samples."""
        return torch.stack([self[i][1] for i in range(count)]).mean(0)


class CloseViews(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Endless close views of eyes and mouths: a picture (0..1) of a right eye and its points, of a mouth and its points.

    A left eye is a right one in the mirror. Points are half sides from the centre of the square.
    """

    def __init__(self, faces: LabelledFaces, points: Mapping[str, Sequence[int]], *, size: int, seed: int) -> None:
        self.faces, self.size, self.seed = faces, size, seed
        self.eye, self.mouth = (list(points[part]) for part in ("eye", "mouth"))

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sample `number` is the same in every run."""
        rng = np.random.default_rng([self.seed, number])
        rgb, points = _face(self.faces, rng)
        rgb = degraded(rgb, rng)
        eye, eye_points = self._close(rgb, eye_square(points), points[self.eye], rng)
        mouth, mouth_points = self._close(rgb, mouth_square(points), points[self.mouth], rng)
        return eye, eye_points, mouth, mouth_points

    def _close(self, rgb: Picture, square: Square, points: Float[np.ndarray, "n 3"], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """As the first look would cut it: a few per cent of the face off, and too small where a mouth opens wide."""
        square = jittered(square, rng, shift=0.08, stretch=0.1, turn=0.05)
        picture = torch.from_numpy(sample(rgb, square, self.size)).permute(2, 0, 1) / 255.0
        return picture, torch.from_numpy(inside(square, points)).float()


def _face(faces: LabelledFaces, rng: np.random.Generator) -> tuple[Picture, Float[np.ndarray, "468 3"]]:
    """One of the faces, as it is or mirrored."""
    index = int(rng.integers(len(faces)))
    rgb, points = np.asarray(faces.images[index]), faces.landmarks[index].astype(np.float64)
    if rng.random() < 0.5:
        rgb, points = mirrored_picture(rgb), mirrored_landmarks(points, rgb.shape[1])
    return rgb, points


def _at_the_edge(
    rgb: Picture, points: Float[np.ndarray, "468 3"], rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "a b 3"], Float[np.ndarray, "468 3"]]:
    """A face in a photo that ends close around it, or through it."""
    side = int(rgb.shape[0] * rng.uniform(0.65, 0.85))
    middle = (rgb.shape[0] - side) / 2
    left, top = (int(np.clip(middle + rng.normal() * 8, 0, rgb.shape[0] - side)) for _ in range(2))
    return np.ascontiguousarray(rgb[top : top + side, left : left + side]), points - (left, top, 0)


def _faceless(square: Square, rgb: Picture, rng: np.random.Generator) -> tuple[Square, UInt8[np.ndarray, "a b 3"]]:
    """Beside the face, far too near, upside down, a scrambled picture or a drawn sign: what a false detection looks like."""
    kind = rng.integers(5)
    angle = rng.uniform(0, 2 * np.pi)
    if kind == 0:
        away = square.half * rng.uniform(1.1, 1.6)
        return Square(square.x + away * np.cos(angle), square.y + away * np.sin(angle), square.half * rng.uniform(0.3, 0.9), angle), rgb
    if kind == 1:
        reach = square.half * 0.7
        part = Square(square.x + rng.uniform(-reach, reach), square.y + rng.uniform(-reach, reach), square.half * rng.uniform(0.08, 0.25))
        return part, rgb
    if kind == 2:
        return Square(square.x, square.y, square.half * rng.uniform(0.7, 1.3), square.roll + np.pi + rng.normal() * 0.5), rgb
    if kind == 3:
        return square, _sign(rgb, rng)
    tile = int(rng.choice([12, 24, 48]))
    grid = rgb[: rgb.shape[0] // tile * tile, : rgb.shape[1] // tile * tile]
    tiles = grid.reshape(grid.shape[0] // tile, tile, grid.shape[1] // tile, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3)
    mixed = rng.permutation(tiles).reshape(grid.shape[0] // tile, grid.shape[1] // tile, tile, tile, 3).swapaxes(1, 2).reshape(grid.shape)
    return square, np.ascontiguousarray(mixed)


def _sign(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Ellipses and bars of a few colours, like an emblem on cloth."""
    side = rgb.shape[0]
    sign = np.empty_like(rgb)
    sign[:] = rng.integers(0, 256, 3)
    for _ in range(int(rng.integers(3, 14))):
        centre, colour = rng.integers(0, side, 2).tolist(), rng.integers(0, 256, 3).tolist()
        axes, angle = rng.integers(3, side // 3, 2).tolist(), float(rng.uniform(0, 360))
        if rng.random() < 0.5:
            cv2.ellipse(sign, centre, axes, angle, 0, float(rng.uniform(120, 360)), colour, int(rng.choice([-1, 2, 5])))
        else:
            cv2.fillConvexPoly(sign, cv2.boxPoints((centre, axes, angle)).astype(np.int32), colour)
    return sign
