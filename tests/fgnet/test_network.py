"""FG-Net whole, small: any units, any generator and encoder, and what of the published one is mended."""

import pytest
import torch
from torch.nn import functional as F

from mien import weights
from mien.errors import WeightsError
from mien.nn import calibration, encoders, fgnet, stylegan2
from mien.nn.encoders import Inverter, Shape
from mien.nn.fgnet import FGNet, Grades
from mien.nn.stylegan2 import Generator

MODES = ("corrected", "compatible")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["psp", "e4e", "psp-w"])
def test_a_face_does_not_depend_on_its_batch(made, pictures, kind, mode):
    network = made(kind, mode=mode)
    with torch.inference_mode():
        together = network(pictures)
        alone = torch.cat([network(picture[None]) for picture in pictures])
        assert together.shape == (3, 4, 16, 16) and together.std() > 0.1
        assert (together - alone).abs().max() < 1e-4 * together.std()
        assert torch.equal(network(pictures), together)  # no noise is drawn


@pytest.mark.parametrize("size", [8, 24, 64])
def test_heatmaps_have_the_size_that_was_asked_for(made, pictures, size):
    with torch.inference_mode():
        assert made(size=size)(pictures).shape == (3, 4, size, size)


def test_there_is_a_heatmap_for_each_unit_and_no_more(made, pictures):
    """FG-Net makes 32, whatever it is trained for."""
    assert made().interpreter.layer3[-1].out_channels == 4
    published = made(mode="compatible", outputs=32)
    with torch.inference_mode():
        whole = published.interpreter(published.features(published.encoder(pictures)))
        assert whole.shape[1] == 32 and torch.equal(published(pictures), whole[:, :4])
    with pytest.raises(ValueError, match="3 heatmaps are too few for 4 action units"):
        made(outputs=3)


def test_the_code_that_was_found_is_the_one_that_is_drawn(made, pictures):
    """FG-Net sends each row, which is a code already, through the mapping of random vectors."""
    corrected, published = made(), made(mode="compatible")
    with torch.inference_mode():
        codes = corrected.encoder(pictures)
        assert torch.equal(corrected.steering(codes), codes)
        mapped = published.steering(codes)
        assert torch.allclose(mapped[:, 2], published.generator.map(codes[:, 2]), atol=1e-6)
        grids = list(corrected.features(codes))
        assert [tuple(grid.shape[1:]) for grid in grids] == [(7, 4, 4), (6, 8, 8), (5, 16, 16), (4, 32, 32)]
        grown = corrected.generator.grow(corrected.generator.styles(codes))
        assert all(torch.equal(grid, step.features) for grid, step in zip(grids, grown, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_a_file_has_all_that_a_face_is_read_with(made, pictures, mode, tmp_path):
    """FG-Net's lacks the average code."""
    network = made(mode=mode, **({"outputs": 5} if mode == "compatible" else {"graded": ("AU12",)}))
    further = calibration.stored(calibration.plain(4))  # what the network itself has no use for
    weights.save(tmp_path / "fgnet.safetensors", network.state_dict() | further, network.config)
    again = fgnet.of(weights.load(tmp_path / "fgnet.safetensors"))
    assert again.config == network.config and again.units == network.units and not again.training
    with torch.inference_mode():
        heatmaps = network(pictures)
        assert torch.equal(again(pictures), heatmaps)
        again.encoder.latent_avg.add_(1)
        assert not torch.allclose(again(pictures), heatmaps, atol=1e-3)


def test_files_of_other_networks_are_refused(made, tmp_path):
    weights.save(tmp_path / "e4e.safetensors", {"a": torch.ones(1)}, {"kind": "e4e"})
    with pytest.raises(WeightsError, match=r"e4e\.safetensors is no FG-Net but e4e"):
        fgnet.of(weights.load(tmp_path / "e4e.safetensors"))
    network = made()
    weights.save(tmp_path / "other.safetensors", network.state_dict(), network.config | {"size": 32})
    with pytest.raises(WeightsError, match=r"other\.safetensors does not fit FGNet: missing interpreter\.layer2\.1\.weight"):
        fgnet.of(weights.load(tmp_path / "other.safetensors"))


def test_an_encoder_of_another_generator_is_refused():
    encoder = Inverter("psp", Shape(size=32, units=(1, 1, 1, 1), widths=(4, 6, 8, 10), styles=10, code=6))
    with pytest.raises(ValueError, match="codes of 10 rows of 6 numbers, the generator needs 8 rows of 6 numbers"):
        FGNet(encoder, Generator((7, 6, 5, 4), 6, 2), ["AU12"], 16)


@pytest.mark.parametrize("mode", MODES)
def test_no_device_is_written_down(made, pictures, mode):
    """FG-Net runs on CUDA alone."""
    assert made(mode=mode).to("meta")(pictures.to("meta")).device.type == "meta"


@pytest.mark.parametrize("mode", MODES)
def test_all_that_learns_is_moved_by_what_is_learned(made, pictures, mode):
    network = made("psp", mode=mode).train()
    F.mse_loss(network(pictures), torch.ones(3, 4, 16, 16)).backward()
    learning = {name: parameter.grad for name, parameter in network.named_parameters() if parameter.requires_grad}
    still = {name.split(".")[1] for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert all(gradient is not None for gradient in learning.values())
    assert still == {"to_rgb1", "to_rgbs", *([] if mode == "compatible" else ["style"])}
    assert {name.split(".")[0] for name, gradient in learning.items() if gradient.any()} == {"encoder", "generator", "interpreter"}


def test_a_corrected_network_sees_left_and_right_alike(made, pictures):
    with torch.inference_mode():
        for mode, alike in (("corrected", True), ("compatible", False)):
            one, other = (fgnet.read(made(mode=mode), seen).heatmaps for seen in (pictures, pictures.flip(3)))
            assert torch.allclose(one, other.flip(3), atol=1e-5) == alike and one.abs().max() <= 1
        assert torch.equal(other, made(mode="compatible")(pictures.flip(3)).clamp(-1, 1)), "a published one looks once"


def test_intensities_are_linear_in_what_is_seen_where_the_heatmap_stands_out(made, pictures):
    """Whichever way it does; and what is learned of them does not move the heatmap."""
    grades = Grades(1, 3)
    with torch.no_grad():
        grades.weight.copy_(torch.tensor([[0.5, 0.0, -0.25]]))
        grades.bias.fill_(0.1)
    state, heatmap = torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    state[0, :, 1, 2], state[0, :, 3, 0] = torch.tensor([1.0, 7.0, 2.0]), 4.0
    heatmap[0, 0, 1, 2], heatmap[0, 0, 3, 0] = -9.0, 0.5  # counts as -1, and half of that
    heatmap.requires_grad_(True)
    first, second = 0.5 * 1 - 0.25 * 2, 0.25 * 4
    found = grades(state, heatmap)
    assert found.item() == pytest.approx(5 * ((2 * first + second) / 3 + 0.1))
    found.sum().backward()
    assert heatmap.grad is None and grades.weight.grad.any()
    network = made(graded=("AU27", "AU05"))
    with torch.inference_mode():
        told = network.tell(pictures)
        assert torch.equal(told.heatmaps, network(pictures)) and told.intensities.shape == (3, 2)
        assert fgnet.read(network, pictures).intensities.clamp(0, 5).equal(fgnet.read(network, pictures).intensities)
    assert made().tell(pictures).intensities.shape == (3, 0), "a score is no intensity"
    with pytest.raises(ValueError):
        made(graded=("AU02",))


def test_scores_are_means_of_what_was_cut():
    heatmaps = torch.zeros(1, 4, 8, 8)
    heatmaps[0, 0, 0, 0] = 100  # counts as 1
    heatmaps[0, 1, 0, :2] = torch.tensor([-7.0, 5.0])  # outweigh each other
    heatmaps[0, 2] = -0.5
    assert torch.allclose(fgnet.scores(heatmaps), torch.tensor([[1 / 64, 0, -0.5, 0]]))
    assert fgnet.present(heatmaps).tolist() == [[True, False, False, False]]


def test_the_open_generator_and_its_encoder_make_one():
    generator = stylegan2.generator(weights.load(weights.bundled("stylegan2")))
    encoder = encoders.of(weights.load(weights.bundled("e4e")))
    network = FGNet(encoder, generator, [f"AU{unit:02d}" for unit in (1, 2, 4, 5, 6, 43)], 32).eval()
    with torch.inference_mode():
        picture = torch.zeros(1, 3, encoder.config["size"], encoder.config["size"])
        assert network(picture).shape == (1, 6, 32, 32)
