"""A head as numbers: one type for the bundled head, ICT-FaceKit and FLAME.

``vertices = mean + identity . shape + shapes . weights(aus)``: linear in the identity; linear in the action units up to the few rules
of `HeadModel.shape_weights`. Head space is in cm: x to the subject's left, y up, z towards the viewer. Sides are the subject's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien import weights
from mien.aus import AXES, MAX_INTENSITY
from mien.errors import WeightsError
from mien.weights import Weights

#: What a triangle can belong to. ``face`` is all skin of the front, ``head`` the rest of the skin, ``mouth`` the dark inner cavity.
PARTS = ("face", "head", "eye_L", "eye_R", "teeth_upper", "teeth_lower", "gums_upper", "gums_lower", "tongue", "mouth")

#: Two shapes that must not add up: the second fades as the first grows, by this share at full weight.
_YIELDS = (
    ("eyeBlink_L", "eyeWide_L", 1.0),
    ("eyeBlink_R", "eyeWide_R", 1.0),
    ("mouthSmile_L", "jawOpen", 0.15),  # a full smile with an open jaw exaggerates the width of the mouth
    ("mouthSmile_R", "jawOpen", 0.15),
)
_LOWEST_WEIGHT = -0.5  # cheek suck (AU35) and nostril compressor (AU39) run a shape backwards


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A morphable head. All tensors are on one device; numbers are float32, indices int64."""

    name: str
    mean: Float[Tensor, "v 3"]  #: the average neutral head, cm
    identity: Float[Tensor, "k v 3"]  #: who: offsets in cm of coefficients with unit variance
    shapes: Float[Tensor, "s v 3"]  #: what the face can do: offsets in cm at weight 1
    shape_names: tuple[str, ...]  #: ARKit names with _L and _R where the head has them
    mixing: Float[Tensor, "a s"]  #: shape weights of each axis of `mien.aus.AXES` at intensity 5; zero rows cannot be done
    triangles: Int[Tensor, "f 3"]  #: counter-clockwise seen from outside
    triangle_part: Int[Tensor, " f"]  #: index into `PARTS`
    uv: Float[Tensor, "v 2"]  #: texture coordinates in 0..1, u right, v up
    landmark_triangles: Int[Tensor, "468"]  #: where each landmark of MediaPipe's face mesh lies
    landmark_barycentric: Float[Tensor, "468 3"]
    landmark_reliable: Bool[Tensor, "468"]  #: False where the landmark's place on the head is a guess (jaw line)
    landmark68: Int[Tensor, "68"]  #: the landmark of each iBUG point
    eye_regressor: Float[Tensor, "2 v"]  #: centres of rotation of the left and the right eye from a neutral head
    iris_radius: Float[Tensor, "2"]  #: left and right, cm on the mean head
    front: Float[Tensor, " v"]  #: 1 on the front of the face, falling to 0 towards ears, scalp and neck; 0 off the skin
    loops: Mapping[str, Int[Tensor, " _"]] = field(repr=False)
    """Ordered vertices of named curves.

    Open, from the subject's right to left: ``lip_upper``, ``lip_lower`` (inner lip margins), ``lid_upper_L``, ``lid_lower_L`` and _R.
    Closed: ``mouth_hole``, ``eye_hole_L``, ``eye_hole_R`` (edges of the skin sheet, behind the margins), ``iris_L``, ``iris_R``.
    Single vertices: ``iris_center_L``, ``iris_center_R``. A head without such a part has an empty curve.
    """

    @cached_property
    def axes_known(self) -> frozenset[str]:
        """The AU axes that this head can do."""
        can = self.mixing.abs().amax(dim=1) > 0
        return frozenset(axis for axis, yes in zip(AXES, can.tolist(), strict=True) if yes)

    @cached_property
    def expression_basis(self) -> Float[Tensor, "a v 3"]:
        """Offsets in cm of each axis of `mien.aus.AXES` at intensity 5."""
        return torch.einsum("as,svc->avc", self.mixing, self.shapes)

    @cached_property
    def parts(self) -> Mapping[str, Int[Tensor, " _"]]:
        """The vertices of each of `PARTS`."""
        return {name: torch.unique(self.triangles[self.triangle_part == i]) for i, name in enumerate(PARTS)}

    def shape_weights(self, aus: Float[Tensor, "*b a"]) -> Float[Tensor, "*b s"]:
        """The weights of `shape_names` (ARKit's, where the names are) that show AU intensities 0..5; each between -0.5 and 1.

        Beyond the linear mixing: a closing lid takes back the raised lid, a smile narrows the open jaw, and ``mouthClose``, which
        closes the lips over an open jaw, is never more than ``jawOpen``. Intensities outside 0..5 are clipped.
        """
        mixed = (aus.clamp(0.0, MAX_INTENSITY) / MAX_INTENSITY) @ self.mixing
        weights = mixed.clamp(_LOWEST_WEIGHT, 1.0)
        place = {name: i for i, name in enumerate(self.shape_names)}
        ruled = dict[str, Tensor]()  # the few that differ

        def now(name: str) -> Tensor:
            return ruled[name] if name in ruled else weights[..., place[name]]

        for winner, loser, share in _YIELDS:
            if winner in place and loser in place:
                ruled[loser] = now(loser) * (1.0 - share * now(winner).clamp(min=0.0))
        if {"mouthClose", "jawOpen"} <= place.keys():
            ruled["mouthClose"] = torch.minimum(now("mouthClose"), now("jawOpen").clamp(min=0.0))
        if not ruled:
            return weights
        index = torch.tensor([place[name] for name in ruled], device=weights.device)
        return weights.index_copy(-1, index, torch.stack(list(ruled.values()), dim=-1))

    def vertices(
        self,
        shape: Float[Tensor, "*b k"],
        aus: Float[Tensor, "*b a"] | None = None,
        *,
        shape_weights: Float[Tensor, "*b s"] | None = None,
    ) -> Float[Tensor, "*b v 3"]:
        """The head of a person (coefficients of `identity`) with AU intensities 0..5, or with shape weights, or neutral, in cm.

        Fewer identity coefficients than the head has stand for the first ones.
        """
        basis = self.identity[: shape.shape[-1]]
        points = self.mean + torch.tensordot(shape, basis, dims=1)
        if shape_weights is None and aus is not None:
            shape_weights = self.shape_weights(aus)
        if shape_weights is not None:
            points = points + torch.tensordot(shape_weights, self.shapes, dims=1)
        return points

    def landmarks(self, vertices: Float[Tensor, "*b v 3"]) -> Float[Tensor, "*b 468 3"]:
        """The 468 landmarks of a head, cm."""
        corners = vertices[..., self.triangles[self.landmark_triangles], :]
        return (corners * self.landmark_barycentric[..., None]).sum(dim=-2)

    def eye_centers(self, shape: Float[Tensor, "*b k"]) -> Float[Tensor, "*b 2 3"]:
        """Centres of rotation of the left and the right eye of a person, cm."""
        return self.eye_regressor @ self.vertices(shape)


def front_weight(points: Float[np.ndarray, "v 3"], skin: Int[np.ndarray, " n"]) -> Float[np.ndarray, " v"]:
    """1 on the front of the skin, 0 beyond the ears, over the hairline and under the chin; smooth between.

    Angles are taken around a vertical axis through the middle of the head (z = 2 cm), heights where the eyes are at y = 3.6 cm.
    """
    x, y, z = points[skin].T
    aside = np.degrees(np.arctan2(np.abs(x), z - 2.0))

    def fade(value: np.ndarray, inside: float, outside: float) -> np.ndarray:
        t = np.clip((value - outside) / (inside - outside), 0.0, 1.0)
        return t * t * (3.0 - 2.0 * t)

    weight = np.zeros(len(points), np.float32)
    weight[skin] = fade(aside, 50.0, 80.0) * fade(y, 9.0, 11.5) * fade(y, -8.5, -10.5)
    return weight


_TENSORS = tuple(f.name for f in fields(HeadModel) if f.name not in ("name", "shape_names", "loops"))
_INDICES = ("triangles", "triangle_part", "landmark_triangles", "landmark68")
_BASES = ("identity", "shapes")


def from_weights(weights: Weights) -> HeadModel:
    """The head that a weight file holds; raises `WeightsError` when it holds something else.

    The first vertices are skin, with their own offsets (``identity.skin``, ``shapes.skin``). The rest are organs behind it, moved by a
    few bones: their offsets are affine maps (``identity.bones`` [k bones 3 4]) mixed by ``organ_bones`` [n bones].
    """
    stored = [name for name in _TENSORS if name not in _BASES] + ["organ_bones"]
    stored += [f"{basis}.{part}" for basis in _BASES for part in ("skin", "bones")]
    missing = [name for name in stored if name not in weights.tensors]
    if weights.config.get("kind") != "head" or missing:
        raise WeightsError(f"{weights.path} is not a head model" + (f": it has no {', '.join(missing[:3])}" if missing else ""))
    t = weights.tensors
    organs = t["mean"].float()[len(t["mean"]) - len(t["organ_bones"]) :]
    held = torch.cat([organs, organs.new_ones(len(organs), 1)], dim=1)
    tensors: dict[str, Any] = {
        basis: torch.cat(
            [t[f"{basis}.skin"].float(), torch.einsum("nb,kbcd,nd->knc", t["organ_bones"].float(), t[f"{basis}.bones"].float(), held)],
            dim=1,
        )
        for basis in _BASES
    }
    for name in _TENSORS:
        if name not in _BASES:
            tensors[name] = t[name].long() if name in _INDICES else t[name].bool() if name == "landmark_reliable" else t[name].float()
    loops = {name.removeprefix("loop."): tensor.long() for name, tensor in t.items() if name.startswith("loop.")}
    return HeadModel(name=weights.config["name"], shape_names=tuple(weights.config["shape_names"]), loops=loops, **tensors)


def load(path: Path | str) -> HeadModel:
    """Read a head from a safetensors file of mien."""
    return from_weights(weights.load(path))


def save(head: HeadModel, path: Path | str) -> None:
    """Write a head so that `load` gives it back; every vertex keeps its own offsets, as skin does."""
    tensors = {name: getattr(head, name).contiguous() for name in _TENSORS if name not in _BASES}
    for basis in _BASES:
        offsets = getattr(head, basis)
        tensors |= {f"{basis}.skin": offsets.contiguous(), f"{basis}.bones": offsets.new_zeros(len(offsets), 0, 3, 4)}
    tensors |= {"organ_bones": head.mean.new_zeros(0, 0), **{f"loop.{name}": loop for name, loop in head.loops.items()}}
    weights.save(path, tensors, {"kind": "head", "name": head.name, "shape_names": list(head.shape_names)})


@cache
def bundled() -> HeadModel:
    """The head that ships with mien: its own topology, learned from ICT-FaceKit (MIT); see ``assets/head.md``."""
    return load(weights.bundled("head"))
