"""Parity cases: inputs and outputs of published implementations, one folder each; tests are named after them."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cases():
    """The folder of the cases: $MIEN_PARITY, or the copy kept here."""
    return Path(os.environ.get("MIEN_PARITY", Path(__file__).parent / "cases"))
