"""A picture for the tests of pictures."""

import numpy as np
import pytest


@pytest.fixture
def scene():
    """40 x 24 pixels without any symmetry."""
    rgb = np.zeros((24, 40, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 255, 40).round().astype(np.uint8)
    rgb[..., 1] = np.linspace(250, 10, 24).astype(np.uint8)[:, None]
    rgb[2:8, 3:20, 2] = 200
    return rgb
