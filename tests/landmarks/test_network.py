"""The landmark network: shapes, independence of the batch, and what its inputs and outputs mean."""

import numpy as np
import pytest
import torch

from mien import weights
from mien.data.labelled import LabelledFaces
from mien.data.views import Views
from mien.errors import WeightsError
from mien.faces.align import Square
from mien.faces.landmarks import Landmarker
from mien.nn.landmarks import LandmarkNet
from mien.recipes.landmarks import gap_loss, loss_of, point_loss

SMALL = {"size": 64, "widths": [8, 16, 24], "depths": [1, 1, 1], "neck": 4, "rank": 16}


@pytest.fixture
def network():
    net = LandmarkNet(**SMALL)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.2 + ("var" in name) + ("1.weight" in name))
            if "var" in name:
                tensor.abs_()
    return net.eval()


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_shapes(network, pictures):
    points, presence = network(pictures)
    assert points.shape == (3, 468, 3)
    assert presence.shape == (3,)


def test_a_face_does_not_depend_on_its_batch(network, pictures):
    with torch.inference_mode():
        together, _ = network(pictures)
        alone = torch.cat([network(picture[None])[0] for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-5 * float(together.abs().max()))


def test_the_output_can_go_below_and_above_its_bias(network, pictures):
    """A head behind an activation that died would give the same points for every picture."""
    points, _ = network(pictures)
    assert (points[0] - points[1]).abs().max() > 1e-3
    apart = points - network.points.bias.view(468, 3)
    assert apart.min() < 0 < apart.max()


def test_the_landmarker_folds_norms_without_changing_the_answer(network, tmp_path):
    path = tmp_path / "small.safetensors"
    weights.save(path, network.state_dict(), network.config)
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    square = Square.of_image(rgb)
    found, presence = Landmarker(path).look(rgb, square)
    with torch.inference_mode():
        points, logit = network(torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255)
    inside = points[0].numpy() * 32 + np.array([31.5, 31.5, 0])
    assert np.abs(found - inside).max() < 1e-4 * np.abs(inside).max()
    assert presence == pytest.approx(float(logit.sigmoid()), abs=1e-5)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    weights.save(path, {"x": torch.zeros(1)}, {"layers": 3})
    with pytest.raises(WeightsError, match="mien train landmarks"):
        Landmarker(path)


def test_the_loss_counts_in_outer_eye_distances():
    truth = torch.zeros(1, 468, 3)
    truth[0, 263, 0] = 0.5
    plane, depth = point_loss(truth + torch.tensor([0.03, 0.04, 0.1]), truth)
    assert plane.item() == pytest.approx(0.05 / 0.5, rel=1e-4)
    assert depth.item() == pytest.approx(0.1 / 0.5, rel=1e-4)


def test_a_gap_is_asked_for_however_the_face_is_misplaced():
    truth = torch.zeros(1, 468, 3)
    truth[0, 263, 0] = 0.5
    assert gap_loss(truth + torch.tensor([0.2, 0.3, 0.4]), truth).item() < 1e-3
    shut = truth.clone()
    shut[0, 159, 1] += 0.1  # one upper lid; under one brow
    assert gap_loss(shut, truth).item() == pytest.approx(2 * 0.1 / 0.5 / 33, abs=5e-4)


def test_pictures_without_a_face_teach_presence_only(network, pictures):
    network.train()
    truth = torch.rand(3, 468, 3, generator=torch.Generator().manual_seed(2))
    loss, distance = loss_of(network, pictures, truth, torch.zeros(3))
    loss.backward()
    assert distance.item() == 0
    assert network.points.weight.grad.abs().max() == 0
    assert network.presence.weight.grad.abs().max() > 0


@pytest.fixture
def faces():
    """Two pictures with a red dot at landmark 33, a green one at 263 and grey elsewhere."""
    rng = np.random.default_rng(0)
    images = np.full((2, 192, 192, 3), 128, dtype=np.uint8)
    landmarks = np.concatenate([rng.uniform(60, 130, (2, 468, 2)), rng.normal(size=(2, 468, 1))], axis=2)
    landmarks[:, 33, :2], landmarks[:, 263, :2] = (66, 80), (126, 80)
    for image in images:
        image[74:87, 60:73] = (255, 0, 0)
        image[74:87, 120:133] = (0, 255, 0)
    return LabelledFaces(images, landmarks.astype(np.float32))


def test_labels_follow_their_picture_through_every_jitter(faces, monkeypatch):
    monkeypatch.setattr("mien.data.views.degraded", lambda rgb, rng: rgb)
    views = Views(faces, 128, absent=0.0, seed=3)
    seen = 0
    for number in range(40):
        picture, points, face = views[number]
        x, y = ((points[33, :2] * 64) + 63.5).round().int().tolist()
        if 0 <= x < 128 and 0 <= y < 128:
            red, green, _ = picture[:, y, x].tolist()
            assert max(red, green) > 0.9
            assert min(red, green) < 0.1
            seen += 1
        assert face == 1
    assert seen > 30


def test_a_sample_is_the_same_in_every_run(faces):
    first, again = (Views(faces, 128, absent=0.5, seed=3) for _ in range(2))
    for number in (0, 7, 123):
        assert all(torch.equal(a, b) for a, b in zip(first[number], again[number], strict=True))
    assert not torch.equal(first[0][0], first[1][0])
    assert {float(first[i][2]) for i in range(30)} == {0.0, 1.0}
