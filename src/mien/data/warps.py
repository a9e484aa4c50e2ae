"""Head turns and other builds for photographed faces, by moving their landmark triangles.

Aligned corpora are frontal. A `FaceWarper` turns a photographed head a little, gives it the landmark displacements of another identity of a
head model, and repaints the photo triangle by triangle. The pictures serve as training pictures only: whoever uses them labels them
afterwards.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.spatial.transform import Rotation

from mien.data.folder import need

_IMAGE_AXES = np.array([1.0, -1.0, -1.0])  # head space to x right, y down, z away
_SKIRT = (1.3, 1.9)  # rings of still points around the face, as multiples of its outline
_SUBPIXEL = 4  # bits of fixed-point precision when triangles are filled


@dataclass(frozen=True, eq=False)
class FaceWarper:
    """Landmark triangles and what identities do to the landmarks of a mean head (cm)."""

    triangles: Int[np.ndarray, "t 3"]  #: face triangles, then the skirt's
    outline: Int[np.ndarray, " b"]  #: the outer loop of the 468 landmarks
    mean: Float[np.ndarray, "468 3"]
    identities: Float[np.ndarray, "i 468 3"]
    trusted: Int[np.ndarray, " r"]  #: landmarks whose place on the head is sure

    def displaced(self, landmarks: Float[np.ndarray, "468 3"], rng: np.random.Generator) -> Float[np.ndarray, "468 3"]:
        """Where the landmarks (pixels) go under a random identity and turn of the head."""
        rotation, scale = self._pose(landmarks)
        who = rng.normal(size=len(self.identities)) * rng.choice([0.0, 0.5])
        change = np.tensordot(who, self.identities, 1)
        moved = landmarks + scale * (change @ rotation.T) * _IMAGE_AXES
        return self._turned(moved, rng)

    def _pose(self, landmarks: Float[np.ndarray, "468 3"]) -> tuple[Float[np.ndarray, "3 3"], float]:
        """Rotation and scale from the mean head to the landmarks (Umeyama 1991)."""
        head = self.mean[self.trusted]
        seen = landmarks[self.trusted] * _IMAGE_AXES
        head, seen = head - head.mean(axis=0), seen - seen.mean(axis=0)
        u, singular, vt = np.linalg.svd(seen.T @ head)
        proper = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        return (u * proper) @ vt, float((singular * proper).sum() / (head**2).sum())

    def _turned(self, landmarks: Float[np.ndarray, "468 3"], rng: np.random.Generator) -> Float[np.ndarray, "468 3"]:
        """A turn of the head and a nearer camera; the outline stays where it is on average."""
        if rng.random() < 0.35:
            return landmarks
        angles = np.clip(rng.normal(size=3) * (8, 20, 0), -45, 45)  # degrees about x (nod), y (turn) and z
        centre = landmarks.mean(axis=0)
        turned = (landmarks - centre) @ Rotation.from_euler("xyz", angles, degrees=True).as_matrix().T
        width = np.ptp(landmarks[:, 0])
        distance = width * rng.uniform(2.5, 12.0)
        turned[:, :2] *= distance / (distance + turned[:, 2:])
        turned += landmarks[self.outline].mean(axis=0) - turned[self.outline].mean(axis=0)
        return turned

    def repaint(
        self,
        rgb: UInt8[np.ndarray, "h w 3"],
        landmarks: Float[np.ndarray, "468 3"],
        moved: Float[np.ndarray, "468 3"],
    ) -> UInt8[np.ndarray, "h w 3"]:
        """The photo with its face at the moved landmarks."""
        source, target = self._with_skirt(landmarks, landmarks), self._with_skirt(landmarks, moved)
        owner = self._owners(target, rgb.shape[:2])
        ys, xs = np.nonzero(owner >= 0)
        maps = _affine_maps(target[self.triangles][..., :2], source[self.triangles][..., :2])[owner[ys, xs]]
        grid = np.mgrid[: rgb.shape[0], : rgb.shape[1]][::-1].astype(np.float32)
        points = np.stack([xs, ys, np.ones_like(xs)], axis=1).astype(np.float32)
        grid[:, ys, xs] = np.einsum("nij,nj->in", maps, points)
        return cv2.remap(rgb, grid[0], grid[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    def _with_skirt(self, landmarks: Float[np.ndarray, "468 3"], moved: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "n 3"]:
        """Landmarks and two rings around them: the inner one gives way a little, the outer one never moves."""
        centre = landmarks[self.outline].mean(axis=0)
        rings = [centre + factor * (landmarks[self.outline] - centre) for factor in _SKIRT]
        rings[0] = rings[0] + 0.4 * (moved - landmarks)[self.outline]
        return np.concatenate([moved, *rings])

    def _owners(self, points: Float[np.ndarray, "n 3"], size: tuple[int, ...]) -> Int[np.ndarray, "h w"]:
        """The nearest triangle at each pixel by painting from far to near; -1 where there is none."""
        corners = points[self.triangles]
        depth = corners[..., 2].mean(axis=1)
        depth[self.triangles.max(axis=1) >= 468] += 1e6  # the skirt lies behind the face
        fixed = np.round(corners[..., :2] * 2**_SUBPIXEL).astype(np.int32)
        owner = np.full(size, -1, dtype=np.int32)
        for i in np.argsort(-depth):
            cv2.fillConvexPoly(owner, fixed[i], int(i), shift=_SUBPIXEL)
        return owner


def _affine_maps(source: Float[np.ndarray, "t 3 2"], target: Float[np.ndarray, "t 3 2"]) -> Float[np.ndarray, "t 2 3"]:
    """For each triangle the affine map that takes its source corners to its target corners; degenerate ones map to a corner."""
    edges = np.stack([source[:, 1] - source[:, 0], source[:, 2] - source[:, 0]], axis=2)
    goals = np.stack([target[:, 1] - target[:, 0], target[:, 2] - target[:, 0]], axis=2)
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    flat = np.abs(area) < 1e-3
    edges[flat] = np.eye(2)
    linear = goals @ np.linalg.inv(edges)
    linear[flat] = 0
    offset = target[:, 0] - np.einsum("tij,tj->ti", linear, source[:, 0])
    return np.concatenate([linear, offset[:, :, None]], axis=2).astype(np.float32)


def face_triangles(path: Path) -> Int[np.ndarray, "898 3"]:
    """The triangles over the 468 landmarks, from `canonical_face_model.obj`."""
    faces = [line.split()[1:] for line in path.read_text().splitlines() if line.startswith("f ")]
    return np.array([[int(corner.split("/")[0]) - 1 for corner in face] for face in faces])


def _outline(triangles: Int[np.ndarray, "t 3"]) -> Int[np.ndarray, " b"]:
    """The boundary loop of a triangle mesh with one boundary, in order."""
    directed = {(int(t[i]), int(t[(i + 1) % 3])) for t in triangles for i in range(3)}
    following = {a: b for a, b in directed if (b, a) not in directed}
    loop = [next(iter(following))]
    while following[loop[-1]] != loop[0]:
        loop.append(following[loop[-1]])
    return np.array(loop)


def open_warper(data: Path) -> FaceWarper:
    """A warper from the folder that has `ict_face_model.npz`, `facemesh_to_ict.npz` and `canonical_face_model.obj`."""
    need(data, "ict_face_model.npz", "facemesh_to_ict.npz", "canonical_face_model.obj")
    triangles = face_triangles(data / "canonical_face_model.obj")
    outline = _outline(triangles)
    rings = [outline, 468 + np.arange(len(outline)), 468 + len(outline) + np.arange(len(outline))]
    skirt = [_strip(inner, outer) for inner, outer in itertools.pairwise(rings)]
    with np.load(data / "facemesh_to_ict.npz") as where, np.load(data / "ict_face_model.npz") as head:
        corners, weights = head["tri"][where["triangle"]], where["barycentric"][..., None]
        identities = (head["ident"][:20][:, corners].astype(np.float32) * weights).sum(axis=2)
        return FaceWarper(
            triangles=np.concatenate([triangles, *skirt]),
            outline=outline,
            mean=(head["neutral"][corners] * weights).sum(axis=1).astype(np.float64),
            identities=identities.astype(np.float64),
            trusted=np.flatnonzero(where["reliable"]),
        )


def _strip(inner: Int[np.ndarray, " b"], outer: Int[np.ndarray, " b"]) -> Int[np.ndarray, "t 3"]:
    """Triangles between two closed rings of as many points."""
    inner_next, outer_next = np.roll(inner, -1), np.roll(outer, -1)
    return np.concatenate([np.stack([inner, inner_next, outer], axis=1), np.stack([inner_next, outer_next, outer], axis=1)])
