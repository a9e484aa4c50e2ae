"""FID's Inception, against a second writing of it: one straight line of functions over the tensors of the published file."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from mien import weights
from mien.cli import main
from mien.convert import importers
from mien.errors import UsageError, WeightsError
from mien.metrics import features, inception
from mien.metrics.features import Features, LandmarkCode
from mien.metrics.inception import InceptionCode, resized
from mien.nn.inception import Inception

#: Name of each convolution -> numbers in, numbers out, rows and columns of its kernel: the tensors of the published file.
BLOCK_5 = {"branch1x1": 64, "branch5x5_1": 48, "branch5x5_2": (48, 64, 5, 5), "branch3x3dbl_1": 64} | {
    "branch3x3dbl_2": (64, 96, 3, 3),
    "branch3x3dbl_3": (96, 96, 3, 3),
}


def published(seed=0):
    """Tensors under the names and in the shapes of ``pt_inception-2015-12-05-6726825d.pth``, filled at random."""
    draw = torch.Generator().manual_seed(seed)
    state = {}

    def add(name, rows_in, rows_out, high, wide):
        spread = (2 / (rows_in * high * wide)) ** 0.5
        state[f"{name}.conv.weight"] = torch.randn(rows_out, rows_in, high, wide, generator=draw) * spread
        state[f"{name}.bn.weight"] = torch.rand(rows_out, generator=draw) + 0.5
        state[f"{name}.bn.bias"] = torch.randn(rows_out, generator=draw) * 0.2
        state[f"{name}.bn.running_mean"] = torch.randn(rows_out, generator=draw) * 0.2
        state[f"{name}.bn.running_var"] = torch.rand(rows_out, generator=draw) + 0.5

    def block(name, rows_in, **convolutions):
        for part, shape in convolutions.items():
            add(f"{name}.{part}", *((rows_in, shape, 1, 1) if isinstance(shape, int) else shape))

    stem = {
        "1a_3x3": (3, 32, 3, 3),
        "2a_3x3": (32, 32, 3, 3),
        "2b_3x3": (32, 64, 3, 3),
        "3b_1x1": (64, 80, 1, 1),
        "4a_3x3": (80, 192, 3, 3),
    }
    for name, shape in stem.items():
        add(f"Conv2d_{name}", *shape)
    for letter, rows_in, pooled in (("b", 192, 32), ("c", 256, 64), ("d", 288, 64)):
        block(f"Mixed_5{letter}", rows_in, **BLOCK_5, branch_pool=pooled)
    down = {"branch3x3dbl_1": 64, "branch3x3dbl_2": (64, 96, 3, 3), "branch3x3dbl_3": (96, 96, 3, 3)}
    block("Mixed_6a", 288, branch3x3=(288, 384, 3, 3), **down)
    for letter, n in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
        single = {"branch7x7_1": n, "branch7x7_2": (n, n, 1, 7), "branch7x7_3": (n, 192, 7, 1)}
        double = {"branch7x7dbl_1": n, "branch7x7dbl_2": (n, n, 7, 1), "branch7x7dbl_3": (n, n, 1, 7)}
        double |= {"branch7x7dbl_4": (n, n, 7, 1), "branch7x7dbl_5": (n, 192, 1, 7)}
        block(f"Mixed_6{letter}", 768, branch1x1=192, **single, **double, branch_pool=192)
    sevens = {"branch7x7x3_1": 192, "branch7x7x3_2": (192, 192, 1, 7), "branch7x7x3_3": (192, 192, 7, 1)}
    sevens |= {"branch7x7x3_4": (192, 192, 3, 3)}
    block("Mixed_7a", 768, branch3x3_1=192, branch3x3_2=(192, 320, 3, 3), **sevens)
    for letter, rows_in in (("b", 1280), ("c", 2048)):
        single = {"branch3x3_1": 384, "branch3x3_2a": (384, 384, 1, 3), "branch3x3_2b": (384, 384, 3, 1)}
        double = {"branch3x3dbl_1": 448, "branch3x3dbl_2": (448, 384, 3, 3)}
        double |= {"branch3x3dbl_3a": (384, 384, 1, 3), "branch3x3dbl_3b": (384, 384, 3, 1)}
        block(f"Mixed_7{letter}", rows_in, branch1x1=320, **single, **double, branch_pool=192)
    return state | {"fc.weight": torch.randn(1008, 2048, generator=draw), "fc.bias": torch.zeros(1008)}


class Written:
    """The network once more; notes which tensors it used and what came out of each block."""

    def __init__(self, state):
        self.state, self.used, self.blocks = state, set(), {}

    def conv(self, x, name, stride=1, padding=(0, 0)):
        names = [f"{name}.{part}" for part in ("conv.weight", "bn.running_mean", "bn.running_var", "bn.weight", "bn.bias")]
        self.used.update(names)
        kernel, mean, variance, gain, shift = (self.state[n].double() for n in names)
        x = F.conv2d(x, kernel, None, stride, padding)
        column = lambda v: v[None, :, None, None]  # noqa: E731
        return F.relu((x - column(mean)) / column(variance + 1e-3).sqrt() * column(gain) + column(shift))

    def average(self, x):
        """The mean of the up to nine cells around each that are inside."""
        cells = torch.ones_like(x[:1, :1])
        window = lambda y: F.avg_pool2d(F.pad(y, (1, 1, 1, 1)), 3, 1) * 9  # noqa: E731
        return window(x) / window(cells)

    def chain(self, x, *steps):
        for name, padding in steps:
            x = self.conv(x, name, 1, padding)
        return x

    def five(self, x, b):
        return [
            self.conv(x, f"{b}.branch1x1"),
            self.chain(x, (f"{b}.branch5x5_1", 0), (f"{b}.branch5x5_2", 2)),
            self.chain(x, (f"{b}.branch3x3dbl_1", 0), (f"{b}.branch3x3dbl_2", 1), (f"{b}.branch3x3dbl_3", 1)),
            self.conv(self.average(x), f"{b}.branch_pool"),
        ]

    def six(self, x, b):
        across, down, both = (0, 3), (3, 0), f"{b}.branch7x7"
        return [
            self.conv(x, f"{b}.branch1x1"),
            self.chain(x, (f"{both}_1", 0), (f"{both}_2", across), (f"{both}_3", down)),
            self.chain(x, *((f"{both}dbl_{i}", p) for i, p in enumerate((0, down, across, down, across), 1))),
            self.conv(self.average(x), f"{b}.branch_pool"),
        ]

    def seven(self, x, b, pooled):
        one = self.conv(x, f"{b}.branch3x3_1")
        two = self.chain(x, (f"{b}.branch3x3dbl_1", 0), (f"{b}.branch3x3dbl_2", 1))
        return [
            self.conv(x, f"{b}.branch1x1"),
            self.conv(one, f"{b}.branch3x3_2a", padding=(0, 1)),
            self.conv(one, f"{b}.branch3x3_2b", padding=(1, 0)),
            self.conv(two, f"{b}.branch3x3dbl_3a", padding=(0, 1)),
            self.conv(two, f"{b}.branch3x3dbl_3b", padding=(1, 0)),
            self.conv(pooled, f"{b}.branch_pool"),
        ]

    def __call__(self, x):
        x = self.conv(self.conv(x, "Conv2d_1a_3x3", 2), "Conv2d_2a_3x3")
        x = F.max_pool2d(self.conv(x, "Conv2d_2b_3x3", padding=1), 3, 2)
        x = F.max_pool2d(self.conv(self.conv(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"), 3, 2)
        for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            x = self.note(name, self.five(x, name))
        double = self.chain(x, ("Mixed_6a.branch3x3dbl_1", 0), ("Mixed_6a.branch3x3dbl_2", 1))
        halves = [self.conv(x, "Mixed_6a.branch3x3", 2), self.conv(double, "Mixed_6a.branch3x3dbl_3", 2), F.max_pool2d(x, 3, 2)]
        x = self.note("Mixed_6a", halves)
        for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            x = self.note(name, self.six(x, name))
        three = self.conv(self.conv(x, "Mixed_7a.branch3x3_1"), "Mixed_7a.branch3x3_2", 2)
        seven = self.chain(x, *((f"Mixed_7a.branch7x7x3_{i}", p) for i, p in ((1, 0), (2, (0, 3)), (3, (3, 0)))))
        x = self.note("Mixed_7a", [three, self.conv(seven, "Mixed_7a.branch7x7x3_4", 2), F.max_pool2d(x, 3, 2)])
        x = self.note("Mixed_7b", self.seven(x, "Mixed_7b", self.average(x)))
        largest = F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=-np.inf), 3, 1)
        x = self.note("Mixed_7c", self.seven(x, "Mixed_7c", largest))
        return x.mean((2, 3))

    def note(self, name, branches):
        self.blocks[name] = torch.cat(branches, 1)
        return self.blocks[name]


@pytest.fixture(scope="module")
def state():
    return published()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def imported(cache, state):
    torch.save(state, cache / "pt_inception.pth")
    importers.convert("inception", cache / "pt_inception.pth", cache / "inception-fid.safetensors")
    return cache / "inception-fid.safetensors"


def test_every_block_is_that_of_the_second_writing_and_every_tensor_is_used(state, imported):
    network, second, seen = weights.fill(Inception(), weights.load(imported)), Written(state), {}
    for name, block in network.named_children():
        block.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out}))
    pictures = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        codes, expected = network(pictures), second(pictures.double())
    assert second.used | {"fc.weight", "fc.bias"} == set(state)
    for name, block in second.blocks.items():
        torch.testing.assert_close(seen[name].double(), block, rtol=1e-4, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}")
    torch.testing.assert_close(codes.double(), expected, rtol=1e-4, atol=1e-4)
    rgb = ((pictures[0].permute(1, 2, 0) + 1) * 127).byte().numpy()
    code = InceptionCode(imported)
    with torch.inference_mode():
        shown = second((torch.from_numpy(rgb).permute(2, 0, 1)[None].double() - 128) / 128)
    assert code.features(code.prepared(rgb)[None]) == pytest.approx(shown.numpy(), rel=1e-4, abs=1e-4)
    assert code.features(code.prepared(rgb)[None][:0]).shape == (0, 2048)


def test_pictures_are_resized_as_tensorflow_1_did():
    """Pixel i of the result is at i * extent / size: the first is the first, and nothing is averaged where a picture shrinks."""
    rgb = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    small, large = resized(rgb, 10), resized(rgb, 299)
    np.testing.assert_array_equal(small, rgb[::4, ::3])
    np.testing.assert_array_equal(resized(rgb[:, :30, :][:30], 30), rgb[:30])
    for y, x in ((0, 0), (7, 250), (298, 298), (150, 31)):
        v, u = y * 40 / 299, x * 30 / 299
        top, left = int(v), int(u)
        dy, dx = v - top, u - left
        cell = rgb[np.ix_([top, min(top + 1, 39)], [left, min(left + 1, 29)])].astype(float)
        expected = np.einsum("i,j,ijc->c", [1 - dy, dy], [1 - dx, dx], cell)
        np.testing.assert_allclose(large[y, x], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: {"layer.weight": torch.ones(3)}, "is not FID's Inception of 2015-12-05: it has no fc.weight"),
        (lambda s: s | {"fc.weight": torch.ones(1000, 2048), "fc.bias": torch.ones(1000)}, r"its fc\.weight is \(1000, 2048\)"),
        (lambda s: {k: v for k, v in s.items() if "6c.branch7x7_2" not in k}, r"missing Mixed_6c\.branch7x7_2\.conv\.weight"),
        (lambda s: s | {"AuxLogits.conv0.conv.weight": torch.ones(2)}, r"unknown AuxLogits\.conv0\.conv\.weight"),
        (lambda s: s | {"Mixed_7c.branch_pool.conv.weight": torch.ones(192, 1280, 1, 1)}, r"is \(192, 1280, 1, 1\), the network needs"),
        (lambda s: s | {"Conv2d_1a_3x3.bn.bias": torch.full((32,), torch.nan)}, r"Conv2d_1a_3x3\.bn\.bias holds NaN"),
    ],
)
def test_other_networks_are_refused_by_what_is_wrong(cache, state, change, told):
    torch.save(change(state), cache / "other.pth")
    with pytest.raises(WeightsError, match=told):
        importers.convert("inception", cache / "other.pth", cache / "out.safetensors")
    assert not (cache / "out.safetensors").exists()


def test_counts_of_batches_may_be_there(cache, state):
    """Files of torch 0.4.1 and later have them."""
    counted = {f"{name.removesuffix('weight')}num_batches_tracked": torch.tensor(7) for name in state if name.endswith("bn.weight")}
    torch.save(state | counted, cache / "counted.pth")
    importers.convert("inception", cache / "counted.pth", cache / "out.safetensors")
    assert len(weights.load(cache / "out.safetensors").tensors) == 6 * 94


def test_it_is_chosen_where_it_was_imported(imported, drawn, drawn_smile, tmp_path, capsys):
    chosen = features.chosen()
    assert isinstance(chosen, Features) and isinstance(chosen, InceptionCode) and chosen is features.chosen("inception")
    assert isinstance(features.chosen("landmarks"), LandmarkCode)
    for kind, rgb in (("real", drawn.photo.rgb), ("fake", drawn_smile.photo.rgb[:300])):
        (tmp_path / kind).mkdir()
        for i in range(4):
            Image.fromarray(np.roll(rgb, 9 * i, axis=1)).save(tmp_path / kind / f"{i}.png")
    with pytest.raises(SystemExit) as end:
        main(["score", "fid", str(tmp_path / "real"), str(tmp_path / "fake"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert end.value.code == 0 and said["features"] == InceptionCode.name and said["width"] == 2048 and said["fid"] > 0
    assert any("384 x 384, fake ones 384 x 300" in line for line in said["notes"])
    imported.unlink()
    assert isinstance(features.chosen(), LandmarkCode)


def test_what_is_not_there_is_told(cache):
    with pytest.raises(WeightsError, match="mien weights get inception-fid"):
        features.chosen("inception")
    with pytest.raises(UsageError, match="did you mean 'inception'"):
        features.chosen("incepton")
    weights.save(cache / "a.safetensors", {"x": torch.ones(1)}, {"kind": "tensors"})
    assert inception.installed() == []
