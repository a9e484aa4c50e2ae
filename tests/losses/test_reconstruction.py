"""The terms of a reconstruction are what the metrics of the same names say, and have gradients."""

import numpy as np
import pytest
import torch

from mien import weights
from mien.faces import identity
from mien.losses import reconstruction
from mien.metrics import perceptual
from mien.nn.lpips import KIND, Linear, Trunk
from mien.nn.sizing import sized


@pytest.fixture
def lpips_files(tmp_path, monkeypatch):
    """LPIPS over AlexNet with drawn weights, as it lies after both imports."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    draw = torch.Generator().manual_seed(0)
    for name, network, config in (
        ("alexnet", Trunk("alexnet"), {"kind": "alexnet"}),
        ("lpips-alex", Linear("alexnet"), {"kind": KIND, "trunk": "alexnet"}),
    ):
        tensors = {
            key: torch.rand(value.shape, generator=draw) - (0.5 if name == "alexnet" else 0) for key, value in network.state_dict().items()
        }
        weights.save(tmp_path / f"{name}.safetensors", tensors, config)


def pixels(seed, size=64):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def tensor(rgb):
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_lpips_is_taken_where_it_was_imported(lpips_files):
    measure = reconstruction.installed()
    assert measure.perceptual_network == "LPIPS alexnet"
    a, b = pixels(0), pixels(1)
    made = tensor(a).requires_grad_()
    terms = measure(made, tensor(b))
    assert terms.perceptual.item() == pytest.approx(perceptual.installed()[0].distance(a, b), rel=1e-4)
    assert terms.colours.item() == pytest.approx(float(np.mean((a / 127.5 - b / 127.5) ** 2)), rel=1e-4)
    for term in terms:
        (gradient,) = torch.autograd.grad(term, made, retain_graph=True)
        assert gradient.abs().max() > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in measure.parameters())


def test_lpips_sees_no_more_than_256_pixels_and_no_less_than_it_can(lpips_files):
    measure = reconstruction.installed()
    large, small = (tensor(pixels(seed, 512)) for seed in (2, 3))
    half = [torch.nn.functional.avg_pool2d(picture, 2) for picture in (large, small)]
    assert float(measure(large, small).perceptual) == pytest.approx(float(measure(*half).perceptual), rel=1e-4)
    assert float(measure(*(tensor(pixels(seed, 16)) for seed in (2, 3))).perceptual) > 0


def test_without_it_the_grids_of_the_network_for_identity_are_compared(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    measure = reconstruction.installed()
    assert measure.perceptual_network == f"grids of {identity.recognizer().name}"
    a, b = tensor(pixels(0)), tensor(pixels(1))
    terms, same = measure(a, b), measure(a, a)
    assert float(terms.perceptual) == pytest.approx(float(measure.likeness(a, b).grids) / 4) and float(terms.perceptual) > 0.5
    cosine = float((measure.likeness.codes(a) * measure.likeness.codes(b)).sum())
    assert float(terms.identity) == pytest.approx(1 - cosine, abs=1e-5)
    assert all(float(term) == pytest.approx(0, abs=1e-5) for term in same)


def test_sizes_change_by_means_of_areas_and_smoothly():
    picture = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert sized(picture, 8) is picture
    assert torch.allclose(sized(picture, 4), picture.unflatten(3, (4, 2)).unflatten(2, (4, 2)).mean((3, 5)))
    plane = torch.linspace(-1, 1, 8).expand(1, 3, 8, 8)
    larger = sized(plane, 16)
    assert larger.shape == (1, 3, 16, 16) and torch.allclose(larger[..., 4:12].diff(dim=3), torch.tensor(1 / 7), atol=1e-3)
