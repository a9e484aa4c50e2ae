"""LPIPS, against equation 1 written once more over the tensors of the published files, and pictures pair by pair."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from mien import weights
from mien.cli import main
from mien.convert import importers
from mien.data.sources import open_source
from mien.errors import DataError, ImageError, WeightsError
from mien.metrics import pairs, perceptual
from mien.metrics.perceptual import Perceptual
from mien.metrics.pictures import psnr, ssim

#: Number of each convolution in torchvision's files, numbers in, numbers out, kernel, stride, padding; size and stride of each pooling;
#: a star after each layer that counts.
ALEXNET = [
    *((0, 3, 64, 11, 4, 2), "*", (3, 2), (3, 64, 192, 5, 1, 2), "*", (3, 2)),
    *((6, 192, 384, 3, 1, 1), "*", (8, 384, 256, 3, 1, 1), "*", (10, 256, 256, 3, 1, 1), "*"),
]
VGG16 = [
    *((0, 3, 64, 3, 1, 1), (2, 64, 64, 3, 1, 1), "*", (2, 2)),
    *((5, 64, 128, 3, 1, 1), (7, 128, 128, 3, 1, 1), "*", (2, 2)),
    *((10, 128, 256, 3, 1, 1), (12, 256, 256, 3, 1, 1), (14, 256, 256, 3, 1, 1), "*", (2, 2)),
    *((17, 256, 512, 3, 1, 1), (19, 512, 512, 3, 1, 1), (21, 512, 512, 3, 1, 1), "*", (2, 2)),
    *((24, 512, 512, 3, 1, 1), (26, 512, 512, 3, 1, 1), (28, 512, 512, 3, 1, 1), "*"),
]
LAYERS = {"alexnet": ALEXNET, "vgg16": VGG16}
WIDTHS = {"alexnet": (64, 192, 384, 256, 256), "vgg16": (64, 128, 256, 512, 512)}


def trunk(name):
    """Tensors as in torchvision's file, a little of its classifier too."""
    draw, state = torch.Generator().manual_seed(3), {"classifier.6.weight": torch.ones(2, 2), "classifier.6.bias": torch.ones(2)}
    for number, rows_in, rows_out, kernel, _, _ in (layer for layer in LAYERS[name] if len(layer) == 6):
        shape = (rows_out, rows_in, kernel, kernel)
        state[f"features.{number}.weight"] = torch.randn(shape, generator=draw) * (2 / (rows_in * kernel**2)) ** 0.5
        state[f"features.{number}.bias"] = torch.randn(rows_out, generator=draw) * 0.1
    return state


def linear(name):
    """Tensors as in LPIPS's own file."""
    draw = torch.Generator().manual_seed(4)
    return {f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1, generator=draw) for i, width in enumerate(WIDTHS[name])}


def written(name, state, tops, a, b):
    """Equation 1: over layers, the mean over cells of the weighted squared distance of features of length 1."""
    mean, spread = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    both = ((torch.from_numpy(np.stack([a, b])) / 127.5 - 1 - mean) / spread).permute(0, 3, 1, 2).double()
    total, layer = 0.0, 0
    for step in LAYERS[name]:
        if step == "*":
            one, other = (x / torch.sqrt((x**2).sum(0)).clamp_min(1e-12) for x in both)
            total += ((one - other) ** 2 * tops[f"lin{layer}.model.1.weight"][0].double()).sum(0).mean()
            layer += 1
        elif len(step) == 2:
            both = F.max_pool2d(both, *step)
        else:
            number, _, _, _, stride, padding = step
            kernel, bias = (state[f"features.{number}.{part}"].double() for part in ("weight", "bias"))
            both = F.conv2d(both, kernel, bias, stride, padding).clamp_min(0)
    assert layer == 5
    return float(total)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def bring(cache, name):
    """Import a network and the layers over it, as a user does."""
    for kind, state in ((name, trunk(name)), ("lpips", linear(name))):
        torch.save(state, cache / f"{kind}.pth")
        importers.convert(kind, cache / f"{kind}.pth", cache / f"{kind}-{name}.safetensors")


def picture(seed, size=(64, 80)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_equation_1(cache, name):
    bring(cache, name)
    (network,) = perceptual.installed()
    a = picture(0)
    b = np.clip(a.astype(int) + np.random.default_rng(1).integers(-50, 50, a.shape), 0, 255).astype(np.uint8)
    expected = written(name, trunk(name), linear(name), a, b)
    assert network.name == f"LPIPS {name}" and expected > 0.01
    assert network.distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert network.distance(b, a) == pytest.approx(expected, rel=1e-4)
    assert network.distance(a, a) == 0
    assert set(weights.load(cache / f"{name}-{name}.safetensors").tensors) == {key for key in trunk(name) if key.startswith("features")}


@pytest.mark.parametrize(("name", "least"), [("alexnet", 31), ("vgg16", 16)])
def test_the_smallest_picture(cache, name, least):
    bring(cache, name)
    (network,) = perceptual.installed()
    assert network.distance(picture(0, (least, least)), picture(1, (least, least))) > 0
    with pytest.raises(ImageError, match=f"a picture of 80 x {least - 1} pixels has no LPIPS {name}: it needs at least {least} x {least}"):
        network.distance(picture(0, (least - 1, 80)), picture(1, (least - 1, 80)))


@pytest.mark.parametrize(
    ("kind", "state", "told"),
    [
        ("alexnet", lambda: trunk("vgg16"), r"does not fit Trunk: missing features\.3\.weight"),
        ("vgg16", lambda: trunk("alexnet"), r"does not fit Trunk: missing features\.2\.weight"),
        ("vgg16", lambda: trunk("vgg16") | {"features.30.weight": torch.ones(512, 512, 3, 3)}, r"unknown features\.30\.weight"),
        ("vgg16", lambda: trunk("vgg16") | {"features.5.weight": torch.ones(128, 64, 5, 5)}, r"features\.5\.weight is \(128, 64, 5, 5\)"),
        ("alexnet", lambda: trunk("alexnet") | {"features.0.bias": torch.full((64,), torch.nan)}, r"features\.0\.bias holds NaN"),
        ("lpips", lambda: trunk("alexnet"), "does not hold the linear layers of LPIPS over alexnet or vgg16"),
        ("lpips", lambda: linear("vgg16") | {"lin5.model.1.weight": torch.ones(1, 512, 1, 1)}, "does not hold the linear layers"),
        (
            "lpips",
            lambda: linear("vgg16") | {"lin2.model.1.weight": -torch.ones(1, 256, 1, 1)},
            r"lin2\.model\.1\.weight has weights below",
        ),
    ],
)
def test_other_files_are_refused_by_what_is_wrong(cache, kind, state, told):
    torch.save(state(), cache / "other.pth")
    with pytest.raises(WeightsError, match=told):
        importers.convert(kind, cache / "other.pth", cache / "out.safetensors")
    assert not (cache / "out.safetensors").exists()


def test_layers_of_another_network_are_refused_and_not_taken(cache):
    bring(cache, "alexnet")
    torch.save(linear("vgg16"), cache / "vgg.pth")
    importers.convert("lpips", cache / "vgg.pth", cache / "lpips-vgg.safetensors")
    assert [network.trunk for network in perceptual.installed()] == ["alexnet"]
    with pytest.raises(WeightsError, match="are not a network and the linear layers of LPIPS over it"):
        Perceptual(cache / "alexnet-alexnet.safetensors", cache / "lpips-vgg.safetensors")


@pytest.fixture
def mien(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        with pytest.raises(SystemExit) as end:
            main(list(words))
        return end.value.code, *capsys.readouterr()

    return run


def fill(folder, **named):
    folder.mkdir()
    for name, rgb in named.items():
        Image.fromarray(rgb).save(folder / name.replace("_", "."))


def test_folders_are_compared_by_name(mien, cache, tmp_path):
    bring(cache, "alexnet")
    one, other = picture(0), picture(1)
    fill(tmp_path / "made", a_png=one, b_png=one, odd_png=one, alone_png=one)
    fill(tmp_path / "true", a_bmp=one, b_png=other, odd_png=picture(2, (70, 80)), new_png=one)
    code, out, err = mien("score", "pictures", "made", "true", "--json")
    said = json.loads(out)
    (network,) = perceptual.installed()
    a, b = said["pictures"]
    assert (said["pairs"], a, b["name"]) == (2, {"name": "a.png", "psnr": None, "ssim": 1.0, "LPIPS alexnet": 0.0}, "b.png")
    assert (b["psnr"], b["ssim"], b["LPIPS alexnet"]) == pytest.approx((psnr(one, other), ssim(one, other), network.distance(one, other)))
    assert said["mean"]["psnr"] == pytest.approx(b["psnr"]) and said["mean"]["ssim"] == pytest.approx((1 + b["ssim"]) / 2)
    told = {problem["name"]: problem["why"] for problem in said["problems"]}
    assert code == 3 and told == {
        "alone.png": "the second set has no picture of that name",
        "new.png": "the first set has no picture of that name",
        "odd.png": "80 x 64 pixels against 80 x 70: they must be of one size",
    }
    assert err.startswith("mien: 3 not compared, the others are scored: alone.png: the second set")


def test_two_pictures_whatever_their_names_and_without_lpips(mien, cache, tmp_path):
    fill(tmp_path / "in", x_png=picture(0), y_png=picture(0) // 2)
    code, out, err = mien("score", "pictures", "in/x.png", "in/y.png", "--write", "page.md")
    assert (code, err) == (0, "page: page.md\n")
    assert f"{psnr(picture(0), picture(0) // 2):.2f}" in out and "No LPIPS: its networks are not on this machine" in " ".join(out.split())
    assert f"{ssim(picture(0), picture(0) // 2):.4f}" in (tmp_path / "page.md").read_text()
    code, out, _ = mien("score", "pictures", "in/x.png", "in/x.png", "--json")
    assert code == 0 and json.loads(out)["mean"] == {"psnr": None, "ssim": 1.0}
    assert math.isinf(pairs.score_pairs(*[pairs.opened(tmp_path / "in" / "x.png")] * 2).means()["psnr"])


def test_nothing_to_compare(tmp_path):
    fill(tmp_path / "one", a_png=picture(0), b_png=picture(0))
    fill(tmp_path / "two", c_png=picture(0), d_png=picture(0, (10, 10)))
    fill(tmp_path / "twice", a_png=picture(0), a_bmp=picture(0))
    one, two, twice = (open_source(tmp_path / name) for name in ("one", "two", "twice"))
    with pytest.raises(DataError, match=r"no pair of pictures could be compared: a\.png: the second set has no picture of that name"):
        pairs.score_pairs(one, two)
    with pytest.raises(DataError, match=r"a\.bmp and a\.png have one name but for the suffix"):
        pairs.score_pairs(one, twice)
    small = pairs.opened(tmp_path / "two" / "d.png")
    with pytest.raises(DataError, match=r"d\.png: a picture of 10 x 10 pixels has no SSIM"):
        pairs.score_pairs(small, small)
