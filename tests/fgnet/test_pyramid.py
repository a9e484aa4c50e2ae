"""The pyramid: names and sizes as published, any size, and where features come to lie."""

import pytest
import torch

from mien import weights
from mien.nn.pyramid import Interpreter, initialise, resized

PUBLISHED = (512, 512, 512, 512, 512, 256, 128, 64, 32)


def features(widths, batch=1):
    draw = torch.Generator().manual_seed(3)
    return [torch.randn(batch, width, 4 << level, 4 << level, generator=draw) for level, width in enumerate(widths)]


def test_the_published_names_and_sizes():
    with weights.unfilled():
        network = Interpreter(PUBLISHED, 32, 128, compatible=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    assert shapes["layer0.1.weight"] == (512, 512, 3, 3) and shapes["layer1.1.weight"] == (512, 512, 5, 5)
    assert shapes["layer4.1.weight"] == (256, 512, 5, 5) and shapes["layer5.0.weight"] == (128, 256, 5, 5)
    assert shapes["layer4.4.bias"] == (256,) and shapes["layer5.3.bias"] == (128,)
    assert shapes["layer8.0.weight"] == (32, 32, 5, 5) and shapes["layer8.3.bias"] == (32,) and shapes["layer8.4.bias"] == (32,)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e4) == 2643
    assert network.sides == [4, 8, 16, 32, 64, 128, 128, 128, 128]


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("size", [4, 8, 12, 32, 64])
def test_heatmaps_of_any_size_from_features_of_any_size(size, compatible):
    widths = (6, 5, 4, 3)
    network = Interpreter(widths, 7, size, compatible=compatible).eval()
    assert network(features(widths, 2)).shape == (2, 7, size, size)


@pytest.mark.parametrize("compatible", [False, True])
def test_the_list_of_features_stays_as_it_is(compatible):
    """FG-Net puts the smaller features into its caller's list."""
    widths = (6, 5, 4, 3)
    network, given = Interpreter(widths, 2, 8, compatible=compatible).eval(), features(widths)
    held = list(given)
    with torch.inference_mode():
        first = network(given)
        assert torch.equal(network(iter(given)), first)
    assert all(a is b and torch.equal(a, c) for a, b, c in zip(given, held, features(widths), strict=True))


def test_features_of_another_generator_are_refused():
    network = Interpreter((6, 5, 4), 2, 8)
    for widths in ((6, 5), (6, 5, 4, 3)):
        with pytest.raises(ValueError, match="zip"):
            network(features(widths))


def places(side):
    """Where the centres of a row's cells are, 0..1."""
    return ((torch.arange(side) + 0.5) / side).expand(1, 1, side, side).contiguous()


@pytest.mark.parametrize(("before", "after"), [(8, 16), (12, 24), (64, 16)])
def test_what_is_of_one_place_stays_there(before, after):
    """FG-Net's flag for this says the opposite of its name, so that its features drift apart towards the sides."""
    inner = slice(1, -1)  # beyond the outermost centres nothing is known
    moved = (resized(places(before), after, compatible=False) - places(after))[..., inner].abs().max() * after
    assert moved < 1e-4
    drifted = (resized(places(before), after, compatible=True) - places(after)).abs().max() * after
    assert 0.1 < drifted < 0.501


def test_nothing_is_passed_over_where_features_shrink():
    grid = torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    small = resized(grid, 8, compatible=False)
    assert torch.allclose(small, grid.unflatten(3, (8, 8)).unflatten(2, (8, 8)).mean((3, 5)))
    changed = grid.clone()
    changed[:, :, 3, 3] += 10
    assert not torch.equal(resized(changed, 8, compatible=False), small)
    assert torch.equal(resized(changed, 8, compatible=True), resized(grid, 8, compatible=True))


def test_weights_before_training():
    networks = [Interpreter((64, 48, 32), 12, 16) for _ in range(2)]
    for network in networks:
        initialise(network, torch.Generator().manual_seed(0))
    first, again = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["layer0.1.weight"].std().item() == pytest.approx(0.02, rel=0.05) and abs(first["layer0.1.weight"].mean()) < 1e-3
    assert first["layer0.4.weight"].std().item() == pytest.approx(0.02, rel=0.5)
    assert first["layer0.4.weight"].mean().item() == pytest.approx(1, abs=0.02)
    assert not any(first[name].any() for name in first if name.endswith("bias"))
