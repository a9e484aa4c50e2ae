"""ICT-FaceKit (Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020; MIT licence) as a `HeadModel`.

Reads the packed arrays (``ict_face_model.npz``) or a folder of the published OBJ files (``FaceXModel``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from mien.aus import AXES
from mien.errors import DataError
from mien.geometry import facemesh, mesh
from mien.geometry.head import PARTS, HeadModel, front_weight

#: Vertex ranges of the parts in the published numbering of 26,719 vertices (README of ICT-FaceKit).
_RANGES: Mapping[str, tuple[int, int]] = {
    "face": (0, 9409), "head_neck": (9409, 11248), "mouth_socket": (11248, 13294), "gums_tongue": (14062, 17039),
    "teeth": (17039, 21451), "sclera_L": (21451, 22221), "sclera_R": (23021, 23791),
}  # fmt: skip
#: Vertices of the published numbering: pupil centre, then the rim of the iris at +x, +y, -x, -y; left and right eye.
_IRIS = {"L": (21479, 21980, 21933, 21949, 21964), "R": (23049, 23519, 23503, 23550, 23534)}
_TEETH_APART_CM = 0.2  # a piece of gum or tooth that an open jaw moves further than this belongs to the lower jaw


@dataclass(frozen=True, eq=False)
class ICT:
    """The arrays of ICT-FaceKit without lashes, eye sockets and helper surfaces; float32, cm."""

    neutral: Float[np.ndarray, "v 3"]
    triangles: Int[np.ndarray, "f 3"]
    region: tuple[str, ...]  #: the name of each region
    triangle_region: Int[np.ndarray, " f"]
    uv: Float[np.ndarray, "v 2"]  #: one coordinate per vertex; seams are not kept
    expressions: Float[np.ndarray, "s v 3"]
    expression_names: tuple[str, ...]
    identity: Float[np.ndarray, "k v 3"]
    iris: Mapping[str, Int[np.ndarray, " 5"]]  #: pupil centre and four points of the rim, per side
    kept_triangles: Int[np.ndarray, " f"]  #: the number of each triangle in the file


def read(path: Path | str) -> ICT:
    """Read a packed ``.npz`` or a folder of OBJ files; raises `DataError` when it is neither."""
    path = Path(path)
    if path.is_dir():
        return _read_objects(path)
    if not path.is_file():
        raise DataError(f"no ICT-FaceKit model at {path}: give ict_face_model.npz or the folder FaceXModel")
    try:
        with np.load(path, allow_pickle=False) as file:
            return _unpack({name: file[name] for name in file.files})
    except (ValueError, OSError, KeyError) as error:
        raise DataError(f"{path} is not a packed ICT-FaceKit model ({error})") from error


def _unpack(data: Mapping[str, np.ndarray]) -> ICT:
    names = tuple(str(name) for name in data["region_names"])
    wanted = [i for i, name in enumerate(names) if not name.startswith(("eyelash", "eye_socket"))]
    kept = np.flatnonzero(np.isin(data["tri_region"], wanted))
    uv = np.zeros((len(data["neutral"]), 2), np.float32)
    uv[data["tri"].ravel()] = data["uv"][data["tri_uv"].ravel()]
    right, left = data["iris_points"][:5], data["iris_points"][5:]
    return ICT(
        neutral=data["neutral"].astype(np.float32),
        triangles=data["tri"][kept].astype(np.int64),
        region=names,
        triangle_region=data["tri_region"][kept].astype(np.int64),
        uv=uv,
        expressions=data["expr"].astype(np.float32),
        expression_names=tuple(str(name) for name in data["expr_names"]),
        identity=data["ident"].astype(np.float32),
        iris={"L": left.astype(np.int64), "R": right.astype(np.int64)},
        kept_triangles=kept,
    )


def _read_objects(folder: Path) -> ICT:
    neutral_path = folder / "generic_neutral_mesh.obj"
    if not neutral_path.is_file():
        raise DataError(f"{folder} has no generic_neutral_mesh.obj: give the folder FaceXModel of ICT-FaceKit")
    points, uvs, faces, face_uvs = _read_obj(neutral_path)
    triangles, corners = _split_quads(points, faces, face_uvs)
    region = np.full(len(points), -1)
    for i, (first, last) in enumerate(_RANGES.values()):
        region[first:last] = i
    of_triangle = region[triangles].max(axis=1)  # a triangle between two parts belongs to the later
    kept = np.flatnonzero(region[triangles].min(axis=1) >= 0)
    uv = np.zeros((len(points), 2), np.float32)
    uv[triangles.ravel()] = uvs[corners.ravel()]
    others = sorted(p for p in folder.glob("*.obj") if p != neutral_path)
    identity = [p for p in others if p.stem.startswith("identity")]
    expressions = [p for p in others if not p.stem.startswith(("identity", "PupilDilate", "pupilDilate"))]
    if not identity or not expressions:
        raise DataError(f"{folder} has no identity*.obj or no expression files: give the whole folder FaceXModel of ICT-FaceKit")

    def offsets(paths: list[Path]) -> Float[np.ndarray, "n v 3"]:
        return np.stack([_read_obj(path)[0] - points for path in paths])

    return ICT(
        neutral=points,
        triangles=triangles[kept],
        region=tuple(_RANGES),
        triangle_region=of_triangle[kept],
        uv=uv,
        expressions=offsets(expressions),
        expression_names=tuple(p.stem for p in expressions),
        identity=offsets(identity),
        iris={side: np.array(ids) for side, ids in _IRIS.items()},
        kept_triangles=kept,
    )


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, list[list[int]], list[list[int]]]:
    """Vertices, texture coordinates, and the polygons as indices into both."""
    points, uvs, faces, face_uvs = [], [], [], []
    for line in path.read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            points.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            uvs.append([float(x) for x in rest.split()[:2]])
        elif kind == "f":
            corners = [corner.split("/") for corner in rest.split()]
            faces.append([int(c[0]) - 1 for c in corners])
            face_uvs.append([int(c[1]) - 1 if len(c) > 1 and c[1] else 0 for c in corners])
    return np.array(points, np.float32), np.array(uvs or [[0.0, 0.0]], np.float32), faces, face_uvs


def _split_quads(points: np.ndarray, faces: list[list[int]], face_uvs: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Cut quads along the shorter diagonal."""
    triangles, corners = [], []
    for face, uv in zip(faces, face_uvs, strict=True):
        cut = [(0, 1, 2)]
        if len(face) == 4:
            p = points[face]
            shorter = np.sum((p[0] - p[2]) ** 2) <= np.sum((p[1] - p[3]) ** 2)
            cut = [(0, 1, 2), (0, 2, 3)] if shorter else [(0, 1, 3), (1, 2, 3)]
        triangles += [[face[i] for i in c] for c in cut]
        corners += [[uv[i] for i in c] for c in cut]
    return np.array(triangles, np.int64), np.array(corners, np.int64)


def read_mixing(path: Path | str, names: tuple[str, ...]) -> Float[np.ndarray, "a s"]:
    """Shape weights of every AU axis at intensity 5 from a mapping file; one side of a unit keeps the shapes of that side.

    The file is JSON: ``{"aus": {"12": {"shapes": {"mouthSmile_L": 1.0, ...}}, "30L": ...}}``.
    """
    table: dict[str, dict[str, dict[str, float]]] = json.loads(Path(path).read_text())["aus"]
    mixing = np.zeros((len(AXES), len(names)), np.float32)
    for row, axis in enumerate(AXES):
        unit, side = axis[2:].lstrip("0").rstrip("LR"), axis[4:]
        entry = table.get(unit + side) or table.get(unit)
        if entry is None:
            continue
        for shape, weight in entry["shapes"].items():
            other = {"L": "_R", "R": "_L", "": "none"}[side]
            if shape in names and (unit + side in table or not shape.endswith(other)):
                mixing[row, names.index(shape)] = weight
    return mixing


def _triangle_parts(ict: ICT) -> Int[np.ndarray, " f"]:
    """The index in `PARTS` of every triangle; teeth and gums go with the jaw that moves them."""
    lower = np.linalg.norm(ict.expressions[ict.expression_names.index("jawOpen")], axis=1) > _TEETH_APART_CM
    lower = lower[ict.triangles].mean(axis=1) > 0.5
    plain = {
        "face": "face", "head_neck": "head", "mouth_socket": "mouth",
        "sclera_L": "eye_L", "cornea_L": "eye_L", "sclera_R": "eye_R", "cornea_R": "eye_R",
    }  # fmt: skip
    parts = np.zeros(len(ict.triangles), np.int64)
    for i, name in enumerate(ict.region):
        here = ict.triangle_region == i
        if name in ("teeth", "gums_tongue"):
            stem = "teeth" if name == "teeth" else "gums"
            parts[here] = np.where(lower[here], PARTS.index(f"{stem}_lower"), PARTS.index(f"{stem}_upper"))
        elif name in plain:
            parts[here] = PARTS.index(plain[name])
    return parts


def head_of(ict: ICT, *, mapping: Path | str | None = None, facemesh_path: Path | str | None = None) -> HeadModel:
    """The model behind the one type: AUs need `mapping` (a FACS mapping file), landmarks `facemesh_path` (``facemesh_to_ict.npz``).

    Raises `DataError` when the landmarks belong to a mesh with other triangles.
    """
    mixing = np.zeros((len(AXES), len(ict.expression_names)), np.float32)
    if mapping is not None:
        mixing = read_mixing(mapping, ict.expression_names)
    parts = _triangle_parts(ict)
    skin = ict.triangles[parts == PARTS.index("face")]
    triangle, barycentric, reliable, landmark68 = _landmarks(ict, facemesh_path)
    marks = np.einsum("nkc,nk->nc", ict.neutral[ict.triangles[triangle]], barycentric)
    loops = _loops(ict, skin, marks if facemesh_path is not None else None)
    regressor = np.stack([_eye_regressor(ict, parts, side) for side in "LR"])
    radius = [np.linalg.norm(ict.neutral[ict.iris[s][1:]] - ict.neutral[ict.iris[s][0]], axis=1).mean() for s in "LR"]
    tensors: dict[str, Any] = {
        "mean": ict.neutral, "identity": ict.identity, "shapes": ict.expressions, "mixing": mixing, "triangles": ict.triangles,
        "triangle_part": parts, "uv": _tiles(ict), "landmark_triangles": triangle, "landmark_barycentric": barycentric,
        "landmark_reliable": reliable, "landmark68": landmark68, "eye_regressor": regressor, "iris_radius": np.array(radius, np.float32),
        "front": front_weight(ict.neutral, np.unique(skin)),
    }  # fmt: skip
    return HeadModel(
        name="ict",
        shape_names=ict.expression_names,
        loops={name: torch.from_numpy(np.asarray(loop, np.int64)) for name, loop in loops.items()},
        **{name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()},
    )


def _landmarks(
    ict: ICT, path: Path | str | None
) -> tuple[Int[np.ndarray, "468"], Float[np.ndarray, "468 3"], Bool[np.ndarray, "468"], Int[np.ndarray, "68"]]:
    if path is None:
        count = facemesh.COUNT
        return np.zeros(count, np.int64), np.eye(3, dtype=np.float32)[np.zeros(count, int)], np.zeros(count, bool), np.zeros(68, np.int64)
    with np.load(path, allow_pickle=False) as file:
        triangle, barycentric, reliable, landmark68 = (file[n] for n in ("triangle", "barycentric", "reliable", "landmark68"))
    where = np.searchsorted(ict.kept_triangles, triangle)
    if triangle.max() > ict.kept_triangles[-1] or not np.array_equal(ict.kept_triangles[where], triangle) or len(ict.neutral) < 24000:
        raise DataError(f"the landmarks of {path} lie on ict_face_model.npz, not on this mesh of {len(ict.neutral)} vertices")
    return where.astype(np.int64), barycentric.astype(np.float32), reliable, landmark68.astype(np.int64)


def _loops(ict: ICT, skin: Int[np.ndarray, "f 3"], marks: Float[np.ndarray, "468 3"] | None) -> dict[str, Int[np.ndarray, " _"]]:
    holes = mesh.boundary_loops(skin)[1:4]
    middle = sorted(holes, key=lambda loop: float(ict.neutral[loop, 0].mean()))
    loops = {"eye_hole_R": middle[0], "mouth_hole": middle[1], "eye_hole_L": middle[2]}
    for side in "LR":
        loops[f"iris_center_{side}"], loops[f"iris_{side}"] = ict.iris[side][:1], ict.iris[side][1:]
    ids = np.unique(skin)
    for name, curve in facemesh.MARGINS.items():
        loops[name] = np.zeros(0, np.int64)
        if marks is not None:
            apart = np.linalg.norm(ict.neutral[ids][None] - marks[list(curve)][:, None], axis=2)
            loops[name] = ids[apart.argmin(axis=1)]
    return loops


def _eye_regressor(ict: ICT, parts: Int[np.ndarray, " f"], side: str) -> Float[np.ndarray, " v"]:
    """Affine weights of the eyeball's vertices that give its centre: of the sphere through them, carried along by any identity."""
    ids = np.unique(ict.triangles[parts == PARTS.index(f"eye_{side}")])
    points = ict.neutral[ids]
    weights = np.zeros(len(ict.neutral), np.float32)
    weights[ids] = mesh.affine_weights(points, mesh.sphere_center(points))
    return weights


def _tiles(ict: ICT) -> Float[np.ndarray, "v 2"]:
    """One texture in the unit square: ICT's tiles side by side, the face's the widest."""
    first, width = np.array([0.0, 0.7, 0.8, 0.85]), np.array([0.7, 0.1, 0.05, 0.05])
    tile = np.clip(np.floor(ict.uv[:, 0]), 0, 3).astype(int)
    for place, side in enumerate("LR"):
        eyes = np.isin(ict.triangle_region, [i for i, name in enumerate(ict.region) if name in (f"sclera_{side}", f"cornea_{side}")])
        first, width = np.append(first, 0.9 + 0.05 * place), np.append(width, 0.05)
        tile[np.unique(ict.triangles[eyes])] = 4 + place
    return np.stack([first[tile] + width[tile] * (ict.uv[:, 0] % 1.0), ict.uv[:, 1] % 1.0], axis=1).astype(np.float32)
