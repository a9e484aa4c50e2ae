"""Small networks of FG-Net's kind, whose numbers are the same in every run, and faces that they can learn from."""

import json

import cv2
import numpy as np
import pytest
import torch

from mien.aus import AUVector
from mien.data.synth import store
from mien.nn.encoders import Inverter, Shape
from mien.nn.fgnet import FGNet
from mien.nn.stylegan2 import Generator, initialise

UNITS = ("AU01", "AU05", "AU12", "AU27")
WIDTHS, ROWS, CODE = (7, 6, 5, 4), 8, 6
SIDE, FACES = 64, 40  # pixels, pictures of synthetic faces


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


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory, drawn_smile):
    """A folder as `mien data synth` leaves it: one turned face, with a bright mouth where AU12 is shown and a dark brow where AU04 is."""
    folder, rng = tmp_path_factory.mktemp("synthetic"), np.random.default_rng(0)
    scale = SIDE / drawn_smile.photo.rgb.shape[1]
    face = cv2.resize(drawn_smile.photo.rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    landmarks = (drawn_smile.face.landmarks * scale).astype(np.float32)
    mouth, brow = (int(landmarks[point, 1]) for point in (13, 9))
    labels, pictures = np.zeros(FACES, store.fields(4)), []
    for index, label in enumerate(labels):
        smiles, frowns = index % 3 == 0, index // 2 % 2
        shown = {"AU12L": 4.0 * smiles, "AU12R": 2.0 * smiles, "AU04": 3.0 * frowns, "AU27": 1.0}
        label["index"], label["photo"], label["aus"], label["read"] = index, -1, AUVector.of(shown).values, np.nan
        label["landmarks"], label["rotation"], label["scale"] = landmarks, np.eye(3), 2.0
        picture = face.astype(np.float64) + 6 * rng.normal(size=face.shape)
        picture[mouth - 4 : mouth + 4] += 60 * smiles
        picture[brow - 4 : brow + 4] -= 60 * frowns
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    store.write_shard(folder, 0, labels, {"": pictures})
    (folder / store.ABOUT).write_text(json.dumps({"photos": "", "buffers": [], "size": SIDE}))
    return folder
