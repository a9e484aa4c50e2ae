"""Mappers: what intensity does in both modes, against a second writing, and files as they are published."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mien import weights
from mien.aus import AUShift
from mien.cli import app
from mien.convert import importers
from mien.errors import WeightsError
from mien.nn import mapper
from mien.nn.equal import EqualLinear, PixelNorm
from mien.nn.mapper import LEVELS, UNITS, LevelsMapper


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


def made(mode, widths=(8, 6, 10, 12), levels=tuple(LEVELS), units=UNITS, styles=18, gains=()):
    """A mapper with biases, the same in every run."""
    network = LevelsMapper(widths, styles, levels, mode, units, gains=gains).eval()
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=rng) * (100 if tensor.ndim > 1 else 20))
    return network


@pytest.fixture
def change():
    return torch.linspace(-0.8, 0.9, 8)[None]


def literal(network, level, x):
    """A level of a compatible mapper in NumPy, as the published code has it."""
    x = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8)
    for layer in list(network.get_submodule(level).mapping)[1:]:
        weight, bias = (tensor.detach().double().numpy() for tensor in (layer.weight, layer.bias))
        x = x @ (weight * 0.01 / np.sqrt(weight.shape[1])).T + 0.01 * bias
        x = np.sqrt(2) * np.where(x > 0, x, 0.2 * x)
    return x


def test_a_compatible_mapper_is_the_published_formula():
    network = made("compatible")
    x = torch.randn(2, 18, 8, generator=torch.Generator().manual_seed(5))
    expected = np.concatenate([literal(network, level, x.double().numpy()[:, rows]) for level, rows in LEVELS.items()], 1)
    assert np.allclose(network(x).detach().numpy(), expected, atol=1e-5)


@torch.inference_mode()
def test_intensity_reaches_calibrated_mappers_alone(change):
    """The defect of the published ones: a fifth of a change does what all of it does."""
    published, own = made("compatible"), made("calibrated")
    whole, fifth = (published(published.repeated(change * share)) for share in (1.0, 0.2))
    assert (whole - fifth).abs().max() < 1e-4 * whole.std()
    whole, half, fifth = (own(own.repeated(change * share)) for share in (1.0, 0.5, 0.2))
    assert whole.norm() > half.norm() > fifth.norm() > 0 and (whole - fifth).norm() > 0.5 * whole.norm()
    still = torch.zeros_like(change)
    assert torch.equal(own(own.repeated(still)), torch.zeros(1, 18, 12))
    assert published(published.repeated(still)).norm() > 1


@torch.inference_mode()
def test_a_result_does_not_depend_on_its_batch(change):
    for mode in ("compatible", "calibrated"):
        network = made(mode)
        batch = network.repeated(torch.cat([change, -change, change * 0]))
        one_by_one = torch.cat([network(item[None]) for item in batch])
        assert torch.allclose(network(batch), one_by_one, atol=1e-5)
    assert own_rows(made("calibrated", styles=10), change) == 10  # a generator of 64 pixels


def own_rows(network, change):
    return network(network.repeated(change)).shape[1]


@torch.inference_mode()
def test_levels_that_are_not_there_do_not_move(change):
    network = made("compatible", levels=("medium_mapping",))
    moved = network(network.repeated(change))
    assert moved[:, 4:8].abs().min() > 0 and moved[:, :4].abs().max() == 0 == moved[:, 8:].abs().max()


def test_gradients_reach_every_layer_and_the_change(change):
    network = made("calibrated")
    change = change.clone().requires_grad_()
    network(network.repeated(20 * change)).square().sum().backward()
    assert change.grad.abs().min() > 0
    assert all(tensor.grad.abs().sum() > 0 for name, tensor in network.named_parameters() if not name.endswith("3.bias"))


def test_equalised_layers_start_at_a_spread_of_one():
    """Whatever the rate and the width, and a pixel norm makes the mean square 1."""
    x = PixelNorm(-1)(torch.randn(64, 256, generator=torch.Generator().manual_seed(0)) * 9)
    assert torch.allclose(x.square().mean(-1), torch.ones(64), atol=1e-4)
    for rate in (1.0, 0.01):
        layer = EqualLinear(256, 300, rate=rate, bias=1 / rate)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(1)) / rate)
            assert layer(x).std() == pytest.approx(1, abs=0.02) and layer(x).mean() == pytest.approx(1, abs=0.02)


def test_the_published_sizes():
    assert sum(tensor.numel() for tensor in made("compatible", mapper.AUCLIP).parameters()) == 2_891_088
    assert sum(tensor.numel() for tensor in made("compatible", mapper.STYLECLIP, units=()).parameters()) == 12 * (512 * 512 + 512)


def published(network, **change):
    return {"state_dict": {f"mapper.{name}": tensor for name, tensor in network.state_dict().items()} | change, "opts": {"lr": 0.5}}


@pytest.mark.parametrize(("kind", "widths", "units"), [("auclip", (8, 16, 12), UNITS), ("styleclip", (12, 12, 12), ())])
@pytest.mark.parametrize("levels", [tuple(LEVELS), ("course_mapping", "fine_mapping")])
@torch.inference_mode()
def test_a_published_file_becomes_the_network_it_is_of(cache, kind, widths, units, levels):
    network = made("compatible", widths, levels, units)
    torch.save(published(network, **{"decoder.style.1.bias": torch.ones(3)}), cache / "best_model.pt")
    importers.convert(kind, cache / "best_model.pt", cache / "out.safetensors")
    stored = weights.load(cache / "out.safetensors")
    again = mapper.of(stored)
    assert stored.config["kind"] == kind and again.config == network.config
    x = torch.randn(1, 18, widths[0], generator=torch.Generator().manual_seed(2))
    assert torch.equal(again(x), network(x))


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ({}, 18),
        ({"opts": {"stylegan_size": 256}}, 14),
        ({"opts": {"stylegan_size": 1024}, "blocks": 4}, 10),  # the generator in the file goes before what is said of it
    ],
)
def test_the_rows_are_those_of_the_generator_in_the_file(cache, said, rows):
    content = published(
        made("compatible", styles=rows), **{f"decoder.to_rgbs.{k}.bias": torch.ones(3) for k in range(said.get("blocks", 0))}
    )
    torch.save(content | {"opts": said.get("opts", {})}, cache / "best_model.pt")
    importers.convert("auclip", cache / "best_model.pt", cache / "out.safetensors")
    assert mapper.of(weights.load(cache / "out.safetensors")).styles == rows


@pytest.mark.parametrize("widths", [(8, 12), (8, 6, 12)])
def test_a_calibrated_mapper_learns_nothing_that_cannot_matter(widths, change):
    """Every parameter that learns has a gradient; the last bias, which no change knows, is not among them."""
    network = made("calibrated", widths)
    learning = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    network(network.repeated(20 * change)).square().sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in learning.values())
    still = network.state_dict().keys() - learning.keys()
    assert still == {f"{level}.mapping.{len(widths) - 1}.bias" for level in LEVELS}
    assert all(parameter.requires_grad for parameter in made("compatible").parameters())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda: published(made("compatible", (12, 12), units=())), "is a mapper of codes, not of changes.*import styleclip"),
        (lambda: published(made("compatible", (5, 12))), "is no mapper of levels"),
        (lambda: {"state_dict": {"mapper.mapping.mapping.1.weight": torch.ones(2, 2)}}, "is no mapper of levels"),
        (lambda: {"state_dict": {"decoder.a": torch.ones(1)}}, "is no mapper of levels"),
        (lambda: published(made("compatible"), **{"mapper.fine_mapping.mapping.2.bias": torch.ones(3)}), r"mapping\.2\.bias is \(3,\)"),
        (lambda: published(made("compatible"), **{"mapper.other": torch.ones(3)}), "unknown other"),
    ],
)
def test_other_files_are_refused_by_what_is_wrong(cache, content, told):
    torch.save(content(), cache / "file.pt")
    with pytest.raises(WeightsError, match=rf"file\.pt.*{told}"):
        importers.convert("auclip", cache / "file.pt", cache / "out.safetensors")
    weights.save(cache / "other.safetensors", {"a": torch.ones(1)}, {"kind": "e4e", "size": 64})
    with pytest.raises(WeightsError, match=r"other\.safetensors is no mapper of codes \(auclip, styleclip\) but e4e"):
        mapper.of(weights.load(cache / "other.safetensors"))


def test_the_command_imports_it(cache):
    torch.save(published(made("compatible", mapper.AUCLIP)), cache / "best_model.pt")
    done = CliRunner().invoke(app, ["weights", "import", "auclip", str(cache / "best_model.pt")])
    assert done.exit_code == 0, done.output
    assert weights.kind(cache / "auclip-mapper.safetensors") == "auclip"
    assert "Kevinfringe" in (cache / "auclip-mapper.md").read_text()


@torch.inference_mode()
def test_steps_are_fifths_and_whole_units_the_mean_of_their_sides():
    sided, whole = (made("calibrated", (2, 6, 12), units=units, styles=10) for units in (("AU12L", "AU17"), ("AU12", "AU17")))
    change = torch.tensor(AUShift.of({"AU12L": 3, "AU12R": 1, "AU17": -2, "AU04": 5}).values.tolist())[None]
    assert sided.steps(change)[0].tolist() == pytest.approx([0.6, -0.4]) and whole.steps(change)[0].tolist() == pytest.approx([0.4, -0.4])
    assert sided.axes == {"AU12L", "AU17"} and whole.axes == {"AU12L", "AU12R", "AU17"}


@torch.inference_mode()
@pytest.mark.parametrize(("mode", "reach"), [("calibrated", 1.0), ("compatible", 0.1)])
def test_a_code_moves_as_far_as_the_mode_reaches_unless_told(mode, reach, change):
    network, codes = made(mode), torch.randn(1, 18, 12, generator=torch.Generator().manual_seed(1))
    said = network(network.repeated(change))
    assert torch.allclose(network.move(codes, change), codes + reach * said)
    assert torch.allclose(network.move(codes, change, 0.2), codes + 0.2 * said)


@torch.inference_mode()
def test_gains_make_steps_larger_and_are_kept_with_the_file(tmp_path):
    network = made("calibrated", (2, 6, 12), units=("AU12L", "AU17"), styles=10, gains=(1.5, 2.0))
    change = torch.tensor(AUShift.of({"AU12L": 2, "AU17": -1}).values.tolist())[None]
    assert network.steps(change)[0].tolist() == pytest.approx([0.6, -0.4])
    weights.save(tmp_path / "m.safetensors", network.state_dict(), {"kind": "auclip", **network.config})
    assert torch.allclose(mapper.of(weights.load(tmp_path / "m.safetensors")).steps(change), network.steps(change))
    with pytest.raises(ValueError, match="1 gains of 2 units"):
        made("calibrated", (2, 6, 12), units=("AU12L", "AU17"), gains=(1.0,))


def test_of_a_compatible_mapper_the_reach_grows_with_what_changes_most():
    asked = [AUShift.of(wanted).values for wanted in ({"AU12": 2.5, "AU25": -1.0}, {"AU12": 5.0}, {})]
    steps = torch.from_numpy(np.stack(asked).astype(np.float32))
    assert made("compatible").reach_of(steps).flatten().tolist() == pytest.approx([0.2, 0.4, 0.0])
    assert made("calibrated").reach_of(steps).flatten().tolist() == [1.0, 1.0, 1.0]
