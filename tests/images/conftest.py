"""What tests of pictures share: files made by Pillow, and the one line of an error."""

import numpy as np
import pytest

from mien import images
from mien.errors import ImageError


@pytest.fixture
def scene():
    """40 x 24 pixels without any symmetry."""
    rgb = np.zeros((24, 40, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 255, 40).round().astype(np.uint8)
    rgb[..., 1] = np.linspace(250, 10, 24).astype(np.uint8)[:, None]
    rgb[2:8, 3:20, 2] = 200
    return rgb


@pytest.fixture(scope="session")
def save():
    """Write a Pillow picture; returns the path."""

    def write(path, image, **options):
        image.save(path, **options)
        return path

    return write


@pytest.fixture(scope="session")
def error_of():
    """The message, one line, with which a picture is refused."""

    def message(source, **options):
        with pytest.raises(ImageError) as caught:
            images.read(source, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message
