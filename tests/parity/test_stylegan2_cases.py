"""StyleGAN2 in rosinality's layout, through the importer and the networks that users run."""

import numpy as np
import pytest
import torch

from mien import weights
from mien.convert import importers
from mien.nn import stylegan2
from mien.nn.stylegan2 import losses
from mien.nn.stylegan2.generator import truncated

BOUND = 1e-4  # of the reference's spread
#: Path lengths and what is made of them: their gradients lie near kinks of the leaky ReLU, where rounding decides; the reference itself is
#: 0.8e-4 away from the same sum in double precision.
KINKED = 3e-4


def spread_error(ours, theirs):
    """Against the spread, or relative where there is one number."""
    ours = ours.detach().numpy()
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / (theirs.std() if theirs.size > 1 else np.abs(theirs).max())


@pytest.fixture(scope="module")
def imported(loaded, tmp_path_factory):
    """The arrays of a case, and its tensors as `mien weights import` writes them when they stand in a checkpoint under these names."""

    def run(case, *parts):
        state, arrays = loaded(case)
        folder = tmp_path_factory.mktemp(case)
        inside = {part: {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)} for part, start in parts}
        torch.save(inside, folder / "checkpoint.pt")
        importers.convert("stylegan2", folder / "checkpoint.pt", folder / "stylegan2.safetensors")
        return weights.load(folder / "stylegan2.safetensors"), arrays

    return run


@torch.inference_mode()
def test_stylegan2_rosinality_g256(imported):
    """Codes, and pictures of z, of truncated codes, of W+, of mixed styles."""
    stored, case = imported("stylegan2_rosinality_g256", ("g_ema", ""))
    network = stylegan2.generator(stored)
    assert (network.size, network.rows, len(network.state_dict())) == (256, 14, 135)
    w = network.map(torch.from_numpy(case["in_z"]))
    assert spread_error(w, case["out_w"]) < BOUND
    pictures = network(network.spread(w))
    assert spread_error(pictures[:, :, 1::4, 2::4], case["out_image_z_sub"]) < BOUND
    assert spread_error(pictures[:, :, 100:132, 60:92], case["out_image_z_crop"]) < BOUND
    near = network(network.spread(truncated(w, torch.from_numpy(case["in_mean_latent"][0]), 0.7)))
    assert spread_error(near[:, :, 1::4, 2::4], case["out_image_trunc_sub"]) < BOUND
    assert spread_error(network(torch.from_numpy(case["in_wplus"]))[:, :, ::2, ::2], case["out_image_wplus_sub"]) < BOUND
    mixed = network.mix(w[:1], w[1:], 5)
    assert spread_error(mixed[:, 3:8], case["out_latent_mix"]) < BOUND
    assert spread_error(network(mixed)[:, :, 1::4, 2::4], case["out_image_mix_sub"]) < BOUND


@torch.inference_mode()
def test_stylegan2_rosinality_d64(imported):
    """Logits of batches of two groups and of less than one."""
    stored, case = imported("stylegan2_rosinality_d64", ("d", ""))
    judge = stylegan2.discriminator(stored)
    pictures = torch.from_numpy(case["in_image_u8"]).float() / 127.5 - 1
    assert spread_error(judge(pictures), case["out_logit8"]) < BOUND
    assert spread_error(judge(pictures[:2]), case["out_logit2"]) < BOUND
    assert spread_error(judge.convs(pictures[:2])[:, ::4], case["out_convs"]) < BOUND


def test_stylegan2_loss_terms_32(imported):
    """All terms of the training, with gradients of gradients."""
    stored, case = imported("stylegan2_loss_terms_32", ("g_ema", "g."), ("d", "d."))
    network, judge = stylegan2.generator(stored), stylegan2.discriminator(stored)
    real = (torch.from_numpy(case["in_real_u8"]).float() / 127.5 - 1).requires_grad_()
    codes = network.spread(network.map(torch.from_numpy(case["in_z"])))
    pictures = network(codes)
    of_real, of_made = judge(real), judge(pictures)
    assert spread_error(losses.discriminator_loss(of_real, of_made), case["out_d_logistic"]) < BOUND
    assert spread_error(losses.generator_loss(of_made), case["out_g_nonsat"]) < BOUND
    assert spread_error(losses.r1(of_real, real), case["out_r1"]) < BOUND
    assert spread_error(losses.r1_gradient(of_real, real)[:, :, ::4, ::4], case["out_r1_grad"]) < BOUND
    lengths = losses.path_lengths(pictures, codes, torch.from_numpy(case["in_path_noise"]))
    penalty, mean = losses.path_penalty(lengths, torch.from_numpy(case["in_mean_path_length"]))
    assert spread_error(lengths, case["out_path_lengths"]) < KINKED
    assert spread_error(penalty, case["out_path_penalty"]) < KINKED
    assert spread_error(mean, case["out_path_mean"]) < BOUND
    penalty.backward()
    assert network.conv1.conv.weight.grad.abs().sum() > 0
