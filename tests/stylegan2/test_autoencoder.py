"""The recipe `autoencoder`: all of it learns, judges rest meanwhile, stopped equals never stopped, and what it leaves is read."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien import images, weights
from mien.data.expressions import AXES, open_expressions
from mien.data.pairs import Pairs
from mien.data.squares import open_squares
from mien.data.synth.making import Settings, make
from mien.errors import UsageError
from mien.generators.stylegan import StyleGAN
from mien.geometry.fitting.measured import MIRRORED
from mien.inversion import choosing
from mien.nn import encoders, mapper
from mien.nn.stylegan2 import fingerprint
from mien.recipes.autoencoder import AutoencoderConfig, train
from mien.training import RunOptions


@pytest.fixture(scope="module")
def photos(tmp_path_factory, drawn, drawn_smile):
    """Two drawn people."""
    where = tmp_path_factory.mktemp("photos")
    for name, head in (("0", drawn), ("1", drawn_smile)):
        images.write(head.photo.rgb, where / f"{name}.png")
    return where


@pytest.fixture(scope="module")
def variants(tmp_path_factory, photos):
    """Each with four expressions; the first of the two validates."""
    folder = tmp_path_factory.mktemp("made") / "variants"
    make(folder, Settings(8, 64, photos=str(photos)), workers=1)
    return folder


@pytest.fixture(scope="module")
def little(tmp_path_factory, photos):
    """The two as photos that are read in no time."""
    where = tmp_path_factory.mktemp("little")
    for path in photos.iterdir():
        images.write(cv2.resize(images.read(path).rgb, (48, 48), interpolation=cv2.INTER_AREA), where / path.name)
    return where


@pytest.fixture(scope="module")
def small(little, variants):
    """Options of a run of seconds, whose second half is judged."""
    return AutoencoderConfig(
        data=little, variants=variants, size=32, width=8, most=16, code=8, depth=2, encoder=8, steps=4, batch=4, contest_from=0.5,
        single=0.25, whole=0.5, options=RunOptions(workers=0, every=2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """What such a run leaves."""
    return train(replace(small, out=tmp_path_factory.mktemp("whole") / "run")).parent


def told(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_to_draw_again_what_it_saw(small, tmp_path):
    train(replace(small, out=tmp_path, steps=40, rate=0.01, contest=0.02, options=replace(small.options, every=10)))
    fidelity = [line["val_psnr"] for line in told(tmp_path) if "val_psnr" in line]
    assert len(fidelity) == 4 and fidelity[3] > fidelity[0] + 0.5, fidelity
    assert "contest" in told(tmp_path)[-2], "judged in the second half"


def test_what_it_leaves_is_a_generator_with_its_encoder_and_mapper(whole):
    generator, encoder = StyleGAN(whole / "stylegan2.safetensors"), encoders.of(weights.load(whole / "e4e.safetensors"))
    moves = mapper.of(weights.load(whole / "auclip.safetensors"))
    assert (generator.size, generator.network.rows, generator.network.code) == (32, 8, 8)
    with torch.inference_mode():
        codes = encoder(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1)
        change = torch.eye(len(AXES))[:2]
        still, moved = (moves.move(codes, steps) - codes for steps in (0 * change, change))
    assert codes.shape == (2, 8, 8) and not torch.equal(codes[:, 0], codes[:, 1]), "rows have something of their own"
    assert 0 < moves.limit < 10 * float(moved.abs().max()) * moved[0].numel() ** 0.5
    assert moves.units == AXES and not still.any() and bool(moved.abs().sum(2).min() > 0)
    assert not np.array_equal(*generator.sample([0, 1]))
    known = choosing.files(whole / "stylegan2.safetensors")
    assert (known.encoder, known.mapper) == (whole / "e4e.safetensors", whole / "auclip.safetensors")
    assert weights.made_for(known.encoder) == weights.made_for(known.mapper) == fingerprint(generator.network)
    assert images.read(whole / "samples" / "faces-00000004.png").rgb.shape == (10 * 32, 8 * 32, 3)


def test_stopped_and_resumed_equals_never_stopped(small, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "parts")
    files = ("step-00000004.ckpt", "stylegan2.safetensors", "e4e.safetensors", "auclip.safetensors")
    for name in files:
        (tmp_path / "parts" / name).unlink()
    train(replace(small, out=tmp_path / "parts"))
    for name in files:
        one, other = (load_file(run / name) for run in (whole, tmp_path / "parts"))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    name = "together.network.generator.conv1.conv.weight"
    before, after = (load_file(whole / f"step-0000000{step}.ckpt")[name] for step in (2, 4))
    assert not torch.equal(before, after), "the comparison can fail"


def test_pairs_are_their_own_and_mirrored_with_their_sides(photos, variants):
    faces = open_expressions(variants, "train")
    pairs, again = (Pairs(open_squares(photos, 32, flips=False, seed=0), faces, 32, seed=1) for _ in range(2))
    known = [faces.picture(index, 32) for index in range(len(faces))]
    mirrored = 0
    for number in range(40):
        pair = pairs[number]
        if not (plain := [n for n, picture in enumerate(known) if torch.equal(picture, pair.before)]):
            mirrored += 1
            before, after, change = pair.before.flip(2), pair.after.flip(2), pair.change[MIRRORED]
            plain = [n for n, picture in enumerate(known) if torch.equal(picture, before)]
        else:
            after, change = pair.after, pair.change
        (other,) = [n for n, picture in enumerate(known) if torch.equal(picture, after)]
        assert other != plain[0] and np.allclose(change, faces.shown[other] - faces.shown[plain[0]])
    assert 8 < mirrored < 32
    assert all(torch.equal(one, same) for one, same in zip(pairs[7], again[7], strict=True))


def test_a_folder_of_variants_has_the_splits_of_its_photos(tmp_path, drawn):
    """A crop set of four pictures of one drawn face, two of them to validate."""
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn.photo.rgb, cv2.COLOR_RGB2BGR))[1].ravel()
    np.savez(
        tmp_path / "crops.npz", jpeg_bytes=np.tile(jpeg, 4), jpeg_offset=len(jpeg) * np.arange(5), label=np.zeros(4, np.int8),
        label_names=np.array(["none"]), landmarks5=np.zeros((4, 5, 2), np.float32), split=np.array([0, 1, 0, 1], np.uint8),
        split_names=np.array(["train", "val"]), subject=np.arange(4).astype(str),
    )  # fmt: skip
    make(tmp_path / "variants", Settings(8, 64, photos=str(tmp_path / "crops.npz")), workers=1)
    learned, unseen = (open_squares(tmp_path / "variants", 64, flips=False, seed=0, split=split) for split in ("train", "val"))
    assert (len(learned), len(unseen)) == (4, 4)
    whole = open_squares(tmp_path / "variants" / "000000.tar", 64, flips=False, seed=0)
    assert [n for n in range(8) if any(np.array_equal(whole.picture(n), unseen.picture(m)) for m in range(4))] == [2, 3, 6, 7]


@pytest.mark.parametrize(
    ("asked", "word"), [({"size": 48}, "size = 48"), ({"single": 0.5, "whole": 0.2}, "whole = 0.2"), ({"batch": 6}, "batch = 6")]
)
def test_options_that_cannot_be_are_refused(small, asked, word):
    with pytest.raises(UsageError, match=word):
        replace(small, **asked)
