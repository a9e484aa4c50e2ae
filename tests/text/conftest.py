"""A small generator and a small CLIP with numbers that are the same in every run."""

import pytest
import torch

from mien.data.synth import making
from mien.data.synth.making import Settings
from mien.losses.clip import Comparer
from mien.nn.clip import CLIP
from mien.nn.stylegan2 import Generator, initialise
from mien.nn.tokens import Words

KNOWN = Words("a angry big closed expression eyes face happy human neutral no of person photo smile with".split())  # noqa: SIM905


def small_clip():
    made = CLIP(
        size=24, patch=8, seen=(16, 24, 32), sees="convolutions", middle=0.75, read=(64, 1, 1), context=12,
        vocabulary=len(KNOWN.known) + 2, code=16,
    ).eval()  # fmt: skip
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in made.named_parameters():
            if tensor.ndim > 1:
                spread = 0.5 if name.startswith("token") else tensor[0].numel() ** -0.5
                tensor.copy_(torch.randn(tensor.shape, generator=rng) * spread)
    return made


@pytest.fixture(scope="session")
def comparer():
    return Comparer(small_clip(), KNOWN)


@pytest.fixture(scope="session")
def generator():
    made = Generator([16, 16, 16, 16], 24, 2)
    initialise(made, torch.Generator().manual_seed(1))
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def heads(tmp_path_factory):
    """Drawn heads with their labels."""
    folder = tmp_path_factory.mktemp("heads")
    making.make(folder, Settings(40, size=48, seed=3), workers=1)
    return folder
