"""A mesh with morph targets as binary glTF 2.0 (Khronos 2021), in one buffer, by hand.

Morph targets are sparse accessors: of a target only the vertices that it moves are stored. Lengths are metres, y is up, the front
looks along +z; texture coordinates have v down.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963  # what a buffer view is for
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_STILL = 5e-6  # metres: a target that moves a vertex by less leaves it alone


@dataclass(frozen=True, eq=False)
class Surface:
    """A part of the mesh with one look. Vertices are its own: no other surface shares them."""

    name: str
    vertices: Float[np.ndarray, "v 3"]  #: metres
    normals: Float[np.ndarray, "v 3"]
    uv: Float[np.ndarray, "v 2"]  #: v down
    triangles: Int[np.ndarray, "t 3"]  #: counter-clockwise seen from outside
    offsets: Float[np.ndarray, "m v 3"]  #: metres at weight 1, of each morph target
    colors: Float[np.ndarray, "v 3"] | None = None  #: linear RGB 0..1 of each vertex; None: the texture colours it


@dataclass(frozen=True, eq=False)
class Animation:
    """How the morph weights, and the turn of the head, go with time."""

    times: Float[np.ndarray, " t"]  #: seconds, rising
    weights: Float[np.ndarray, "t m"]
    rotations: Float[np.ndarray, "t 4"]  #: unit quaternions x, y, z, w


@dataclass(eq=False)
class _Buffer:
    """The binary part, and the tables that say what lies where in it."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def view(self, content: bytes, target: int | None = None) -> int:
        self.data.extend(b"\0" * (-len(self.data) % 4))  # every component type begins at a multiple of its size
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        self.views.append(view | ({"target": target} if target else {}))
        self.data.extend(content)
        return len(self.views) - 1

    def floats(self, values: np.ndarray, target: int | None = None) -> int:
        """An accessor of float32 rows, with their bounds."""
        values = np.ascontiguousarray(values, dtype="<f4")
        return self._accessor(values, _FLOAT, {"bufferView": self.view(values.tobytes(), target)})

    def indices(self, triangles: np.ndarray) -> int:
        """An accessor of vertex numbers."""
        kind, code = ("<u2", _USHORT) if triangles.max() < 65535 else ("<u4", _UINT)
        flat = np.ascontiguousarray(triangles.ravel(), dtype=kind)
        return self._accessor(flat, code, {"bufferView": self.view(flat.tobytes(), _INDICES)})

    def offsets(self, values: np.ndarray) -> int:
        """An accessor of offsets that stores the moved rows only; one without a moved row is all zeros by definition."""
        values = np.ascontiguousarray(values, dtype="<f4")
        moved = np.flatnonzero(np.abs(values).max(axis=1) > _STILL)
        kept = np.zeros_like(values)
        kept[moved] = values[moved]
        kind, code = ("<u2", _USHORT) if len(values) < 65536 else ("<u4", _UINT)
        sparse = {
            "count": len(moved),
            "indices": {"bufferView": self.view(moved.astype(kind).tobytes()), "componentType": code},
            "values": {"bufferView": self.view(kept[moved].tobytes())},
        } if len(moved) else None  # fmt: skip
        return self._accessor(kept, _FLOAT, {"sparse": sparse} if sparse else {})

    def _accessor(self, values: np.ndarray, code: int, where: Mapping[str, Any]) -> int:
        rows = values.reshape(len(values), -1)
        kind = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}[rows.shape[1]]
        bounds = {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        self.accessors.append({"componentType": code, "count": len(rows), "type": kind, **bounds, **where})
        return len(self.accessors) - 1


def glb(
    surfaces: Sequence[Surface],
    targets: Sequence[str],
    weights: Float[np.ndarray, " m"],
    texture: bytes,
    *,
    animation: Animation | None = None,
    name: str = "head",
    generator: str = "mien",
    extras: Mapping[str, Any] | None = None,
) -> bytes:
    """The bytes of a .glb file: one mesh, a primitive for each surface, with `targets` as morph targets at rest `weights`.

    `texture` is a PNG; it holds light already, so materials are unlit (KHR_materials_unlit) where the reader knows that, and
    rough otherwise. Target names are in ``mesh.extras.targetNames``, as all common readers expect.
    """
    buffer = _Buffer()
    primitives = [_primitive(buffer, surface, i) for i, surface in enumerate(surfaces)]
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": generator, **({"extras": dict(extras)} if extras else {})},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0}],
        "meshes": [{"name": name, "primitives": primitives, "weights": _plain(weights), "extras": {"targetNames": list(targets)}}],
        "materials": [_material(surface) for surface in surfaces],
        "textures": [{"sampler": 0, "source": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],  # linear, with mipmaps, clamped
        "images": [{"name": name, "mimeType": "image/png", "bufferView": buffer.view(texture)}],
    }
    if animation is not None:
        document["animations"] = [_animation(buffer, animation)]
    document |= {"accessors": buffer.accessors, "bufferViews": buffer.views, "buffers": [{"byteLength": len(buffer.data)}]}
    return _container(document, bytes(buffer.data))


def _primitive(buffer: _Buffer, surface: Surface, material: int) -> dict[str, Any]:
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": buffer.floats(surface.vertices, _VERTICES),
            "NORMAL": buffer.floats(surface.normals, _VERTICES),
        },
        "indices": buffer.indices(surface.triangles),
        "material": material,
    }
    look = ("TEXCOORD_0", surface.uv) if surface.colors is None else ("COLOR_0", surface.colors)
    primitive["attributes"][look[0]] = buffer.floats(look[1], _VERTICES)
    if len(surface.offsets):
        primitive["targets"] = [{"POSITION": buffer.offsets(offsets)} for offsets in surface.offsets]
    return primitive


def _material(surface: Surface) -> dict[str, Any]:
    look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    if surface.colors is None:
        look["baseColorTexture"] = {"index": 0}
    return {"name": surface.name, "pbrMetallicRoughness": look, "extensions": {"KHR_materials_unlit": {}}}


def _animation(buffer: _Buffer, animation: Animation) -> dict[str, Any]:
    times = buffer.floats(animation.times)
    tracks = {"weights": animation.weights.reshape(-1), "rotation": animation.rotations}
    return {
        "name": "expression",
        "samplers": [{"input": times, "output": buffer.floats(values), "interpolation": "LINEAR"} for values in tracks.values()],
        "channels": [{"sampler": i, "target": {"node": 0, "path": path}} for i, path in enumerate(tracks)],
    }


def _plain(values: np.ndarray) -> list[float]:
    return np.asarray(values, dtype=np.float32).tolist()


def _container(document: Mapping[str, Any], data: bytes) -> bytes:
    """Header, JSON chunk padded with spaces, binary chunk padded with zeros; each to four bytes."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<II", len(text), _JSON) + text + struct.pack("<II", len(data), _BIN) + data
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks
