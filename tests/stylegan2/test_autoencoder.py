"""The recipe `autoencoder`: both halves learn, judges rest meanwhile, stopped equals never stopped, and what it leaves is read."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien import images, weights
from mien.data.squares import open_squares
from mien.data.synth.making import Settings, make
from mien.errors import UsageError
from mien.generators.stylegan import StyleGAN
from mien.nn import encoders
from mien.recipes.autoencoder import AutoencoderConfig, Faces, train
from mien.training import RunOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve pictures of one colour each, darker to one side."""
    where, draw = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    light = np.linspace(0.3, 1, 32)[None, :, None]
    for number in range(12):
        images.write((draw.uniform(80, 255, 3) * light * np.ones((32, 1, 1))).astype(np.uint8), where / f"{number:02d}.png")
    return where


@pytest.fixture(scope="module")
def small(folder):
    """Options of a run of seconds, whose second half is judged."""
    return AutoencoderConfig(
        data=folder, size=32, width=8, most=16, code=8, depth=2, encoder=8, steps=4, batch=8, contest_from=0.5, single=0.25, whole=0.5,
        options=RunOptions(workers=0, every=2),
    )  # fmt: skip


def told(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_to_draw_again_what_it_saw(small, tmp_path):
    long = replace(small, out=tmp_path, steps=150, rate=0.01, contest=0.02, options=replace(small.options, every=50))
    train(long)
    fidelity = [line["val_psnr"] for line in told(tmp_path) if "val_psnr" in line]
    assert len(fidelity) == 3 and fidelity[-1] > fidelity[0] and fidelity[-1] > 15
    judged = [line for line in told(tmp_path) if "colours" in line]
    assert ["contest" in line for line in judged] == [False, True, True]
    assert judged[-1]["colours"] < judged[0]["colours"]


def test_what_it_leaves_is_a_generator_and_its_encoder(small, tmp_path):
    path = train(replace(small, out=tmp_path))
    generator, encoder = StyleGAN(path), encoders.of(weights.load(tmp_path / "e4e.safetensors"))
    assert (generator.size, generator.network.rows, generator.network.code) == (32, 8, 8)
    with torch.inference_mode():
        codes = encoder(torch.rand(2, 3, 32, 32) * 2 - 1)
    assert codes.shape == (2, 8, 8)
    assert not torch.equal(codes[:, 0], codes[:, 1]), "rows have something of their own"
    assert not np.array_equal(*generator.sample([0, 1]))
    sheet = images.read(tmp_path / "samples" / "faces-00000004.png").rgb
    assert sheet.shape == (7 * 32, 8 * 32, 3), "12 pictures each beside itself drawn again, then 32 made up"


def test_stopped_and_resumed_equals_never_stopped(small, tmp_path):
    whole = train(replace(small, out=tmp_path / "whole"))
    parts = replace(small, out=tmp_path / "parts")
    train(parts)
    for name in ("step-00000004.ckpt", "stylegan2.safetensors", "e4e.safetensors"):
        (tmp_path / "parts" / name).unlink()
    resumed = train(parts)
    for name in ("step-00000004.ckpt", "e4e.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("whole", "parts"))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    first, second = load_file(whole), load_file(resumed)
    assert all(torch.equal(first[key], second[key]) for key in first)
    before = load_file(tmp_path / "parts" / "step-00000002.ckpt")
    assert not torch.equal(before["halves.network.generator.conv1.conv.weight"], one_of(whole)), "the comparison can fail"


def one_of(path):
    return load_file(path.parent / "step-00000004.ckpt")["halves.network.generator.conv1.conv.weight"]


def test_variants_are_as_many_as_asked_and_samples_are_their_own(folder, tmp_path):
    images.write(np.zeros((32, 32, 3), np.uint8), tmp_path / "dark.png")
    photos, dark = (open_squares(path, 32, flips=False, seed=0) for path in (folder, tmp_path))
    for share, low, high in ((0.0, 0, 0), (0.75, 60, 90), (1.0, 100, 100)):
        faces, again = (Faces(photos, dark, share, seed=1) for _ in range(2))
        samples = [faces[number] for number in range(100)]
        assert low <= sum(bool((sample == -1).all()) for sample in samples) <= high
        assert torch.equal(again[77], samples[77])


def test_a_folder_of_variants_has_the_splits_of_its_photos(tmp_path, drawn):
    """A crop set of four pictures of one drawn face, the last one to validate."""
    import cv2

    jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn.photo.rgb, cv2.COLOR_RGB2BGR))[1].ravel()
    np.savez(
        tmp_path / "crops.npz", jpeg_bytes=np.tile(jpeg, 4), jpeg_offset=len(jpeg) * np.arange(5), label=np.zeros(4, np.int8),
        label_names=np.array(["none"]), landmarks5=np.zeros((4, 5, 2), np.float32), split=np.array([0, 1, 0, 1], np.uint8),
        split_names=np.array(["train", "val"]), subject=np.arange(4).astype(str), is_colour=np.ones(4, bool),
    )  # fmt: skip
    make(tmp_path / "variants", Settings(8, 64, photos=str(tmp_path / "crops.npz")), workers=1)
    learned, unseen = (open_squares(tmp_path / "variants", 64, flips=False, seed=0, split=split) for split in ("train", "val"))
    assert (len(learned), len(unseen)) == (4, 4)
    whole = open_squares(tmp_path / "variants" / "000000.tar", 64, flips=False, seed=0)
    assert [n for n in range(8) if any(np.array_equal(whole.picture(n), unseen.picture(m)) for m in range(4))] == [2, 3, 6, 7]


@pytest.mark.parametrize(
    ("asked", "word"), [({"size": 48}, "size = 48"), ({"single": 0.5, "whole": 0.2}, "whole = 0.2"), ({"batch": 12}, "batch = 12")]
)
def test_options_that_cannot_be_are_refused(small, asked, word):
    with pytest.raises(UsageError, match=word):
        replace(small, **asked)
