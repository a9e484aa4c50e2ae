"""The bundled head, as the tests of fitting see it."""

import pytest

from mien.geometry import head
from mien.geometry.fitting import fit


@pytest.fixture(scope="session")
def model():
    """The bundled head."""
    return head.bundled()


@pytest.fixture(scope="session")
def basis(model):
    """Its landmarks."""
    return fit.landmark_basis(model)
