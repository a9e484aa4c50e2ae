"""The reader over small networks, imported and trained ones: what it says follows from what the network says of what it sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mien import registry, weights
from mien.aus import AXES, mirror
from mien.data.mirror import mirrored_landmarks, mirrored_picture
from mien.data.renders import render
from mien.errors import UsageError, WeightsError
from mien.faces import align
from mien.faces.align import sample
from mien.faces.closeup import square_of
from mien.faces.landmarks import face_of
from mien.geometry import head
from mien.nn import calibration, graphau
from mien.nn.calibration import Calibration
from mien.nn.graphau import HYBRID, SIDED, GraphAU
from mien.nn.levels import signed
from mien.protocols import DetectingReader, Reader, WeightedReader
from mien.readers.graphau import GraphAUReader, build
from mien.types import CropSpec, Photo
from mien.weights import Weights

GRADED = ("AU12L", "AU12R", "AU25")


@pytest.fixture(scope="module")
def network():
    """Make one of random numbers, whose intensities lie within 0..5."""

    def make(mode="corrected", graded=GRADED, stage=1):
        shape = {"size": 64, "backbone": {"kind": "resnet", "width": 8, "blocks": (1, 1), "bottleneck": False}, "width": 12, "mode": mode}
        draw = torch.Generator().manual_seed(0)
        units = {"main": HYBRID, "sided": SIDED, "stage": stage, "neighbours": 4 if stage == 1 else 0, "graded": graded}
        with torch.random.fork_rng():
            torch.random.default_generator.manual_seed(0)
            made = GraphAU("opengraphau", {**shape, **units})
        for name, tensor in made.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.copy_(torch.randn(tensor.shape, generator=draw) * (0.02 if name.startswith("grades") else tensor[0].numel() ** -0.5))
        if made.grades is not None:
            made.grades.bias.data.fill_(0.5)
        return made.eval()

    return make


@pytest.fixture(scope="module")
def faces():
    """Three drawn faces of photos of different sizes, turned and not."""
    kinds = (((0.0, 0.0, 0.0), 160), ((4.0, 10.0, -12.0), 200), ((0.0, -15.0, 5.0), 120))
    drawn = [render(head.bundled(), angles=angles, size=size) for angles, size in kinds]
    return [align.cut(one.photo, one.face, CropSpec()) for one in drawn]


def file(network, folder, own=None, recipe=""):
    tensors = network.state_dict() | (calibration.stored(own) if own else {})
    weights.save(folder / "graphau.safetensors", tensors, network.config, recipe=recipe)
    return folder / "graphau.safetensors"


def told(network, crop):
    """What the network says of a face that is cut out by hand."""
    square = square_of(crop.face.landmarks - np.array([*crop.to_photo[:2, 2], 0]))
    with torch.inference_mode():
        return graphau.read(network, graphau.normalised(signed(sample(crop.rgb, square, 64))[None]))


def test_an_imported_network_says_how_sure_it_is_and_nothing_of_strength(network, faces, tmp_path):
    published = network("compatible", ())
    reader = build(file(published, tmp_path))
    assert isinstance(reader, DetectingReader) and isinstance(reader, WeightedReader) and reader.recipe == ""
    assert reader.detects == published.units and reader.measures == frozenset()
    for crop, reading in zip(faces, reader.measure(faces), strict=True):
        scores = told(published, crop).scores[0]
        assert np.isnan(reading.aus.values).all() and reading.emotions == {} and reading.face is crop.face
        assert list(reading.presence) == [*published.units]
        for (unit, said), score in zip(reading.presence.items(), scores.tolist(), strict=True):
            assert said.probability == pytest.approx(score, abs=1e-5) and said.present == (score >= 0.5), unit
    seen = [said.present for reading in reader.measure(faces) for said in reading.presence.values()]
    assert any(seen) and not all(seen)


def test_a_calibration_in_the_file_is_used(network, faces, tmp_path):
    trained, count = network(), len(network().units)
    own = Calibration(torch.full((count,), 3.0), torch.full((count,), -1.5), torch.linspace(0.3, 0.7, count))
    reader = build(file(trained, tmp_path, own, recipe="stage = 1\n"))
    assert reader.recipe == "stage = 1\n" and reader.path == tmp_path / "graphau.safetensors"
    (reading,) = reader.measure(faces[:1])
    for place, score in enumerate(told(trained, faces[0]).scores[0].tolist()):
        said = reading.presence[trained.units[place]]
        assert said.probability == pytest.approx(1 / (1 + np.exp(1.5 - 3 * score)), abs=1e-5)
        assert said.present == (said.probability >= 0.3 + 0.4 * place / (count - 1)) and np.isnan(said.spread)


def test_intensities_are_of_the_axes_that_were_learned(network, faces, tmp_path):
    reader = build(file(network(), tmp_path))
    assert reader.measures == set(GRADED)
    strong = told(network(), faces[1]).intensities[0].tolist()
    measured = reader.measure(faces)[1].aus
    assert [measured[axis] for axis in GRADED] == pytest.approx(strong, abs=1e-5) and min(strong) > 0 and max(strong) < 5
    assert all(np.isnan(measured[axis]) for axis in AXES if axis not in GRADED)
    whole = build(file(network(graded=("AU12", "AU17")), tmp_path))
    assert whole.measures == {"AU12L", "AU12R", "AU17"}
    measured = whole.measure(faces)[1].aus
    assert measured["AU12L"] == measured["AU12R"] == measured["AU12"]


def flat(reading):
    return np.array([*reading.aus.known.values, *reading.angles, *(said.probability for said in reading.presence.values())])


@pytest.mark.parametrize("stage", [1, 2])
def test_a_face_is_read_alike_alone_and_among_sixteen(network, faces, tmp_path, stage):
    reader = build(file(network(stage=stage), tmp_path))
    together = reader.measure([faces[place % 3] for place in range(16)])
    for place, reading in enumerate(together):
        (alone,) = reader.measure([faces[place % 3]])
        assert [said[:2] for said in alone.presence.values()] == [said[:2] for said in reading.presence.values()]  # no spread is NaN
        assert alone.aus == reading.aus and alone.angles == pytest.approx(reading.angles, abs=1e-9)
    assert np.abs(flat(together[0]) - flat(together[1])).max() > 0.05 and reader.measure([]) == []


def mirrored(crop):
    """The crop of the mirrored photo; the photo is as wide as the crop and what is left of it."""
    width = crop.rgb.shape[1] + 2 * int(crop.to_photo[0, 2])
    landmarks = mirrored_landmarks(crop.face.landmarks, width)
    return replace(crop, rgb=mirrored_picture(crop.rgb), face=face_of(landmarks, crop.face.score))


def test_a_mirrored_photo_shows_the_same_on_the_other_side(network, faces, tmp_path):
    reader = build(file(network(), tmp_path))
    for crop in faces:
        one, other = reader.measure([crop, mirrored(crop)])
        for axis in GRADED:
            assert one.aus[axis] == pytest.approx(other.aus[mirror(axis)], abs=0.02)
        for unit, said in one.presence.items():
            assert said.probability == pytest.approx(other.presence[mirror(unit)].probability, abs=0.01), unit
        assert np.abs(np.subtract(one.angles, np.multiply(other.angles, (1, -1, -1)))).max() < 1.0


def test_the_photos_size_and_where_the_face_is_do_not_matter(network, faces, tmp_path):
    """A face in a larger photo, cut with another margin."""
    reader, crop = build(file(network(), tmp_path)), faces[0]
    photo = Photo(np.pad(crop.rgb, ((30, 50), (70, 20), (0, 0)), "edge"))
    face = face_of(crop.face.landmarks - np.array([*crop.to_photo[:2, 2], 0]) + np.array([70, 30, 0]), 1.0)
    (here,), (there,) = reader.measure([crop]), reader.measure([align.cut(photo, face, CropSpec(margin=0.8))])
    assert np.abs(flat(here) - flat(there)).max() < 0.02


def test_weights_are_those_named_else_those_imported(network, tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as alone:
        alone.setattr(weights, "assets", lambda: tmp_path / "none")
        with pytest.raises(WeightsError, match=r"no weights of GraphAU are on this machine: .*import graphau FILE` or .*mien train"):
            build()
    (tmp_path / "cache").mkdir()
    path = file(network(), tmp_path / "cache")
    assert build().path == path
    other = file(network("compatible", ()), tmp_path)
    reader = registry.reader("graphau", weights=other)
    assert isinstance(reader, Reader) and reader.path == other and reader.name == "graphau"


def test_other_files_are_refused(network, tmp_path):
    with pytest.raises(WeightsError, match="no weight file at"):
        build(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match=r"is no reader of action units \(graphau, opengraphau\) but fgnet"):
        GraphAUReader(Weights({}, {"kind": "fgnet"}, tmp_path))
    wrong = Calibration(torch.ones(3), torch.ones(3), torch.ones(3))
    with pytest.raises(WeightsError, match=r"calibration\.slope has not a number for each of 41 units"):
        build(file(network(), tmp_path, wrong))
    with pytest.raises(UsageError, match="the reader graphau has no folder; it has weights"):
        registry.reader("graphau", folder=tmp_path)
