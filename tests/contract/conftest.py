"""Every engine, reader and capture there is, and two faces for them."""

import contextlib

import numpy as np
import pytest
import torch

from mien import registry
from mien.errors import WeightsError
from mien.faces import align
from mien.protocols import CropSpec
from mien.readers.ensemble import Ensemble

_LEARNING = ("graphau", "fgnet")  # readers with networks


@pytest.fixture(scope="session", params=[*registry.names("engines"), "stylegan, unlearned"])
def engine(request, style_files):
    """Every engine with the weights that ship, and those that draw with networks with small ones that have learned nothing too."""
    name, _, unlearned = request.param.partition(", ")
    try:
        return registry.engine(name, weights=style_files / "stylegan2.safetensors" if unlearned else None)
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=[*registry.names("readers"), *(f"{name}, unlearned" for name in (*_LEARNING, "ensemble"))])
def reader(request, reader_files):
    """Every reader with the weights that are here, and those with networks with small ones that have learned nothing too."""
    name, _, unlearned = request.param.partition(", ")
    small = {of: registry.reader(of, weights=reader_files / f"{of}.safetensors") for of in _LEARNING} if unlearned else {}
    if unlearned and name == "ensemble":
        return Ensemble(registry.reader("geometry"), [*small.values()])
    try:
        return small.get(name) or registry.reader(name)
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=registry.names("captures"))
def capture(request):
    return registry.capture(request.param)


@pytest.fixture(scope="session")
def crops(drawn, drawn_smile):
    """A neutral face and a smiling one, cut at the pixels of their photos."""
    return [align.cut(render.photo, render.face, CropSpec()) for render in (drawn, drawn_smile)]


@pytest.fixture
def no_global_randomness():
    """A block that must leave the global random states as they were (not Python's own: the checker of shapes draws from it)."""

    def states():
        return np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()  # noqa: NPY002

    @contextlib.contextmanager
    def guard():
        before = states()
        yield
        assert states() == before

    return guard
