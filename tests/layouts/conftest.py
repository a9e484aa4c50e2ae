"""Tiny data sets in the layouts of the published ones."""

import numpy as np
import pytest

from mien import images


@pytest.fixture
def picture(tmp_path):
    """Writes a small picture below the folder of the test."""

    def write(name):
        return images.write(np.full((8, 6, 3), 100, np.uint8), tmp_path / name)

    return write


@pytest.fixture
def text(tmp_path):
    """Writes a text file below the folder of the test."""

    def write(name, *lines):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
