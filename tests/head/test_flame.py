import pickle
import types

import numpy as np
import pytest
import torch
from scipy import sparse

from mien.convert import flame
from mien.errors import WeightsError


def _sphere(center, radius, rows=6, columns=8):
    theta, phi = np.meshgrid(np.linspace(0.1, np.pi - 0.1, rows), 2 * np.pi * np.arange(columns) / columns, indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], axis=-1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    return np.asarray(center) + radius * points, np.stack([a, b, a + columns], axis=-1).reshape(-1, 3)


@pytest.fixture
def published(tmp_path, chumpy):
    """A small file with the fields of FLAME 2020's generic_model.pkl: chumpy arrays and a sparse regressor, metres."""
    pieces = [_sphere((0, 0, 0), 0.1, 10, 12), _sphere((0.03, 0.02, 0.08), 0.015), _sphere((-0.03, 0.02, 0.08), 0.015)]
    first = np.cumsum([0] + [len(points) for points, _ in pieces])
    points = np.concatenate([p for p, _ in pieces])
    triangles = np.concatenate([t + f for (_, t), f in zip(pieces, first[:-1], strict=True)])
    regressor = np.zeros((5, len(points)))
    for joint, k in ((3, 1), (4, 2)):
        regressor[joint, first[k] : first[k + 1]] = 1 / len(pieces[k][0])
    components = np.random.default_rng(0).normal(size=(len(points), 3, 400)) * 1e-3
    data = {
        "v_template": chumpy(points),
        "f": triangles.astype(np.uint32),
        "shapedirs": chumpy(components),
        "J_regressor": sparse.csc_matrix(regressor),
        "bs_style": "lbs",
    }

    def write(**changed):
        path = tmp_path / "generic_model.pkl"
        path.write_bytes(pickle.dumps({name: value for name, value in {**data, **changed}.items() if value is not None}, protocol=2))
        return path

    return types.SimpleNamespace(write=write, points=points, components=components, first=first)


def test_flame_becomes_a_head_in_centimetres(published):
    head = flame.load(published.write(), identities=20, expressions=10)
    assert head.axes_known == frozenset()
    assert head.identity.shape == (20, len(published.points), 3)
    assert head.shapes.shape == (10, len(published.points), 3)
    moved = head.vertices(torch.zeros(20), shape_weights=torch.eye(10)[2]) - head.mean
    assert np.allclose(moved.numpy(), 100 * published.components[:, :, 302], atol=1e-5)
    spans = np.ptp(head.mean.numpy(), axis=0)
    assert np.allclose(spans, 100 * np.ptp(published.points, axis=0), atol=1e-4)


def test_the_eyes_of_flame_are_found(published):
    head = flame.load(published.write(), identities=20, expressions=10)
    assert set(head.parts["eye_L"].tolist()) == set(range(published.first[1], published.first[2]))
    assert set(head.parts["eye_R"].tolist()) == set(range(published.first[2], published.first[3]))
    centers = head.eye_centers(torch.zeros(20))
    assert torch.allclose(centers[0] - centers[1], torch.tensor([6.0, 0.0, 0.0]), atol=1e-4)


def test_a_file_that_is_not_flame_is_refused(published):
    with pytest.raises(WeightsError, match="shapedirs"):
        flame.load(published.write(shapedirs=None))
    with pytest.raises(WeightsError, match="J_regressor"):
        flame.load(published.write(J_regressor=np.zeros((5, 3))))
    with pytest.raises(WeightsError, match="components"):
        flame.load(published.write(shapedirs=published.components[:, :, :150]))
