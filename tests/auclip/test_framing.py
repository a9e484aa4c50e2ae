"""Pictures as CLIP is shown them: the literal form of StyleCLIP's, and Pillow's bicubic of its makers'."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from mien.nn import framing
from mien.nn.clip import MEAN, SPREAD


def noise(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def literal(pictures):
    large = F.interpolate(pictures, scale_factor=7, mode="nearest")
    return F.avg_pool2d(large, pictures.shape[-1] // 32)


@pytest.mark.parametrize(("channels", "side"), [(3, 32), (3, 96), (3, 256), (1, 1024)])
def test_two_small_matrices_are_the_large_picture_and_its_means(channels, side):
    pictures = noise(1, channels, side, side)
    ours = framing.compatible(pictures)
    assert ours.shape[2:] == (framing.STYLECLIP_SIZE,) * 2
    assert (ours - literal(pictures)).abs().max() < 1e-5
    assert (framing.compatible(pictures[..., :96, :96].double()) - literal(pictures[..., :96, :96].double())).abs().max() < 1e-14


def test_their_gradients_are_alike_too():
    one, other = (noise(2, 3, 64, 64).requires_grad_() for _ in range(2))
    weight = noise(2, 3, 224, 224)
    (framing.compatible(one) * weight).sum().backward()
    (literal(other) * weight).sum().backward()
    assert torch.allclose(one.grad, other.grad, atol=1e-5)


def test_a_side_without_whole_windows_is_refused():
    with pytest.raises(ValueError, match="200 pixels: StyleCLIP's are a multiple of 32"):
        framing.compatible(noise(1, 3, 200, 200))


@pytest.mark.parametrize(("height", "width"), [(300, 300), (260, 400), (100, 64), (224, 224)])
def test_pictures_as_clip_was_trained(height, width):
    """Pillow's bicubic, the middle, and the published mean and spread; within two grey levels, as Pillow rounds twice."""
    rng = np.random.default_rng(0)
    rgb = np.asarray(Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC))
    scale = 224 / min(height, width)
    resized = Image.fromarray(rgb).resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224))) / 255
    pictures = torch.from_numpy(rgb.transpose(2, 0, 1)[None] / 127.5 - 1).float()
    ours = framing.framed(pictures, 224)[0].permute(1, 2, 0).numpy() * SPREAD + MEAN
    assert np.abs(ours - expected).max() < 2 / 255
