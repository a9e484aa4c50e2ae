"""What many tests share: two drawn faces, small networks, and a home of their own so that no signing key reaches the user's folders."""

import os
from pathlib import Path

import cv2
import pytest
import torch
from threadpoolctl import threadpool_limits

from mien import images, weights
from mien.aus import AUVector
from mien.data.renders import render
from mien.geometry import head
from mien.nn import calibration
from mien.nn.encoders import Inverter, Shape
from mien.nn.fgnet import FGNet
from mien.nn.graphau import GraphAU
from mien.nn.mapper import LEVELS, LevelsMapper
from mien.nn.stylegan2 import Generator


def pytest_addoption(parser):
    parser.addoption("--renew-golden", action="store_true", help="write the golden pictures anew; look at them before you commit")


def pytest_configure(config):
    """Where pytest-xdist runs a process for each core, each of them and what it starts has one thread: more would only wait."""
    if hasattr(config, "workerinput"):
        os.environ["OMP_NUM_THREADS"] = "1"
        threadpool_limits(limits=1)
        torch.set_num_threads(1)
        cv2.setNumThreads(1)


def pytest_collection_modifyitems(items):
    """Tests marked `data` run where MIEN_DATA names the folder of third-party data."""
    if not os.environ.get("MIEN_DATA"):
        for item in items:
            if "data" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs third-party data: MIEN_DATA is not set"))


@pytest.fixture(scope="session")
def data():
    """The folder of third-party data, for tests marked `data`."""
    return Path(os.environ["MIEN_DATA"])


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def drawn():
    """A drawn face at rest, from the front, 384 x 384."""
    return render(head.bundled())


@pytest.fixture(scope="session")
def drawn_smile():
    """A drawn smile, turned by pitch 5, yaw 12 and roll -4 degrees."""
    return render(head.bundled(), AUVector.of({"AU12": 4, "AU06": 2}), angles=(5.0, 12.0, -4.0), seed=1)


@pytest.fixture(scope="session")
def drawn_file(drawn, tmp_path_factory):
    """The face at rest as a file."""
    return images.write(drawn.photo.rgb, tmp_path_factory.mktemp("drawn") / "face.png")


@pytest.fixture(scope="session")
def style_files(tmp_path_factory):
    """A folder of a small generator of StyleGAN2, an encoder into its codes and a mapper of them, which have learned nothing."""
    folder, draw = tmp_path_factory.mktemp("style"), torch.Generator().manual_seed(0)

    def filled(network, scale):
        with torch.no_grad():
            for name, tensor in network.state_dict().items():
                if tensor.is_floating_point() and "running" not in name and "kernel" not in name:
                    tensor.copy_(torch.randn(tensor.shape, generator=draw) * scale)
        return network.state_dict()

    generator = Generator((12, 10, 8, 6, 6), code=16, depth=2)
    tensors = {f"generator.{name}": tensor for name, tensor in filled(generator, 0.3).items()}
    config = {"kind": "stylegan2", "generator": generator.config}
    weights.save(folder / "stylegan2.safetensors", tensors | {"mean_code": torch.zeros(16)}, config)
    encoder = Inverter("e4e", {"size": 32, "units": (1, 1, 1, 1), "widths": (4, 6, 8, 10), "styles": 10, "code": 16})
    weights.save(folder / "e4e.safetensors", filled(encoder, 0.2), encoder.config)
    units = ("AU01L", "AU01R", "AU02L", "AU02R", "AU04L", "AU04R", "AU12L", "AU12R", "AU25", "AU27")
    mapper = LevelsMapper((len(units), 16, 16), 10, tuple(LEVELS), "calibrated", units)
    weights.save(folder / "auclip.safetensors", filled(mapper, 100.0), {"kind": "auclip", **mapper.config})
    return folder


@pytest.fixture(scope="session")
def reader_files(tmp_path_factory):
    """A folder of small networks with all that they can have: intensities of some units, sides, a calibration."""
    folder = tmp_path_factory.mktemp("readers")
    backbone = {"kind": "resnet", "width": 4, "blocks": (1, 1), "bottleneck": False}
    shape = {"size": 32, "backbone": backbone, "width": 6, "main": ("AU04", "AU12", "AU19"), "sided": ("AU12",), "mode": "corrected"}
    encoder = Shape(size=32, units=(1, 1, 1, 1), widths=(4, 6, 8, 10), styles=8, code=6)
    with torch.random.fork_rng():
        networks = (
            GraphAU("opengraphau", {**shape, "stage": 1, "neighbours": 2, "graded": ("AU04", "AU12L", "AU12R")}),
            FGNet(Inverter("e4e", encoder), Generator((7, 6, 5, 4), 6, 2), ("AU04", "AU12"), 16, graded=("AU12",)),
        )
    for name, network in zip(("graphau", "fgnet"), networks, strict=True):
        read = calibration.stored(calibration.plain(len(network.units), slope=2.0))
        weights.save(folder / f"{name}.safetensors", _numbered(network) | read, network.config)
    return folder


def _numbered(network):
    """A network's tensors with numbers everywhere, the same in every run, spreads of normalisations above 0."""
    draw = torch.Generator().manual_seed(0)
    tensors = dict(network.state_dict())
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not name.endswith("kernel"):
            tensor.copy_(torch.randn(tensor.shape, generator=draw) * 0.4)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
    return tensors
