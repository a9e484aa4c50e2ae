"""Published files of both layouts come in, whole or not at all, and nothing in them runs."""

import argparse
import pickle

import pytest
import torch

from mien import weights
from mien.convert import importers
from mien.errors import WeightsError
from mien.nn import stylegan2
from mien.nn.stylegan2.generator import drawn

from . import nvidia
from .conftest import WIDTHS


def brought_in(tmp_path, content, name="model.pt"):
    """What the importer makes of a value that torch saves, or of bytes."""
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    importers.convert("stylegan2", path, tmp_path / "out.safetensors")
    return weights.load(tmp_path / "out.safetensors")


def refused(tmp_path, content):
    with pytest.raises(WeightsError) as error:
        brought_in(tmp_path, content)
    assert str(error.value).count(str(tmp_path / "model.pt")) == 1 and not (tmp_path / "out.safetensors").exists()
    return str(error.value)


def pictures(network, seeds=(0, 1)):
    with torch.no_grad():
        return network(network.spread(network.map(drawn(list(seeds), network.code))))


def test_a_run_s_checkpoint_gives_the_averaged_generator_and_the_discriminator(tmp_path, small, judge):
    other = {name: tensor + 1 for name, tensor in small.state_dict().items()}
    run = {"g": other, "d": judge.state_dict(), "g_ema": small.state_dict(), "args": argparse.Namespace(size=32), "ada_aug_p": 0.1}
    stored = brought_in(tmp_path, run)
    assert stored.config["generator"] == {"widths": list(WIDTHS), "code": 8, "depth": 2}
    assert torch.equal(pictures(stylegan2.generator(stored)), pictures(small))
    shown = pictures(small, range(4))
    assert torch.equal(stylegan2.discriminator(stored)(shown), judge(shown))


@pytest.mark.parametrize("prefix", ["", "g_ema.", "state_dict.decoder."])
def test_a_generator_is_found_whatever_it_stands_under(tmp_path, small, prefix):
    content = small.state_dict()
    for key in reversed(prefix.split(".")[:-1]):
        content = {key: content}
    content |= {"latent_avg": torch.arange(8.0).repeat(small.rows, 1), "opts": {"size": 32}}
    stored = brought_in(tmp_path, content)
    assert torch.equal(pictures(stylegan2.generator(stored)), pictures(small))
    assert torch.equal(stylegan2.mean_code(stored), torch.arange(8.0))
    with pytest.raises(WeightsError, match="has no discriminator of StyleGAN2"):
        stylegan2.discriminator(stored)


def test_what_older_files_lack_is_made_anew(tmp_path, small):
    state = {name: tensor for name, tensor in small.state_dict().items() if "noise_" not in name and not name.endswith("kernel")}
    stored = brought_in(tmp_path, {"g_ema": state})
    network = stylegan2.generator(stored)
    assert torch.equal(network.convs[0].conv.blur.kernel, small.convs[0].conv.blur.kernel)
    noise = torch.cat([grain.flatten() for grain in network.stored()])
    assert abs(float(noise.std()) - 1) < 0.1
    mean = small.map(drawn(range(4000), 8)).mean(0)
    assert torch.allclose(stylegan2.mean_code(stored), mean, atol=0.1) and mean.abs().max() > 0.2
    assert torch.equal(stylegan2.generator(brought_in(tmp_path, {"g_ema": state})).stored()[0], network.stored()[0])


def test_files_of_other_networks_and_damaged_ones_are_refused(tmp_path, small):
    state = small.state_dict()
    assert "has neither a generator" in refused(tmp_path, {"layer": torch.ones(2)})
    assert "but not StyleGAN2's" in refused(tmp_path, {"g_ema": {"input.input": torch.ones(1, 8, 4, 4)}})
    without = {name: tensor for name, tensor in state.items() if name != "convs.1.noise.weight"}
    assert "missing convs.1.noise.weight" in refused(tmp_path, {"g_ema": without})
    assert "unknown more" in refused(tmp_path, {"g_ema": state | {"more": torch.ones(1)}})
    assert "g_ema.input.input holds NaN" in refused(tmp_path, {"g_ema": state | {"input.input": torch.full((1, 8, 4, 4), torch.nan)}})
    short = {"to_rgbs.0.upsample.kernel": torch.ones(2, 2)}
    assert "to_rgbs.0.upsample.kernel is (2, 2), the network needs (4, 4)" in refused(tmp_path, {"g_ema": state | short})


def nvidia_file(patch, **parts):
    content = {"training_set_kwargs": nvidia.EasyDict(path="ffhq"), "augment_pipe": None, **parts}
    return nvidia.dump(content, patch)


def test_nvidia_s_files_give_the_pictures_that_their_equations_give(tmp_path, monkeypatch):
    theirs = nvidia.generator(WIDTHS)
    content = nvidia_file(monkeypatch, G=nvidia.generator(WIDTHS, depth=3), G_ema=theirs, D=nvidia.discriminator(WIDTHS))
    monkeypatch.chdir(tmp_path)
    stored = brought_in(tmp_path, content, "network.pkl")
    network = stylegan2.generator(stored)
    assert network.config == {"widths": list(WIDTHS), "code": 8, "depth": 2}
    z = drawn([0, 1], 8)
    with torch.no_grad():
        assert torch.allclose(network.map(z), nvidia.mapped(theirs, z), atol=1e-5)
        for row in network.map(z):
            wanted = nvidia.picture(theirs, row[None])
            assert torch.allclose(network(network.spread(row[None])), wanted, atol=1e-4 * float(wanted.std()))
    assert torch.equal(stylegan2.mean_code(stored), nvidia.held(nvidia.part(theirs, "mapping"), "w_avg"))
    assert stored.config["discriminator"] == {"widths": list(WIDTHS), "group": 2}
    assert stylegan2.discriminator(stored)(torch.zeros(4, 3, 32, 32)).isfinite().all()
    assert not (tmp_path / "executed.txt").exists(), "the source of a class was executed"


def test_nvidia_s_discriminator_keeps_its_numbers(tmp_path, monkeypatch):
    theirs = nvidia.discriminator(WIDTHS)
    judge = stylegan2.discriminator(brought_in(tmp_path, nvidia_file(monkeypatch, G_ema=nvidia.generator(WIDTHS), D=theirs)))
    for ours, where in {
        "convs.0.0.weight": ("b32", "fromrgb"), "convs.1.conv1.0.weight": ("b32", "conv0"), "convs.2.conv2.1.weight": ("b16", "conv1"),
        "convs.3.skip.1.weight": ("b8", "skip"), "final_conv.0.weight": ("b4", "conv"), "final_linear.1.weight": ("b4", "out"),
    }.items():  # fmt: skip
        assert torch.equal(judge.state_dict()[ours], nvidia.held(nvidia.part(theirs, *where), "weight")), ours


def test_nvidia_s_other_networks_are_refused_or_left_out(tmp_path, monkeypatch):
    with_classes = nvidia.generator(WIDTHS)
    nvidia.part(with_classes, "mapping").state["_modules"]["embed"] = nvidia.Module({"weight": torch.ones(8, 3)})
    assert "told classes" in refused(tmp_path, nvidia_file(monkeypatch, G_ema=with_classes))
    assert "rate 0.1" in refused(tmp_path, nvidia_file(monkeypatch, G_ema=nvidia.generator(WIDTHS, rate=0.1)))
    third = nvidia.Module({}, {}, {"synthesis": nvidia.Module({}, {"freqs": torch.ones(3)})})
    assert "StyleGAN3 is another network" in refused(tmp_path, nvidia_file(monkeypatch, G_ema=third))
    plain = nvidia.discriminator(WIDTHS)
    for side in (8, 16, 32):
        del nvidia.part(plain, f"b{side}").state["_modules"]["skip"]
    assert "discriminator" not in brought_in(tmp_path, nvidia_file(monkeypatch, G_ema=nvidia.generator(WIDTHS), D=plain)).config


class _Attack:
    def __reduce__(self):
        return exec, (nvidia.SOURCE,)


def test_what_would_run_is_refused_by_name(tmp_path, monkeypatch):
    attacked = nvidia.generator(WIDTHS)
    attacked.state["hook"] = _Attack()
    monkeypatch.chdir(tmp_path)
    assert "exec, which holds no numbers: refused" in refused(tmp_path, nvidia_file(monkeypatch, G_ema=attacked))
    assert "without attributes" in refused(tmp_path, b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n(S'import os'\ntR.")
    older = b"cdnnlib.tflib.network\nNetwork\n)\x81."  # of TensorFlow's time
    assert "dnnlib.tflib.network.Network, which holds no numbers: refused" in refused(tmp_path, older)
    assert "without attributes" in refused(tmp_path, pickle_of_a_loop())
    assert not (tmp_path / "executed.txt").exists()


def pickle_of_a_loop():
    """An object whose attributes are a list."""
    head = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    return head + b"(" + pickle.dumps({"state": [1]}, 2)[2:-1] + b"tR."
