import dataclasses

import numpy as np
import pytest
import torch

from mien import weights
from mien.aus import AXES, SIDED, AUVector, unit_of
from mien.errors import WeightsError
from mien.geometry import facemesh, head, mesh
from mien.geometry.head import PARTS


@pytest.fixture(scope="module")
def model():
    return head.bundled()


def _show(model, **aus):
    intensities = torch.tensor(AUVector.of(aus).values, dtype=torch.float32)
    return model.vertices(torch.zeros(len(model.identity)), intensities)


def _weights(model, **aus):
    values = model.shape_weights(torch.tensor(AUVector.of(aus).values, dtype=torch.float32))
    return dict(zip(model.shape_names, values.tolist(), strict=True))


def test_the_asset_is_small_and_complete(model):
    assert weights.bundled("head").stat().st_size <= 4 * 2**20
    assert len(model.identity) >= 60
    assert 4000 <= len(model.parts["face"]) <= 5000
    assert model.axes_known == frozenset(AXES)
    assert all(len(model.parts[name]) > 0 for name in PARTS if name != "head")


def test_neutral_is_the_mean_and_leading_axes_are_kept(model):
    neutral = _show(model)
    assert torch.equal(neutral, model.mean)
    batch = model.vertices(torch.zeros(2, 3, len(model.identity)), torch.zeros(2, 3, len(AXES)))
    assert batch.shape == (2, 3, len(model.mean), 3)
    assert model.landmarks(batch).shape == (2, 3, 468, 3)
    assert torch.allclose(
        model.vertices(torch.ones(4)), model.vertices(torch.ones(len(model.identity)) * (torch.arange(len(model.identity)) < 4)), atol=1e-5
    )


@pytest.mark.parametrize("axis", AXES)
def test_each_axis_alone_is_linear_and_on_its_own_side(model, axis):
    basis = model.expression_basis[AXES.index(axis)]
    assert torch.allclose(_show(model, **{axis: 5}) - model.mean, basis, atol=1e-5)
    assert torch.allclose(_show(model, **{axis: 2}) - model.mean, 0.4 * basis, atol=1e-5)
    if unit_of(axis) in SIDED - {30}:
        motion, left = basis.norm(dim=1) * model.front, model.mean[:, 0] / model.mean[:, 0].abs().max()
        assert (motion * (left if axis.endswith("L") else -left)).sum() > 0.1 * motion.sum()


def test_gaze_turns_the_eyes_about_their_centres(model):
    centers = model.eye_centers(torch.zeros(len(model.identity)))
    pupils = {side: int(model.loops[f"iris_center_{side}"][0]) for side in "LR"}
    for axis, direction in (("AU61", (0, 1)), ("AU62", (0, -1)), ("AU63", (1, 1)), ("AU64", (1, -1))):
        turned = _show(model, **{axis: 5})
        for i, side in enumerate("LR"):
            moved = turned[pupils[side]] - model.mean[pupils[side]]
            assert direction[1] * moved[direction[0]] > 0.3, axis
            radius = [(v[pupils[side]] - centers[i]).norm() for v in (model.mean, turned)]
            assert abs(radius[1] / radius[0] - 1) < 0.05
    ring = model.mean[model.loops["iris_L"]] - model.mean[pupils["L"]]
    assert torch.allclose(ring.norm(dim=1), model.iris_radius[0].expand(len(ring)), rtol=0.12)


def test_the_jaw_carries_the_lower_teeth_only(model):
    moved = _show(model, AU27=5) - model.mean
    assert moved[model.parts["teeth_upper"]].norm(dim=1).max() < 0.05
    front = model.parts["teeth_lower"][model.mean[model.parts["teeth_lower"], 2] > 9.5]
    assert moved[front, 1].max() < -1.5


def test_the_open_mouth_is_an_oval(model):
    opened = _show(model, AU27=5)
    lower = opened[model.loops["lip_lower"], :2].numpy()
    low, high = lower.min(axis=0), lower.max(axis=0)
    corners = 0.5 * (lower[0] + lower[-1])
    # under a V the lip lies halfway down at a quarter of the width, under an ellipse at 87 %
    depth = np.interp(
        np.array([0.25, 0.75]), (lower[:, 0] - low[0]) / (high[0] - low[0]), (corners[1] - lower[:, 1]) / (corners[1] - low[1])
    )
    assert depth.min() > 0.68


def test_lids_meet_and_lips_are_sealed(model):
    closed = _show(model, AU43=5)
    for side in "LR":
        upper, lower = (closed[model.loops[f"lid_{which}_{side}"], 1] for which in ("upper", "lower"))
        assert ((upper - lower)[3:-3] < 0.3).all()
        assert ((upper - lower)[11:-11] < 0.1).all()
        opening = (model.mean[model.loops[f"lid_upper_{side}"], 1] - model.mean[model.loops[f"lid_lower_{side}"], 1]).max()
        assert opening > 0.7
    people = model.vertices(torch.randn(8, len(model.identity), generator=torch.Generator().manual_seed(0)))
    gap = people[:, model.loops["lip_upper"][18:-18], 1] - people[:, model.loops["lip_lower"][18:-18], 1]
    assert gap.max() < 0.2  # the margins are inside the fold of the lips, which hides what is open between them


def test_shapes_that_must_not_add_up(model):
    assert _weights(model, AU43=5, AU05=5)["eyeWide_L"] == 0
    assert _weights(model, AU43=2.5, AU05=5)["eyeWide_L"] == pytest.approx(0.5)
    assert _weights(model, AU43L=5, AU05=5)["eyeWide_R"] == pytest.approx(1.0)
    assert _weights(model, AU12=5, AU27=5)["jawOpen"] == pytest.approx(0.85**2)
    assert _weights(model, AU26=5, AU27=5)["jawOpen"] == 1.0
    assert _weights(model, AU43=5, AU45=5)["eyeBlink_R"] == 1.0
    assert _weights(model, AU35=5)["cheekPuff_L"] == pytest.approx(-0.4)
    doubled = model.shape_weights(torch.full((len(AXES),), 99.0))
    assert torch.equal(doubled, model.shape_weights(torch.full((len(AXES),), 5.0)))


def test_the_mesh_faces_outwards_and_is_whole(model):
    triangles = model.triangles.numpy()
    corners = model.mean[model.triangles]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=1)
    assert area.min() > 0
    normals = mesh.vertex_normals(model.mean, model.triangles)
    assert normals[model.loops["iris_center_L"][0], 2] > 0.9
    assert (normals[model.landmark_triangles.new_tensor(triangles[model.landmark_triangles[facemesh.NOSE_TIP]])][:, 2] > 0.5).all()
    skin = triangles[model.triangle_part.numpy() == PARTS.index("face")]
    edges = [set(loop.tolist()) for loop in mesh.boundary_loops(skin)]
    assert len(edges) == 4
    assert all(set(model.loops[name].tolist()) in edges for name in ("mouth_hole", "eye_hole_L", "eye_hole_R"))


def test_texture_coordinates_do_not_overlap(model):
    uv = model.uv[model.triangles].numpy()
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    assert area.min() > 0
    assert model.uv.min() >= 0
    assert model.uv.max() <= 1
    face = model.triangle_part.numpy() == PARTS.index("face")
    front = model.front[model.triangles].mean(dim=1).numpy() > 0.5
    assert area[face].sum() > 0.7
    assert area[front].sum() > 0.55
    tiles = [model.uv[model.parts[name]] for name in PARTS if name != "head"]
    for i, one in enumerate(tiles):
        for other in tiles[i + 1 :]:
            clear = (one.amin(0) >= other.amax(0)) | (other.amin(0) >= one.amax(0))
            assert clear.any()


def test_curves_run_from_the_subjects_right_to_left(model):
    for name in facemesh.MARGINS:
        x = model.mean[model.loops[name], 0]
        assert x[-1] - x[0] > 2.5
        assert (x.diff() > -0.02).all(), name
    assert torch.equal(model.loops["lip_upper"][[0, -1]], model.loops["lip_lower"][[0, -1]])


def test_landmarks_lie_where_they_should(model):
    marks = model.landmarks(model.mean)
    assert model.landmark_reliable.sum() > 400
    assert marks[facemesh.NOSE_TIP, 2] > marks[:, 2].quantile(0.95)
    assert marks[facemesh.CHIN, 1] < marks[list(facemesh.LIP_LOWER), 1].min() - 2
    for name, curve in facemesh.MARGINS.items():
        apart = torch.cdist(marks[list(curve)], model.mean[model.loops[name]]).amin(dim=1)
        assert apart.max() < 0.65, name
    eyes = marks[model.landmark68[[36, 45]]]
    assert eyes[1, 0] - eyes[0, 0] == pytest.approx(9.0, abs=0.5)
    assert torch.allclose(marks[model.landmark68[36]] * torch.tensor([-1.0, 1.0, 1.0]), marks[model.landmark68[45]], atol=0.05)


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    weights.save(path, {"mean": torch.zeros(3, 3)}, {"kind": "head"})
    with pytest.raises(WeightsError, match="mixing"):
        head.load(path)
    stored = weights.load(weights.bundled("head"))
    with pytest.raises(WeightsError, match="not a head model"):
        head.from_weights(dataclasses.replace(stored, config={"kind": "reader"}))
