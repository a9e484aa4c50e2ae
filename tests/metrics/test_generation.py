"""Sets of pictures against sets of pictures: what is read, remembered and told."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from mien.data.problems import Problem
from mien.data.sources import open_source
from mien.errors import DataError
from mien.metrics import features, frechet, generation, kernel, manifold
from mien.metrics.features import Features, LandmarkCode, squared
from mien.metrics.generation import score_generation


class Means:
    """Features that anyone can compute: the mean of each channel, left and right."""

    name, width = "means of channels, left and right", 6

    def prepared(self, rgb):
        return squared(rgb, 16)

    def features(self, pictures):
        halves = pictures.astype(np.float64).reshape(len(pictures), 16, 2, 8, 3)
        return halves.mean(axis=(1, 3)).reshape(len(pictures), 6)


@dataclass
class Drawn:
    """A source of pictures from memory; number `broken` cannot be decoded."""

    pictures: list
    broken: int = -1
    problems: tuple = ()

    @property
    def names(self):
        return [f"{i}.png" for i in range(len(self.pictures))]

    def __len__(self):
        return len(self.pictures)

    def read(self, index):
        if index == self.broken:
            raise DataError(f"{index}.png: the picture is damaged")
        return self.pictures[index]

    def stamp(self, index):
        return str(index)


def pictures(seed, n=90, size=16, bright=0):
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 160, (n, 1, 2, 1, 3))
    noise = rng.integers(0, 30, (n, size, 2, size // 2, 3))
    return list((base + noise + bright).astype(np.uint8).reshape(n, size, size, 3))


def test_numbers_are_those_of_the_features_of_all_pictures():
    real, fake = pictures(0), pictures(1, n=70, bright=25)
    found = score_generation(Drawn(real), Drawn(fake), Means(), seed=5)
    a, b = Means().features(np.stack(real)), Means().features(np.stack(fake))
    expected = frechet.gaussian_distance(a.mean(0), np.cov(a.T), b.mean(0), np.cov(b.T))
    assert found.fid == pytest.approx(expected)
    assert found.kid == kernel.distance(a, b, seed=5).mean
    assert (found.precision, found.recall) == (manifold.cover(a, b).precision, manifold.cover(a, b).recall)
    assert (found.features, found.width, found.real, found.fake) == (Means.name, 6, 90, 70)
    assert found.notes == found.problems == ()


def test_a_set_against_itself():
    found = score_generation(Drawn(pictures(0)), Drawn(pictures(0)), Means())
    assert found.fid < 1e-9 and (found.precision, found.recall) == (1, 1)
    assert abs(found.kid) < 3 * found.kid_spread


def test_more_pictures_than_are_kept(monkeypatch):
    """The Frechet distance still takes in all; what is kept is drawn evenly from all, not from the first."""
    many = [np.full((16, 16, 3), value, np.uint8) for value in range(250)]
    monkeypatch.setattr(generation, "KEPT", 50)
    found = score_generation(Drawn(many), Drawn(many), Means())
    assert found.fid < 1e-6 and found.real == 250
    assert found.notes == ("KID, precision and recall are on at most 50 pictures of each kind, drawn evenly.",)
    means = []
    for seed in range(40):
        seen = generation._Seen(6, seed)
        seen.add(Means().features(np.stack(many)))
        assert seen.kept.shape == (50, 6)
        means.append(seen.kept[:, 0].mean())
    assert np.mean(means) == pytest.approx(124.5, abs=4 * np.std(means) / np.sqrt(len(means)))


def test_memory_does_not_grow_with_the_number_of_pictures():
    """A picture is forgotten once it is seen: no more than a batch is alive."""
    alive, most = 0, 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= self.base is None

    class Endless(Drawn):
        def read(self, index):
            nonlocal alive, most
            picture = np.ndarray.__new__(Counted, (16, 16, 3), np.uint8)
            picture[:] = index % 200
            alive += 1
            most = max(most, alive)
            return picture

    score_generation(Endless([None] * 500), Endless([None] * 500), Means())
    assert most <= generation._BATCH + 1


def test_what_cannot_be_read_is_listed(tmp_path):
    found = score_generation(Drawn(pictures(0), broken=3, problems=(Problem("x.png", "the file is empty"),)), Drawn(pictures(1)), Means())
    assert found.problems == (Problem("x.png", "the file is empty"), Problem("3.png", "the picture is damaged"))
    assert found.real == 89
    with pytest.raises(DataError, match=r"3 fake pictures can be read: at least 4 are needed; 0\.png: the picture is damaged"):
        score_generation(Drawn(pictures(0)), Drawn(pictures(1, n=4), broken=0), Means())


def test_few_pictures_and_other_sizes_are_told():
    found = score_generation(Drawn(pictures(0, n=6)), Drawn(pictures(1, n=8, size=32)), Means())
    few, sizes = found.notes
    assert few.startswith("6 pictures are few for 6 features, not even enough for a covariance: FID is too high")
    (few,) = score_generation(Drawn(pictures(0, n=90)), Drawn(pictures(1, n=59)), Means()).notes
    assert few.startswith("59 pictures are few for 6 features: FID is too high")
    assert sizes == "Real pictures are 16 x 16, fake ones 32 x 32: how they were resized moves all numbers."


def test_pictures_shrink_without_aliasing():
    stripes = np.zeros((60, 60, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.ptp(squared(stripes, 15)) == 0 and squared(stripes, 15)[0, 0, 0] == 100
    assert squared(stripes[:8, :8], 15).shape == (15, 15, 3)


def test_the_bundled_features(drawn, drawn_smile):
    network = features.bundled()
    assert isinstance(network, Features) and isinstance(network, LandmarkCode)
    faces = np.stack([network.prepared(face.photo.rgb) for face in (drawn, drawn_smile)])
    codes = network.features(faces)
    assert codes.shape == (2, network.width) and codes.dtype == np.float64 and str(network.width) in network.name
    np.testing.assert_allclose(network.features(np.concatenate([faces] * 20))[-1], codes[1], atol=1e-4)
    near = network.features(np.clip(faces.astype(int) + 3, 0, 255).astype(np.uint8))
    assert np.linalg.norm(near[0] - codes[0]) < 0.3 * np.linalg.norm(codes[1] - codes[0])
    assert network.features(faces[:0]).shape == (0, network.width)


def test_folders_of_pictures(tmp_path):
    for kind, seed in (("real", 0), ("fake", 1)):
        (tmp_path / kind).mkdir()
        for i, picture in enumerate(pictures(seed, n=8)):
            Image.fromarray(picture).save(tmp_path / kind / f"{i}.png")
    found = score_generation(open_source(tmp_path / "real"), open_source(tmp_path / "fake"), Means())
    assert found.fid == pytest.approx(score_generation(Drawn(pictures(0, n=8)), Drawn(pictures(1, n=8)), Means()).fid)
