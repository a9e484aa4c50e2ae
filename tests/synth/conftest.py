import pytest

from mien.data.synth.drawing import renderer


@pytest.fixture(scope="session")
def painter():
    return renderer(96)
