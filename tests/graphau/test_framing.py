"""Pictures as the networks are shown them, against Pillow, with which they were trained."""

import numpy as np
import pytest
import torch
from PIL import Image

from mien.nn.graphau import framed, normalised

MEAN, SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def pictured(height, width):
    """A smooth picture with some grain, as bytes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 17 + k) * np.cos(y / (23 - k)) for k in range(3)], -1)
    return np.clip(128 + 90 * waves + rng.normal(size=(height, width, 3)) * 12, 0, 255).astype(np.uint8)


def as_tensor(rgb):
    return torch.from_numpy(rgb.transpose(2, 0, 1).copy()).float()[None] / 127.5 - 1


@pytest.mark.parametrize(("height", "width"), [(500, 700), (301, 260), (128, 96), (256, 256), (256, 300)])
def test_it_is_what_pillow_makes(height, width):
    """The shorter side 256, bilinear without aliasing, the middle 224; to Pillow's rounding to bytes, twice."""
    rgb = pictured(height, width)
    shorter = min(height, width)
    wide, tall = width * 256 // shorter, height * 256 // shorter
    resized = np.asarray(Image.fromarray(rgb).resize((wide, tall), Image.Resampling.BILINEAR))
    top, left = round((tall - 224) / 2), round((wide - 224) / 2)
    expected = (resized[top : top + 224, left : left + 224] / 255 - MEAN) / SPREAD
    made = framed(as_tensor(rgb))[0].numpy().transpose(1, 2, 0)
    assert np.abs((made - expected) * SPREAD).max() < 1.6 / 255


def test_a_picture_of_the_right_size_is_only_cut():
    rgb = pictured(256, 256)
    assert torch.equal(framed(as_tensor(rgb)), normalised(as_tensor(rgb))[:, :, 16:240, 16:240])
    smaller = as_tensor(pictured(183, 183))
    assert torch.equal(framed(smaller, 160), normalised(smaller)[:, :, 12:172, 12:172])


def test_the_mean_of_imagenet_is_0_and_its_spread_1():
    mean = torch.tensor(MEAN, dtype=torch.float32)[None, :, None, None] * 2 - 1
    spread = torch.tensor(SPREAD, dtype=torch.float32)[None, :, None, None] * 2
    assert normalised(mean).abs().max() < 1e-6 and (normalised(mean + spread) - 1).abs().max() < 1e-5


def test_gradients_flow_back_to_the_picture():
    picture = as_tensor(pictured(320, 320)).requires_grad_()
    framed(picture).sum().backward()
    assert picture.grad[0, :, 40:280, 40:280].abs().min() > 0 and picture.grad[0, :, :15].abs().max() == 0
