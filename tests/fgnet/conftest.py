"""Small networks of FG-Net's kind, whose numbers are the same in every run."""

import pytest
import torch

from mien.nn.encoders import Inverter, Shape
from mien.nn.fgnet import FGNet
from mien.nn.stylegan2 import Generator, initialise

UNITS = ("AU01", "AU05", "AU12", "AU27")
WIDTHS, ROWS, CODE = (7, 6, 5, 4), 8, 6


def numbered(network):
    """The network with numbers everywhere, spreads of normalisations above 0, in eval mode."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and not name.endswith("kernel"):
                tensor.copy_(torch.randn(tensor.shape, generator=draw) * 0.4)
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    initialise(network.generator, draw)
    return network.eval()


@pytest.fixture
def made():
    """Make a network of a generator of 32 pixels."""

    def make(kind="psp", units=UNITS, size=16, **options):
        with torch.random.fork_rng():
            encoder = Inverter(kind, Shape(size=32, units=(1, 1, 1, 1), widths=(4, 6, 8, 10), styles=ROWS, code=CODE))
            return numbered(FGNet(encoder, Generator(WIDTHS, CODE, 2), units, size, **options))

    return make


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
