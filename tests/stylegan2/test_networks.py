"""The networks against the equations they were published with, their three spaces of codes, and gradients of gradients."""

import pytest
import torch
from torch.nn import functional as F

from mien.nn.stylegan2 import Generator, losses
from mien.nn.stylegan2.discriminator import deviation
from mien.nn.stylegan2.generator import drawn, seeded, truncated
from mien.nn.stylegan2.layers import widths

LEAKY = 2**0.5


def codes_of(network, seeds):
    return network.spread(network.map(drawn(seeds, network.code)))


def kernel_of(part, row):
    """Equations 1 and 3 of Karras et al. 2020: the kernel that one picture's style makes."""
    conv = part.conv
    style = F.linear(row, conv.modulation.weight / conv.modulation.weight.shape[1] ** 0.5, conv.modulation.bias)
    weight = conv.weight[0] / conv.weight[0][0].numel() ** 0.5 * style[None, :, None, None]
    return weight, weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()


def filtered(x, kernel, zeros, before, after):
    """Zeros put between the pixels and around them, then a true convolution with 4 x 4 taps, as published."""
    wide = x.new_zeros(*x.shape[:2], x.shape[2] * zeros, x.shape[3] * zeros)
    wide[:, :, ::zeros, ::zeros] = x
    wide = F.pad(wide, [before, after] * 2)
    return F.conv2d(wide, kernel.flip(0, 1).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def one_picture(network, code):
    """A picture grown by one kernel for each layer, from its code in W+ (rows, d)."""

    def styled(part, x, row, noise):
        kernel = kernel_of(part, row)[1]
        if part.conv.blur is None:
            y = F.conv2d(x, kernel, padding=1)
        else:
            y = filtered(F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2), part.conv.blur.kernel, 1, 1, 1)
        return LEAKY * F.leaky_relu(y + part.noise.weight * noise + part.activate.bias[:, None, None], 0.2)

    noise = network.stored()
    x = styled(network.conv1, network.input.input, code[0], noise[0])
    rgb = F.conv2d(x, kernel_of(network.to_rgb1, code[1])[0]) + network.to_rgb1.bias
    for i, part in enumerate(network.to_rgbs):
        x = styled(network.convs[2 * i], x, code[2 * i + 1], noise[2 * i + 1])
        x = styled(network.convs[2 * i + 1], x, code[2 * i + 2], noise[2 * i + 2])
        larger = filtered(rgb, part.upsample.kernel, 2, 2, 1)
        rgb = F.conv2d(x, kernel_of(part, code[2 * i + 3])[0]) + part.bias + larger
    return rgb


def test_a_batch_is_what_a_kernel_for_each_picture_makes(small):
    small.double()
    codes = torch.randn(3, small.rows, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pictures = small(codes)
    assert pictures.shape == (3, 3, 32, 32)
    for code, picture in zip(codes, pictures, strict=True):
        assert torch.allclose(one_picture(small, code)[0], picture, rtol=1e-9, atol=1e-9)


def test_without_gradients_the_picture_is_the_same(small):
    codes = codes_of(small, [0, 1])
    with torch.no_grad():
        alone = small(codes)
    assert torch.equal(alone, small(codes)) and small(codes).requires_grad


def test_the_three_spaces_say_the_same_and_styles_steer_alone(small):
    codes = codes_of(small, [0, 1])
    styles = small.styles(codes)
    assert [style.shape[1] for style in styles] == [8, 8, 8, 6, 6, 6, 5, 5, 5, 4, 4]
    assert torch.equal(small.draw(styles), small(codes))
    moved = [style + 2.0 * (number == 9) for number, style in enumerate(styles)]
    before, after = list(small.grow(styles)), list(small.grow(moved))
    assert torch.equal(before[2].rgb, after[2].rgb) and not torch.equal(before[3].rgb, after[3].rgb)


def test_each_size_has_its_features(small):
    grown = list(small.grow(small.styles(codes_of(small, [3]))))
    assert [tuple(stage.features.shape) for stage in grown] == [(1, 8, 4, 4), (1, 6, 8, 8), (1, 5, 16, 16), (1, 4, 32, 32)]
    assert [stage.rgb.shape[-1] for stage in grown] == [4, 8, 16, 32]


def test_a_picture_does_not_depend_on_its_batch(small):
    together = small(codes_of(small, [5, 6, 7]))
    for number, seed in enumerate([5, 6, 7]):
        assert torch.allclose(small(codes_of(small, [seed]))[0], together[number], atol=1e-5)


def test_noise_is_stored_or_of_a_seed(small):
    codes = codes_of(small, [0, 0])
    one, other = small(codes)
    assert torch.equal(one, other)
    noise = seeded(small, [1, 2])
    assert [grain.shape for grain in noise] == [(2, 1, side, side) for side in (4, 8, 8, 16, 16, 32, 32)]
    one, other = small(codes, noise)
    assert not torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(small(codes[:1], seeded(small, [2]))[0], other, atol=1e-5)


def test_mixing_takes_rows_from_two_codes(small):
    w, other = small.map(drawn([0, 1], 8)), small.map(drawn([2, 3], 8))
    mixed = small.mix(w, other, torch.tensor([3, 0]))
    assert torch.equal(mixed[0, :3], w[:1].expand(3, -1)) and torch.equal(mixed[0, 3:], other[:1].expand(5, -1))
    assert torch.equal(mixed[1], small.spread(other)[1])
    assert torch.equal(small.mix(w, other, 8), small.spread(w))


def test_truncation_draws_to_the_mean(small):
    w, mean = small.map(drawn([0], 8)), torch.arange(8.0)
    assert torch.equal(truncated(w, mean, 1.0).round(decimals=5), w.round(decimals=5))
    assert torch.equal(truncated(w, mean, 0.0)[0], mean)
    assert torch.allclose(truncated(w, mean, 0.5)[0], (w[0] + mean) / 2)


def test_published_widths():
    assert widths(1024) == [512, 512, 512, 512, 512, 256, 128, 64, 32]
    assert widths(256, 1) == [512, 512, 512, 512, 256, 128, 64]
    assert widths(32, most=96) == [96, 96, 96, 96]
    for size in (4, 96, 1000):
        with pytest.raises(ValueError, match=f"{size} pixels"):
            widths(size)


def test_the_largest_size_has_its_rows_and_noises():
    network = Generator(widths(1024, 0.25, most=4))
    assert (network.size, network.rows, len(network.stored())) == (1024, 18, 17)
    assert [grain.shape[-1] for grain in network.stored()[-2:]] == [1024, 1024]


def test_gradients_of_gradients(small, judge):
    """Path lengths of the generator and R1 of the discriminator, in every parameter that they depend on."""
    for network in (small.double(), judge.double()):
        network.requires_grad_(True)
    direction = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def penalty(*weights):
        named = dict(zip(("conv1.conv.weight", "convs.2.conv.weight", "to_rgbs.1.conv.weight"), weights, strict=True))
        wplus = small.spread(small.map(drawn([0, 1], 8).double()))
        pictures = torch.func.functional_call(small, named, (wplus,))
        return losses.path_penalty(losses.path_lengths(pictures, wplus, direction), torch.tensor(0.3, dtype=torch.float64))[0]

    weights = [part.conv.weight.detach().requires_grad_() for part in (small.conv1, small.convs[2], small.to_rgbs[1])]
    assert torch.autograd.gradcheck(penalty, weights, eps=1e-6, atol=1e-5, fast_mode=True)
    pictures = direction.clamp(-1, 1).requires_grad_()

    def steepness(weight):
        logits = torch.func.functional_call(judge, {"convs.1.conv2.1.weight": weight}, (pictures,))
        return losses.r1(logits, pictures)

    weight = judge.convs[1].conv2[1].weight.detach().requires_grad_()
    assert torch.autograd.gradcheck(steepness, [weight], eps=1e-6, atol=1e-5, fast_mode=True)


def test_the_spread_of_a_group_is_shared_by_its_members():
    grid = torch.randn(6, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    plane = deviation(grid, 3)
    assert plane.shape == (6, 1, 4, 4)
    for member in range(6):
        others = grid[[i for i in range(6) if i % 2 == member % 2]]
        assert torch.allclose(plane[member], others.std(0, correction=0).mean())
    with pytest.raises(ValueError, match="6 pictures are no whole number of groups of 4"):
        deviation(grid, 4)


def test_the_judge_looks_at_any_size_of_batch_up_to_a_group(judge):
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert judge(pictures).shape == (3, 1)
    assert judge(pictures[:1]).shape == (1, 1)
