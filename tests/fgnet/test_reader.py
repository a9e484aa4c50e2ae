"""The reader `fgnet`: what its network says of faces in photos, as tables and as maps that lie over the face."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from mien import images, registry, weights
from mien.cli import app
from mien.errors import WeightsError
from mien.faces import align, landmarks
from mien.faces.align import Square, five_points
from mien.nn import calibration, fgnet
from mien.nn.calibration import Calibration
from mien.nn.fgnet import Told
from mien.protocols import CropSpec, DetectingReader, HeatmapReader, WeightedReader
from mien.readers.fgnet import build
from mien.types import Crop, Photo

from .conftest import UNITS


@pytest.fixture
def written(made, tmp_path):
    """A reader with the weights of a small network in a file."""

    def write(name="fgnet.safetensors", calibrated=None, recipe="", **options):
        network = made(**options)
        further = calibration.stored(calibrated) if calibrated else {}
        weights.save(tmp_path / name, network.state_dict() | further, network.config, recipe=recipe)
        return build(tmp_path / name)

    return write


@pytest.fixture(scope="module")
def crops(drawn, drawn_smile):
    return [align.cut(render.photo, render.face, CropSpec()) for render in (drawn, drawn_smile)]


def told(readings):
    return np.array([[presence.probability for presence in reading.presence.values()] for reading in readings])


def test_it_is_a_reader_that_detects_and_shows_where(written, crops):
    reader = written()
    assert all(isinstance(reader, kind) for kind in (DetectingReader, HeatmapReader, WeightedReader))
    assert reader.detects == UNITS and reader.measures == frozenset()
    first, second = reader.measure(crops)
    assert first.face is crops[0].face and tuple(first.presence) == UNITS and first.emotions == {}
    assert np.isnan(first.aus.values).all(), "a score is no intensity"
    assert not np.allclose(told([first]), told([second]), atol=1e-3)
    (geometry,) = registry.reader("geometry").measure(crops[1:])
    np.testing.assert_allclose(second.angles, geometry.angles, atol=1e-6)


@pytest.mark.parametrize("mode", ["corrected", "compatible"])
def test_a_face_does_not_depend_on_its_batch(written, crops, mode):
    reader = written(mode=mode, graded=("AU12", "AU05") if mode == "corrected" else ())
    many = crops * 8
    together, alone = reader.measure(many), [reader.measure([crop])[0] for crop in many]
    np.testing.assert_allclose(told(together), told(alone), atol=1e-5)
    np.testing.assert_allclose([r.aus.values for r in together], [r.aus.values for r in alone], atol=1e-4)
    assert np.array_equal(told(together), told(reader.measure(many))), "no noise is drawn"
    assert reader.measure([]) == [] == reader.heatmaps([])


def test_a_published_network_decides_as_published(written, crops, monkeypatch):
    reader = written(mode="compatible", outputs=32)
    scores = [fgnet.scores(torch.from_numpy(np.stack([*maps.values()]))[None])[0] for maps in reader.heatmaps(crops)]
    for reading, found in zip(reader.measure(crops), scores, strict=True):
        for presence, score in zip(reading.presence.values(), found.tolist(), strict=True):
            assert presence.probability == pytest.approx((score + 1) / 2, abs=1e-6) and presence.present == (score > 0)
            assert math.isnan(presence.spread)
    nothing = Told(torch.zeros(1, 4, 16, 16), torch.zeros(1, 0))
    monkeypatch.setattr(fgnet, "read", lambda network, pictures: nothing)
    assert not any(presence.present for presence in reader.measure(crops[:1])[0].presence.values()), "present above 0 alone"


def test_a_trained_one_by_its_calibration(written, crops):
    held = Calibration(torch.tensor([3.0, 2.0, 1.0, 9.0]), torch.tensor([0.5, -1.0, 0.0, 2.0]), torch.tensor([0.0, 1.0, 0.4, 0.9]))
    plain, reader = written(mode="compatible"), written("other.safetensors", held, mode="compatible")
    scores = torch.from_numpy(2 * told(plain.measure(crops)) - 1).float()
    readings = reader.measure(crops)
    np.testing.assert_allclose(told(readings), torch.sigmoid(held.slope * scores + held.offset), atol=1e-5)
    present = np.array([[presence.present for presence in reading.presence.values()] for reading in readings])
    assert present[:, 0].all() and not present[:, 1].any() and np.array_equal(present, told(readings) >= held.threshold.numpy())


def test_intensities_where_the_network_tells_them(written, made, crops, monkeypatch):
    reader = written(graded=("AU12", "AU27"))
    assert reader.measures == {"AU12L", "AU12R", "AU27"}
    monkeypatch.setattr(fgnet, "read", lambda network, pictures: Told(torch.zeros(1, 4, 16, 16), torch.tensor([[2.5, 4.0]])))
    (reading,) = reader.measure(crops[:1])
    assert (reading.aus["AU12L"], reading.aus["AU12R"], reading.aus["AU27"]) == (2.5, 2.5, 4.0)
    assert np.isnan(reading.aus["AU01"]) and np.isfinite(reading.aus.values).sum() == 3


def test_a_mirrored_photo_shows_the_same(written, crops, drawn_smile):
    """Of a corrected network; a published one has never seen that left and right are alike."""
    mirror = Photo(np.ascontiguousarray(drawn_smile.photo.rgb[:, ::-1]))
    (face,) = landmarks.find(mirror)
    (own,) = landmarks.find(drawn_smile.photo)
    pair = [align.cut(photo, found, CropSpec()) for photo, found in ((drawn_smile.photo, own), (mirror, face))]
    apart = {}
    for mode in ("corrected", "compatible"):
        one, other = told(written(mode=mode).measure(pair))
        apart[mode] = np.abs(one - other).max()
    assert apart["corrected"] < 0.02 < apart["compatible"]


def test_maps_lie_over_what_they_show(written, drawn, monkeypatch):
    """A network that sees brightness, and a photo with a bright spot."""
    reader, photo = written(), drawn.photo.rgb // 4
    x, y = drawn.face.landmarks[291, :2].round().astype(int)
    photo[y - 6 : y + 7, x - 6 : x + 7] = 255

    def bright(network, pictures):
        return Told(torch.nn.functional.adaptive_avg_pool2d(pictures.mean(1, keepdim=True), 16).expand(-1, 4, -1, -1), torch.zeros(1, 0))

    monkeypatch.setattr(fgnet, "read", bright)
    crop = align.cut(Photo(photo), drawn.face, CropSpec())
    (maps,) = reader.heatmaps([crop])
    assert tuple(maps) == UNITS and maps["AU12"].shape == (16, 16) and maps["AU12"].dtype == np.float32
    row, column = np.unravel_index(maps["AU12"].argmax(), (16, 16))
    square = reader.placed(crop)
    there = square.to_photo(16) @ [column, row, 1]
    assert np.abs(there[:2] - [x, y]).max() < 2 * square.half / 16
    ours = Square.of_five(five_points(drawn.face.landmarks.astype(np.float64)))
    assert square.half == pytest.approx(ours.half, rel=0.05) and square.x == pytest.approx(ours.x, abs=0.05 * ours.half)


def test_a_part_of_a_photo_is_read_as_the_photo(written, drawn, crops):
    """Whatever the size of a photo, and wherever the face is: FG-Net's script reads one file of 256 pixels that was framed before."""
    reader = written()
    whole = Crop(drawn.photo.rgb, np.eye(3), drawn.face)
    np.testing.assert_allclose(told(reader.measure([whole])), told(reader.measure(crops[:1])), atol=2e-3)
    wide = np.pad(drawn.photo.rgb, ((40, 40), (90, 10), (0, 0)), "edge")
    (face,) = landmarks.find(Photo(wide))
    np.testing.assert_allclose(told(reader.measure([align.cut(Photo(wide), face, CropSpec())])), told(reader.measure([whole])), atol=0.05)


def test_its_weights_are_named_imported_or_missed(written, tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "assets", lambda: tmp_path / "assets")
    with pytest.raises(WeightsError, match=r"no weights of FG-Net .* import fgnet model.pth --encoder encoder.pt` .* `mien train fgnet`"):
        build()
    reader = written("cache/fgnet-disfa.safetensors", recipe='corpus = "DISFA"\nfold = 2\n')
    assert build().path == reader.path == tmp_path / "cache" / "fgnet-disfa.safetensors" and "fold = 2" in build().recipe
    weights.save(tmp_path / "e4e.safetensors", {"a": torch.ones(1)}, {"kind": "e4e"})
    with pytest.raises(WeightsError, match=r"e4e\.safetensors is no FG-Net but e4e"):
        build(tmp_path / "e4e.safetensors")


def test_the_command(written, drawn, tmp_path):
    images.write(drawn.photo.rgb, tmp_path / "photo.png")
    images.write(np.full((90, 70, 3), 128, np.uint8), tmp_path / "nobody.png")
    path = str(written(graded=("AU12",)).path)
    files = [str(tmp_path / name) for name in ("photo.png", "nobody.png")]
    words = ["read", *files, "--reader", "fgnet", "--weights", path, "-o", str(tmp_path / "out.csv"), "--plot", str(tmp_path / "plots")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out.csv")
    columns = [column for column in table if column.endswith(("_p", "_c"))]
    assert columns == [f"{unit}_{what}" for unit in UNITS for what in "pc"]
    assert table[columns].iloc[0].between(0, 1).all() and table[columns].iloc[1].isna().all()
    assert 0 <= table["AU12"][0] <= 5 and table["AU01"].isna().all()
    assert list((tmp_path / "plots").glob("photo*.png"))
