"""Recipe `head`: mien's own head, learned from the meshes of ICT-FaceKit (MIT).

A new topology is laid over the mean face; everything the source mesh can do is carried over by least squares; who a person is becomes
a smaller basis of unit variance; eyes, teeth and the inner mouth are built anew and follow the source's by affine maps.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.linalg import splu

from mien import weights
from mien.aus import AXES
from mien.convert import ict as source_model
from mien.convert import ict_organs
from mien.convert.ict import ICT
from mien.errors import DataError
from mien.geometry import mesh
from mien.geometry.head import PARTS, HeadModel, front_weight
from mien.geometry.making import atlas, chart, skin
from mien.geometry.making.chart import Places
from mien.geometry.making.correctives import LipSeal, Spread, oval
from mien.geometry.making.skin import Skin, SkinPlan
from mien.training.config import to_toml

_OVERLAP_CM = 0.03  # of the lips of the mean face
_LIPS_STAY_SHUT = ("mouthSmile", "mouthDimple", "mouthFrown", "mouthStretch", "mouthPress", "cheekSquint", "cheekRaiser", "cheekPuff")

Carry = Callable[[Float[np.ndarray, "n w 3"]], Float[np.ndarray, "n v 3"]]


@dataclass(frozen=True)
class HeadConfig:
    """Options of `mien train head`."""

    data: Path = Path(os.environ.get("MIEN_DATA", "data"))
    """Folder with ict_face_model.npz, facs_mapping.json and facemesh_to_ict.npz."""
    out: Path = Path("runs/head")
    """Folder for the model (head.safetensors)."""
    identities: int = 70
    """Size of the identity basis."""
    spacing: float = 0.24
    """Distance of vertices near the features, cm; the size of the mesh follows from it."""
    blink: float = 1.08
    """How much further than the source's the lids go, so that they meet."""
    seed: int = 0
    """Of the scattered vertices."""


def train(config: HeadConfig) -> Path:
    """Learn the head and write it, in about a minute on one core. Returns the path of the model."""
    ict, source = read_source(config.data)
    face = ict.triangles[source.triangle_part.numpy() == PARTS.index("face")]
    if face.max() >= (count := len(np.unique(face))):
        raise DataError("the face of the ICT model is not its first region: give the published files")
    neutral = ict.neutral[:count].astype(np.float64)
    sheet = skin.build(neutral, face, _features(source), SkinPlan(finest=config.spacing), np.random.default_rng(config.seed))
    carry = _carrier(sheet, face, count)
    names, jaw_open = list(ict.expression_names), ict.expression_names.index("jawOpen")
    mean, shapes, identity = carry(neutral[None])[0], carry(ict.expressions[:, :count]), carry(ict.identity[:, :count])
    shapes[[name.startswith("eyeBlink") for name in names]] *= config.blink
    mean, shapes, identity = _sealed(mean, shapes, identity, names, sheet)
    shapes = np.concatenate([shapes, _oval(mean + shapes[jaw_open], sheet)[None]])
    mixing = np.c_[source.mixing.numpy(), np.array(AXES) == "AU27"]
    mix = _principal(identity * front_weight(mean, np.arange(len(mean)))[:, None], config.identities)

    rim = sheet.loops["mouth_hole"][::2]  # the inside of the mouth hangs from copies of these vertices
    organs = ict_organs.measure(ict, source.triangle_part.numpy(), mean[rim])
    identity, shapes = (np.concatenate([offsets, offsets[:, rim]], axis=1) for offsets in (identity, shapes))

    tensors = {
        "identity.skin": np.tensordot(mix, identity, axes=1).astype(np.float16),
        "identity.bones": np.tensordot(mix, organs.identity, axes=1).astype(np.float32),
        "shapes.skin": shapes.astype(np.float16),
        "shapes.bones": np.concatenate([organs.expressions, np.zeros_like(organs.expressions[:1])]).astype(np.float32),
        "mixing": mixing.astype(np.float32),
        **_landmarks(source, sheet, face),
        **_assemble(mean, sheet, organs, len(rim)),
    }
    path = config.out / "head.safetensors"
    header = {"kind": "head", "name": "mien", "shape_names": [*names, "mouthOval"], "licence": "learned from ICT-FaceKit (MIT)"}
    found = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}
    weights.save(path, found, header, recipe=to_toml(config, folders=False))
    (config.out / "config.toml").write_text(to_toml(config), encoding="utf-8")
    return path


def read_source(data: Path) -> tuple[ICT, HeadModel]:
    """The source mesh and the same as a model with AUs and landmarks; raises `DataError` for what is not in the folder."""
    paths = [data / name for name in ("ict_face_model.npz", "facs_mapping.json", "facemesh_to_ict.npz")]
    for path in paths:
        if not path.is_file():
            raise DataError(f"no {path.name} in {data}: name the folder that has it with --data or MIEN_DATA")
    ict = source_model.read(paths[0])
    return ict, source_model.head_of(ict, mapping=paths[1], facemesh_path=paths[2])


def _features(source: HeadModel) -> Float[np.ndarray, "m 3"]:
    """Points that deserve a dense mesh: brows, nose, eyes, mouth and the folds beside it."""
    marks = source.landmarks(source.mean).double().numpy()
    return marks[np.r_[source.landmark68.numpy()[17:], [50, 280, 205, 425]]]


def _carrier(sheet: Skin, face: Int[np.ndarray, "g 3"], count: int, stiffness: float = 0.05) -> Carry:
    """A function that carries attributes of the source's vertices to the new ones.

    Each new vertex starts from the source at its own place; then all are moved, by regularised least squares, so that the new
    triangles pass close to every vertex of the source.
    """
    sample = sheet.places.matrix(face, count)
    places = chart.locate(sheet.chart, sheet.triangles, sheet.source_chart)
    spread = places.matrix(sheet.triangles, len(sheet.chart))
    on = np.abs(spread @ sheet.chart - sheet.source_chart).max(axis=1) < 1e-6  # the others lie in an opening
    spread = spread[on]
    solve = splu((spread.T @ spread + stiffness * sparse.identity(len(sheet.chart))).tocsc()).solve

    def carry(attributes: Float[np.ndarray, "n w 3"]) -> Float[np.ndarray, "n v 3"]:
        flat = attributes.astype(np.float64).transpose(1, 0, 2).reshape(count, -1)
        start = sample @ flat
        moved = start + solve(spread.T @ (flat[on] - spread @ start))
        return moved.reshape(len(start), -1, 3).transpose(1, 0, 2)

    return carry


def _sealed(
    mean: Float[np.ndarray, "v 3"],
    shapes: Float[np.ndarray, "s v 3"],
    identity: Float[np.ndarray, "k v 3"],
    names: Sequence[str],
    sheet: Skin,
) -> tuple[Float[np.ndarray, "v 3"], Float[np.ndarray, "s v 3"], Float[np.ndarray, "k v 3"]]:
    """Lips that meet in every neutral face, and that movements without AU25 do not part.

    Otherwise an identity can part the lips, and the fit would explain a person's speech by who they are.
    """
    rings = sheet.mouth_rings[: SkinPlan.mouth_margin + 2]
    seal = LipSeal(mean, rings, Spread(mean, sheet.triangles, rings[-1]))
    mean = mean + seal.closing(seal.gaps(mean) + _OVERLAP_CM)
    identity = identity + np.stack([seal.closing(seal.gaps(offsets)) for offsets in identity])
    closed = [
        seal.closing(np.clip(seal.gaps(o), 0, None)) if n.startswith(_LIPS_STAY_SHUT) else 0.0 * o
        for n, o in zip(names, shapes, strict=True)
    ]
    return mean, shapes + np.stack(closed), identity


def _oval(opened: Float[np.ndarray, "v 3"], sheet: Skin) -> Float[np.ndarray, "v 3"]:
    """The offsets that make the mouth of a dropped jaw an oval: the source's has the shape of a V."""
    margin = sheet.mouth_rings[SkinPlan.mouth_margin]
    return Spread(opened, sheet.triangles, margin, reach=2.2)(oval(opened[margin]))


def _principal(offsets: Float[np.ndarray, "k v 3"], size: int) -> Float[np.ndarray, "n k"]:
    """Rows that mix independent unit-variance modes into fewer, again of unit variance, that keep the most motion."""
    flat = offsets.reshape(len(offsets), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    return vectors[:, np.argsort(values)[::-1][:size]].T


def _landmarks(source: HeadModel, sheet: Skin, face: Int[np.ndarray, "g 3"]) -> dict[str, np.ndarray]:
    where = np.flatnonzero(source.triangle_part.numpy() == PARTS.index("face"))
    triangle = np.searchsorted(where, source.landmark_triangles.numpy())
    on_source = Places(triangle, source.landmark_barycentric.numpy().astype(np.float64))
    places = chart.locate(sheet.chart, sheet.triangles, on_source.matrix(face, len(sheet.source_chart)) @ sheet.source_chart)
    return {
        "landmark_triangles": places.triangle.astype(np.int16),
        "landmark_barycentric": places.barycentric.astype(np.float32),
        "landmark_reliable": source.landmark_reliable.numpy(),
        "landmark68": source.landmark68.numpy().astype(np.int16),
    }


def _assemble(mean: Float[np.ndarray, "v 3"], sheet: Skin, organs: ict_organs.Organs, rim: int) -> dict[str, np.ndarray]:
    """One mesh of skin and organs: points, triangles, texture and named curves."""
    points, triangles, parts, first = [mean], [sheet.triangles], [np.full(len(sheet.triangles), PARTS.index("face"))], len(mean)
    loops: dict[str, Int[np.ndarray, " n"]] = {name: loop for name, loop in sheet.loops.items() if name != "border"}
    uv = [atlas.skin_texture(mean, sheet)]
    regressor: list[Float[np.ndarray, " v"]] = []
    total = first + sum(len(piece.points) for piece in organs.pieces)
    for piece in organs.pieces:
        if piece.part.startswith("eye"):
            side = piece.part[-1]
            loops[f"iris_{side}"], loops[f"iris_center_{side}"] = first + organs.iris[side], np.array([first])
            row = np.zeros(total, np.float32)
            row[first : first + len(piece.points)] = mesh.affine_weights(piece.points, organs.eye_centers["LR".index(side)])
            regressor.append(row)
        points.append(piece.points)
        triangles.append(piece.triangles + first)
        parts.append(np.full(len(piece.triangles), PARTS.index(piece.part)))
        uv.append(atlas.organ_texture(piece))
        first += len(piece.points)
    every = np.concatenate(points).astype(np.float32)
    return {
        "mean": every,
        "triangles": np.concatenate(triangles).astype(np.int16),
        "triangle_part": np.concatenate(parts).astype(np.uint8),
        "uv": np.concatenate(uv).astype(np.float32),
        "organ_bones": np.concatenate([piece.bones for piece in organs.pieces])[rim:].astype(np.float16),
        "eye_regressor": np.stack(regressor),
        "iris_radius": organs.iris_radius.astype(np.float32),
        "front": front_weight(every, np.arange(len(mean))).astype(np.float16),
        **_named(loops),
    }


def _named(loops: Mapping[str, Int[np.ndarray, " _"]]) -> dict[str, np.ndarray]:
    return {f"loop.{name}": loop.astype(np.int16) for name, loop in loops.items()}
