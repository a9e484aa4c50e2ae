"""How codes of photos lie: the distribution, the recipe that finds it, and faces that are drawn from it."""

import json

import cv2
import numpy as np
import pytest
import torch

import mien
from mien import weights
from mien.errors import DataError
from mien.inversion import choosing
from mien.nn import stylegan2
from mien.nn.levels import rounded, signed
from mien.nn.stylegan2.generator import drawn
from mien.nn.stylegan2.photos import fitted, kept
from mien.recipes.codes import CodesConfig, train

PHOTOS = 5


def test_codes_that_are_drawn_lie_as_those_that_were_seen():
    """A known mean and spread in 3 of 12 numbers."""
    draw = torch.Generator().manual_seed(0)
    lengths, turned = torch.tensor([3.0, 1.0, 0.5]), torch.linalg.qr(torch.randn(12, 12, generator=draw))[0][:3]
    seen = (2 + (torch.randn(4000, 3, generator=draw) * lengths) @ turned).reshape(4000, 4, 3)
    found = fitted(seen, 8)
    assert found.axes.shape == (8, 4, 3) and torch.allclose(found.axes.flatten(1).norm(dim=1)[:3], lengths, rtol=0.05)
    made = found.drawn(torch.randn(4000, 8, generator=draw)).flatten(1)
    assert torch.allclose(made.mean(0), seen.flatten(1).mean(0), atol=0.15)
    assert torch.allclose(torch.cov(made.T), torch.cov(seen.flatten(1).T), atol=0.4)
    assert torch.equal(found.drawn(torch.randn(1, 8, generator=draw), 0.0)[0], found.mean)
    few = fitted(seen, 1)
    assert kept(found, seen) == pytest.approx(1.0, abs=1e-4) and kept(few, seen) == pytest.approx(9 / 10.25, abs=0.02)


def test_which_way_an_axis_points_is_not_up_to_rounding():
    codes = torch.randn(40, 4, 3, generator=torch.Generator().manual_seed(1))
    one, other = (fitted(each, 8) for each in (codes, codes[torch.randperm(40, generator=torch.Generator().manual_seed(2))]))
    assert torch.allclose(one.axes, other.axes, atol=1e-4)


def test_few_codes_have_fewer_axes():
    assert fitted(torch.randn(4, 2, 6, generator=torch.Generator().manual_seed(0)), 6).axes.shape == (3, 2, 6)


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(PHOTOS):
        picture = cv2.resize(rng.integers(0, 255, (6, 6, 3)).astype(np.uint8), (64, 64), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), picture)
    return tmp_path / "photos"


def test_the_generators_file_is_written_again_with_them(networks, photos, tmp_path, options):
    path = train(CodesConfig(data=photos, generator=networks, out=tmp_path / "run", options=options))
    before, after = weights.load(networks), weights.load(path)
    assert set(after.tensors) - set(before.tensors) == set(stylegan2.PHOTOS) and after.config == before.config
    assert all(torch.equal(after.tensors[name], tensor) for name, tensor in before.tensors.items())
    found = stylegan2.photo_codes(after)
    assert stylegan2.photo_codes(before) is None and found is not None
    encoder = choosing.networks(choosing.files(networks)).networks.encoder
    pictures = torch.stack([signed(cv2.imread(str(photos / f"{n}.png"))[..., ::-1].copy()) for n in range(PHOTOS)])
    with torch.inference_mode():
        codes = encoder(torch.cat([pictures, pictures.flip(3)]))
    assert torch.allclose(found.mean, codes.mean(0), atol=1e-4), "mirrored photos too"
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["photos"] == PHOTOS and lines[0]["axes"] == len(found.axes) == 8


def test_faces_are_drawn_from_them(networks, photos, tmp_path, options):
    path = train(CodesConfig(data=photos, generator=networks, out=tmp_path / "run", options=options))
    network, found = stylegan2.generator(weights.load(path)), stylegan2.photo_codes(weights.load(path))
    assert found is not None
    own, other = (found.drawn(drawn([seed], network.code), 0.7) for seed in (3, 9))
    with torch.inference_mode():
        goal, mixed = (rounded(network(code)[0]) for code in (own, torch.cat([own[:, :4], other[:, 4:]], 1)))
    assert np.array_equal(mien.generate("stylegan", seed=3, truncation=0.7, weights=path).pictures[0], goal)
    assert np.array_equal(mien.generate("stylegan", seed=3, truncation=0.7, mix=(9, 4), weights=path).pictures[0], mixed)
    assert not np.array_equal(goal, mixed)
    assert not np.array_equal(mien.generate("stylegan", seed=3, truncation=0.7, weights=networks).pictures[0], goal), "else by the mapping"
    assert np.array_equal(*mien.generate("stylegan", 2, truncation=0.0, weights=path).pictures)


def test_one_photo_is_too_few(networks, photos, tmp_path, options):
    for number in range(1, PHOTOS):
        (photos / f"{number}.png").unlink()
    with pytest.raises(DataError, match="has 1 photos to learn from: give at least 2"):
        train(CodesConfig(data=photos, generator=networks, out=tmp_path / "run", options=options))
