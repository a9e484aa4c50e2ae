import json
import struct

import numpy as np
import pygltflib
import pytest
import torch
import trimesh

from mien.aus import AXES
from mien.geometry.exchange import arkit, gltf, surfaces


@pytest.fixture(scope="module")
def path(still, tmp_path_factory):
    return still.save(tmp_path_factory.mktemp("glb") / "face.glb")


@pytest.fixture(scope="module")
def read(path) -> pygltflib.GLTF2:
    return pygltflib.GLTF2().load(str(path))


def view(document: pygltflib.GLTF2, index: int, dtype: str) -> np.ndarray:
    v = document.bufferViews[index]
    return np.frombuffer(document.binary_blob()[v.byteOffset : v.byteOffset + v.byteLength], dtype)


def values(document: pygltflib.GLTF2, index: int) -> np.ndarray:
    """An accessor as the specification reads it: zeros or a buffer view, then the sparse rows."""
    a = document.accessors[index]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[a.type]
    kinds = {5126: "<f4", 5123: "<u2", 5125: "<u4"}
    out = np.zeros((a.count, width), kinds[a.componentType])
    if a.bufferView is not None:
        out = view(document, a.bufferView, kinds[a.componentType]).reshape(a.count, width).copy()
    if a.sparse is not None:
        rows = view(document, a.sparse.indices.bufferView, kinds[a.sparse.indices.componentType])
        assert len(rows) == a.sparse.count
        assert (np.diff(rows.astype(int)) > 0).all()
        out[rows] = view(document, a.sparse.values.bufferView, kinds[a.componentType]).reshape(-1, width)
    return out


def test_trimesh_reads_the_parts_in_metres_under_their_texture(path, still) -> None:
    scene = trimesh.load(path)
    assert len(scene.geometry) == 6
    assert sum(len(g.faces) for g in scene.geometry.values()) == len(still.model.triangles)
    np.testing.assert_allclose(scene.bounds, np.stack([still.neutral.min(axis=0), still.neutral.max(axis=0)]) / 100, atol=1e-5)
    skin = max(scene.geometry.values(), key=lambda g: len(g.faces))
    image = skin.visual.material.baseColorTexture
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), still.texture)
    assert skin.visual.uv.min() >= 0
    assert skin.visual.uv.max() <= 1


def test_targets_are_named_after_action_units_and_arkit(read, still) -> None:
    mesh = read.meshes[0]
    names = mesh.extras["targetNames"]
    assert len(names) == len(set(names)) == len(mesh.weights)
    assert all(len(p.targets) == len(names) for p in mesh.primitives)
    assert {"AU12L", "AU12R", "AU17", "AU26"} <= set(names)
    assert [n for n in names if not n.startswith("AU")] == [n for n in arkit.NAMES if n != "tongueOut"]
    assert dict(zip(names, mesh.weights, strict=True))["AU12L"] == pytest.approx(0.6)  # intensity 3 of 5
    assert sum(map(abs, mesh.weights)) == pytest.approx(1.2)


@pytest.mark.parametrize("name", ["AU12L", "AU05R", "AU26", "AU01L", "AU61"])
def test_the_target_of_an_axis_is_what_the_axis_does(read, still, name: str) -> None:
    full = torch.zeros(len(AXES))
    full[AXES.index(name)] = 5.0
    shape = torch.from_numpy(still.code.shape).float()
    expected = (still.model.vertices(shape, full).numpy() - still.neutral) / 100
    moved = np.concatenate([_target(read, i, name) for i in range(len(read.meshes[0].primitives))])
    rest = np.concatenate([values(read, p.attributes.POSITION) for p in read.meshes[0].primitives])
    order = _order(still)
    np.testing.assert_allclose(rest, still.neutral[order] / 100, atol=1e-6)
    np.testing.assert_allclose(moved, expected[order], atol=6e-6)
    assert np.abs(moved).max() > 1e-3  # more than a millimetre somewhere


def test_merged_arkit_targets_are_both_sides(read, still) -> None:
    names = still.model.shape_names
    both = still.model.shapes[names.index("browInnerUp_L")] + still.model.shapes[names.index("browInnerUp_R")]
    moved = np.concatenate([_target(read, i, "browInnerUp") for i in range(len(read.meshes[0].primitives))])
    np.testing.assert_allclose(moved, both.numpy()[_order(still)] / 100, atol=6e-6)


def _order(head) -> np.ndarray:
    """The head's vertices in the order of the file."""
    part = head.model.triangle_part
    groups = [[surfaces.PARTS.index(p) for p in parts] for parts in surfaces.SURFACES.values()]
    return np.concatenate([np.unique(head.model.triangles[torch.isin(part, torch.tensor(g))]) for g in groups])


def _target(document: pygltflib.GLTF2, primitive: int, name: str) -> np.ndarray:
    mesh = document.meshes[0]
    target = mesh.primitives[primitive].targets[mesh.extras["targetNames"].index(name)]
    return values(document, target["POSITION"] if isinstance(target, dict) else target.POSITION)


def test_every_accessor_is_valid(read) -> None:
    size = read.buffers[0].byteLength
    assert 0 <= len(read.binary_blob()) - size < 4  # the chunk is padded, the buffer is not
    for v in read.bufferViews:
        assert v.byteOffset % 4 == 0
        assert v.byteOffset + v.byteLength <= size
    for i, a in enumerate(read.accessors):
        data = values(read, i)
        np.testing.assert_array_equal(data.min(axis=0), np.array(a.min, data.dtype))
        np.testing.assert_array_equal(data.max(axis=0), np.array(a.max, data.dtype))
    for p in read.meshes[0].primitives:
        normals = values(read, p.attributes.NORMAL)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        corners = values(read, p.indices)
        assert corners.max() < read.accessors[p.attributes.POSITION].count
    assert read.extensionsRequired in ([], None)


def test_the_file_is_small_and_its_chunks_are_whole(path) -> None:
    data = path.read_bytes()
    assert len(data) < 25e6
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack("<I4s", data[12:20])
    assert kind == b"JSON"
    assert size % 4 == 0
    assert json.loads(data[20 : 20 + size])["asset"]["extras"]["source_sha256"] == "0" * 64


def test_a_still_has_no_animation(read) -> None:
    assert not read.animations


def test_a_clip_is_animated_by_its_action_units(clip, tmp_path) -> None:
    document = pygltflib.GLTF2().load(str(clip.save(tmp_path / "clip.glb")))
    (animation,) = document.animations
    names = document.meshes[0].extras["targetNames"]
    by_path = {c.target.path: animation.samplers[c.sampler] for c in animation.channels}
    assert set(by_path) == {"weights", "rotation"}
    times = values(document, by_path["weights"].input)[:, 0]
    np.testing.assert_allclose(times, np.arange(5) / 25, atol=1e-6)
    weights = values(document, by_path["weights"].output).reshape(5, len(names))
    np.testing.assert_allclose(weights[:, names.index("AU12L")], np.arange(5) / 5, atol=1e-6)
    np.testing.assert_allclose(weights[:, names.index("AU26")], 0.4, atol=1e-6)
    assert (weights[:, [i for i, n in enumerate(names) if not n.startswith("AU")]] == 0).all()
    x, y, z, w = values(document, by_path["rotation"].output).T
    np.testing.assert_allclose(np.degrees(2 * np.arctan2(y, w)), -4.0 * np.arange(5), atol=1e-4)  # + yaw: to the subject's right, -x
    assert np.abs([x, z]).max() < 1e-6
    assert trimesh.load(tmp_path / "clip.glb").bounds is not None


def test_an_unmoved_target_stores_nothing() -> None:
    buffer = gltf._Buffer()
    buffer.offsets(np.zeros((7, 3)))
    assert len(buffer.data) == 0
    assert buffer.accessors[0] == {"componentType": 5126, "count": 7, "type": "VEC3", "min": [0.0] * 3, "max": [0.0] * 3}
