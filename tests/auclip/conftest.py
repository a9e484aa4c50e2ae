"""Small networks that belong together, and people with expressions: plain pictures whose bands say what they show."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mien import weights
from mien.aus import AXES, AUVector
from mien.data.synth import store
from mien.losses.clip import Comparer
from mien.nn import stylegan2
from mien.nn.clip import CLIP
from mien.nn.encoders import Inverter, Shape
from mien.nn.stylegan2 import Generator, initialise
from mien.nn.tokens import Words
from mien.recipes.units import UnitsConfig
from mien.recipes.units import train as train_units
from mien.training import RunOptions

PEOPLE, EACH = 20, 4
COUNT = 6  # faces of AU-CLIP's data
_KNOWN = (
    "happy sad human face picture with mouth closed lips open inner outer brow raise lower cheek nose wrinkle lip corner up jaw drop , ."
)


@pytest.fixture(scope="session")
def a_generator():
    """Make one in a folder."""
    return _generator


def _generator(folder, *, widths=(6,) * 5, code=8, seed=1):
    """A generator in a file of its own."""
    network = Generator(widths, code, 2)
    initialise(network, torch.Generator().manual_seed(seed))
    tensors = {f"generator.{name}": tensor for name, tensor in network.state_dict().items()} | {stylegan2.MEAN: torch.zeros(code)}
    weights.save(folder / "stylegan2.safetensors", tensors, {"kind": stylegan2.KIND, "generator": network.config})
    return network


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """A generator of 64 pixels and an encoder into its codes."""
    folder = tmp_path_factory.mktemp("networks")
    _generator(folder)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        encoder = Inverter("e4e", Shape(size=64, units=(1, 1, 1, 1), widths=(8, 8, 8, 8), styles=10, code=8))
    weights.save(folder / "e4e.safetensors", encoder.state_dict(), encoder.config)
    return folder / "stylegan2.safetensors"


def painted(rng, shown):
    """A grey picture with a bright band for AU12 and a dark one for AU04, on which the person's own grain lies."""
    picture = np.full((32, 32, 3), 128.0)
    picture[20:26] += 20 * shown["AU12"]
    picture[4:10] -= 20 * shown["AU04"]
    return np.clip(picture + rng.normal(size=picture.shape) * 6, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def expressions(tmp_path_factory):
    """A folder as `mien data synth --photos` leaves it, of people with a few expressions each."""
    folder = tmp_path_factory.mktemp("expressions")
    rng = np.random.default_rng(0)
    labels = np.zeros(PEOPLE * EACH, store.fields(4))
    pictures = []
    for index, label in enumerate(labels):
        read = AUVector.of({"AU12": 1.0 * (index // EACH % 2)})
        shown = AUVector.of({"AU12": rng.uniform(0, 5), "AU04": rng.uniform(0, 3), "AU26": 2.0 * (index % 2)})
        label["index"], label["photo"], label["aus"], label["read"] = index, index // EACH, shown.values, read.values
        label["landmarks"], label["rotation"], label["scale"] = rng.uniform(8, 24, (468, 3)), np.eye(3), 2.0
        pictures.append(painted(np.random.default_rng(index // EACH), shown))
    store.write_shard(folder, 0, labels, {"": pictures})
    (folder / store.ABOUT).write_text(json.dumps({"photos": "photos", "buffers": [], "size": 32}))
    assert labels["aus"].shape[1] == len(AXES)
    return folder


@pytest.fixture(scope="session")
def options():
    """A run of seconds."""
    return RunOptions(workers=0, every=3)


@pytest.fixture(scope="session")
def reader(expressions, options, tmp_path_factory):
    return train_units(UnitsConfig(data=expressions, out=tmp_path_factory.mktemp("units"), options=options))


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Without what was imported on this machine."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def faces(tmp_path_factory, a_generator):
    """AU-CLIP's data of a small generator: two rows that say what mouth and brow do, and scores of that."""
    folder = tmp_path_factory.mktemp("faces")
    generator = a_generator(folder, widths=(6,) * 4, seed=2)  # 32 pixels, 8 rows
    draw = torch.Generator().manual_seed(5)
    for split in ("train", "test"):
        codes = torch.randn(COUNT, generator.rows, generator.code, generator=draw)
        save_file({"codes": codes}, folder / f"{split}_faces.safetensors")
        for number in range(COUNT):
            scores = torch.rand(8, generator=draw).tolist()
            path = folder / "training" / f"{split}_aus" / f"{number:05d}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(",".join(f"{score:.4f}" for score in scores))
    (folder / "truncated_index.csv").write_text("0,2,3")
    for split in ("train", "test"):
        rows = (f"{number:05d},{'happy' if number % 2 else 'sad'}" for number in range(COUNT))
        (folder / f"{split}_classes.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def comparer():
    """A small CLIP that knows a few words."""
    words = _KNOWN.split()
    shape = {"size": 32, "patch": 16, "seen": (16, 1, 2), "read": (16, 1, 2), "context": 40, "vocabulary": len(words) + 2, "code": 8}
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return Comparer(CLIP(**shape), Words(words))
