"""Small networks with weights as before training, and some noise and bias in every layer."""

import pytest
import torch

from mien.nn.stylegan2 import Discriminator, Generator, initialise

WIDTHS = (8, 6, 5, 4)


def filled(network):
    """Weights from N(0, 1), everything else a little off what it starts as."""
    draw = torch.Generator().manual_seed(0)
    initialise(network, draw)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1 or parameter.shape[:2] == (1, 3):
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
    return network.eval()


@pytest.fixture
def small():
    """A generator of 32 pixels."""
    return filled(Generator(WIDTHS, code=8, depth=2))


@pytest.fixture
def judge():
    """A discriminator of 32 pixels."""
    return filled(Discriminator(WIDTHS))
