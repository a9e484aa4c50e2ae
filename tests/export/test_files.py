import numpy as np
import pandas as pd
import pygltflib
import pytest
import torch
import trimesh

from mien import provenance
from mien.aus import AXES, AUVector
from mien.errors import DataError
from mien.export import Head
from mien.geometry.exchange import arkit


def test_obj_is_the_head_as_captured_with_its_texture(still, tmp_path) -> None:
    path = still.save(tmp_path / "face.obj")
    made = provenance.describe(tmp_path / "face.texture.png")
    assert made is not None and (made.action, made.source_sha256) == ("captured", "0" * 64)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["face.mtl", "face.obj", "face.texture.png"]
    scene = trimesh.load(path, process=False)
    parts = scene.geometry.values()
    assert sum(len(g.faces) for g in parts) == len(still.model.triangles)
    np.testing.assert_allclose(scene.bounds, np.stack([still.vertices.min(axis=0), still.vertices.max(axis=0)]), atol=1e-4)
    skin = max(parts, key=lambda g: len(g.faces))
    np.testing.assert_array_equal(np.asarray(skin.visual.material.image.convert("RGB")), still.texture)
    text = (tmp_path / "face.mtl").read_text()
    assert text.count("newmtl") == 6
    assert text.count("map_Kd face.texture.png") == 2


def test_npz_holds_every_number(clip, tmp_path) -> None:
    with np.load(clip.save(tmp_path / "face.npz"), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert {f"``{name}``" in (Head.arrays.__doc__ or "") for name in arrays} == {True}  # each is documented
    assert arrays["expression"].shape == (5, len(AXES))
    assert arrays["axes"].tolist() == list(AXES)
    assert arrays["arkit"].shape == (5, 52)
    np.testing.assert_array_equal(arrays["vertices"], clip.vertices)
    assert arrays["texture"].shape == (1024, 1024, 3)
    assert arrays["landmarks"].shape == (468, 3)


def test_csv_has_a_row_for_each_frame(clip, tmp_path) -> None:
    table = pd.read_csv(clip.save(tmp_path / "face.csv"))
    assert list(table.columns) == ["time", "pitch", "yaw", "roll", *AXES, *arkit.NAMES]
    np.testing.assert_allclose(table["time"], 2 + np.arange(5) / 25)
    np.testing.assert_allclose(table["yaw"], 4.0 * np.arange(5), atol=1e-5)
    np.testing.assert_allclose(table["AU12L"], np.arange(5.0))
    smile = table["mouthSmileLeft"]
    assert (np.diff(smile) > 0).all()
    assert table["tongueOut"].isna().all()
    assert (table[list(arkit.NAMES[:-1])].to_numpy() <= 1).all()


def test_the_head_says_its_expression_in_both_languages(still) -> None:
    assert still.aus == AUVector.of({"AU12": 3.0})
    assert still.arkit["mouthSmileLeft"] == pytest.approx(0.6, abs=0.15)
    assert still.arkit["jawOpen"] == 0.0
    assert np.isnan(still.arkit["tongueOut"])


def test_unmeasured_axes_do_not_move_the_head(still) -> None:
    code = still.code
    unsure = type(code)(code.shape, AUVector.of({"AU12": 3.0}, others=np.nan), code.pose)
    np.testing.assert_array_equal(Head((unsure,), still.photo).vertices, still.vertices)


def test_the_resting_face_lies_under_the_expression(still, tmp_path) -> None:
    code = still.code
    pouting = type(code)(code.shape, AUVector.of({"AU17": 4.0}), code.pose, AUVector.of({"AU17": 2.0, "AU26": -1.0}))
    head = Head((pouting,), still.photo)
    shape = torch.from_numpy(code.shape).float()
    for points, intensity in ((head.neutral, 2.0), (head.vertices, 5.0)):  # 6 is beyond what a face can do
        full = torch.from_numpy(AUVector.of({"AU17": intensity}).values.copy()).float()
        np.testing.assert_allclose(points, head.model.vertices(shape, full).numpy(), atol=1e-5)
    mesh = pygltflib.GLTF2().load(str(head.save(tmp_path / "pout.glb"))).meshes[0]
    assert dict(zip(mesh.extras["targetNames"], mesh.weights, strict=True))["AU17"] == pytest.approx(0.6)


def test_a_movement_with_two_names_counts_once(still) -> None:
    """A reader may measure an open jaw as AU26 and AU27; the resting face then holds what must not be added twice."""
    code = type(still.code)(still.code.shape, AUVector.of({"AU26": 3.0, "AU27": 2.0}), still.code.pose, AUVector.of({"AU26": -3.0}))
    head = Head((code,), still.photo)
    once = Head((type(code)(code.shape, AUVector.of({"AU27": 2.0}), code.pose),), still.photo)
    np.testing.assert_array_equal(head.vertices, once.vertices)
    assert head.arkit["jawOpen"] == pytest.approx(once.arkit["jawOpen"])
    assert head.arkit["jawOpen"] == pytest.approx(0.4, abs=0.05)


def test_what_cannot_be_saved_says_so(still, tmp_path) -> None:
    with pytest.raises(DataError, match=r"its suffix '\.fbx' is not one of \.glb, \.obj, \.npz, \.csv"):
        still.save(tmp_path / "face.fbx")
    (tmp_path / "face.npz").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        still.save(tmp_path / "face.npz")


def test_frames_and_times_belong_together(still) -> None:
    with pytest.raises(ValueError, match="a code for each rising time"):
        Head(still.codes, still.photo, np.arange(2.0))
    with pytest.raises(ValueError, match="a code for each rising time"):
        Head(still.codes * 2, still.photo, np.zeros(2))


def test_arkit_names_are_sums_of_shapes() -> None:
    names = ("browInnerUp_L", "browInnerUp_R", "mouthSmile_L", "jawLeft", "other")
    made = arkit.made_of(names)
    assert made == {"browInnerUp": (0, 1), "jawLeft": (3,), "mouthSmileLeft": (2,)}
    weights = dict(zip(arkit.NAMES, arkit.weights(torch.tensor([0.2, 0.6, 0.5, -0.3, 1.0]), names).tolist(), strict=True))
    assert weights["browInnerUp"] == pytest.approx(0.4)
    assert weights["mouthSmileLeft"] == 0.5
    assert weights["jawLeft"] == 0.0  # ARKit's weights are not negative
    assert np.isnan(weights["mouthSmileRight"])
