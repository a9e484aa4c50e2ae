"""The table of `mien score inversion`: each way on so many faces, nearer the slower it is."""

import cv2
import numpy as np
import pytest
import torch

from mien.errors import NoDataError, UsageError
from mien.inversion import Networks
from mien.metrics.inversion import score_inversion
from mien.nn.encoders import Inverter
from mien.nn.stylegan2 import Generator, initialise


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A crop set of three pictures to test with and one to learn from."""
    where, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    jpegs = [cv2.imencode(".jpg", cv2.resize(draw.integers(0, 256, (4, 4, 3), dtype=np.uint8), (64, 64)))[1].ravel() for _ in range(4)]
    np.savez(
        where / "sfhq_256.npz", jpeg_bytes=np.concatenate(jpegs), jpeg_offset=np.cumsum([0, *map(len, jpegs)]), label=np.zeros(4, np.int8),
        label_names=np.array(["none"]), landmarks5=np.zeros((4, 5, 2), np.float32), split=np.array([1, 0, 1, 1], np.uint8),
        split_names=np.array(["train", "test"]), subject=np.arange(4).astype(str),
    )  # fmt: skip
    return where


@pytest.fixture(scope="module")
def networks():
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator = Generator([8] * 4, code=8, depth=2)
        encoder = Inverter("e4e", {"size": 32, "units": (1, 1, 1, 1), "widths": (4, 6, 8, 10), "styles": 8, "code": 8})
    initialise(generator, torch.Generator().manual_seed(0))
    return Networks(generator, encoder, torch.zeros(8))


def test_slower_ways_are_nearer_on_the_faces_of_the_split(faces, networks):
    seen = []
    table = score_inversion(faces, networks, {"encoder": 9, "refine": 2, "pivotal": 2}, on_face=lambda: seen.append(1)).set_index("invert")
    assert table.faces.tolist() == [3, 2, 2] and len(seen) == 7
    assert table.psnr["refine"] > table.psnr["encoder"] and table.psnr["pivotal"] > table.psnr["refine"]
    assert table.perceptual["pivotal"] < table.perceptual["encoder"] and table.identity["pivotal"] > table.identity["encoder"]
    assert (
        (table["cpu seconds"] > 0).all() and table.stranger.abs().max() < 1 and set(table.outside) <= {0.0, 100 / 3, 200 / 3, 50.0, 100.0}
    )


def test_what_cannot_be_scored_is_said(faces, networks, tmp_path):
    with pytest.raises(UsageError, match="1 faces of the split test"):
        score_inversion(faces, networks, {"encoder": 1})
    with pytest.raises(NoDataError, match="sfhq_256"):
        score_inversion(tmp_path, networks, {"encoder": 2})
