"""The redrawer: what its network says is what is done to a photo, it learns, and it goes with its generator alone."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import default_collate

from mien import images, weights
from mien.data.expressions import AXES, open_expressions
from mien.data.redrawings import Redrawing, Redrawings
from mien.errors import UsageError, WeightsError
from mien.faces.align import Square
from mien.faces.carrying import carried as carried_levels
from mien.faces.redraw import redraw
from mien.faces.redrawing import told
from mien.inversion import choosing
from mien.inversion.encoding import encoded
from mien.nn import redrawer as redrawing
from mien.nn import stylegan2
from mien.nn.mapper import LEVELS, LevelsMapper
from mien.nn.redrawer import Redrawer, Redrawn, carried, mixed, redrawn
from mien.recipes.redrawer import Lesson, RedrawerConfig, astray, train
from mien.training import launch

SIDE, CODE = 64, (10, 8)
MOVE = torch.randn(1, *CODE, generator=torch.Generator().manual_seed(0))


def smooth(seed, side=SIDE):
    """A picture without detail finer than a few pixels, -1..1."""
    draw = torch.Generator().manual_seed(seed)
    coarse = 2 * torch.rand(1, 3, 8, 8, generator=draw) - 1
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(-1, 1)


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return Redrawer(SIDE, (8, 16), 8, *CODE).eval()


@torch.inference_mode()
def test_before_it_has_learned_nothing_moves(network):
    change = network(smooth(0), smooth(1, 16), smooth(2, 16), MOVE)
    assert not change.motion.any() and not change.added.any() and float(change.known.min()) > 0.9
    assert [tuple(part.shape) for part in change] == [(1, channels, SIDE, SIDE) for channels in (2, 3, 3, 1)]


def test_pixels_are_carried_as_those_of_photos_are():
    """The network's own way, by shares of the side, is that of faces by pixels."""
    photo, (x, y) = smooth(3), torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="xy")
    motion = 0.05 * torch.stack([torch.cos(3 * y), torch.sin(2 * x)])[None]
    there = carried_levels(photo[0].permute(1, 2, 0).numpy(), (SIDE * motion[0]).permute(1, 2, 0).numpy())
    inner = (slice(None), slice(6, -6), slice(6, -6))
    assert torch.allclose(carried(photo, motion)[0][inner], torch.from_numpy(there).permute(2, 0, 1)[inner], atol=0.06)
    assert not torch.allclose(photo[0][inner], torch.from_numpy(there).permute(2, 0, 1)[inner], atol=0.3), "the comparison can fail"


def test_a_change_is_moved_lit_and_new():
    photo, still = smooth(4), torch.zeros(1, 2, SIDE, SIDE)
    known = torch.ones(1, 1, SIDE, SIDE)
    known[..., :32] = 0.0
    made = redrawn(photo, Redrawn(still, torch.full((1, 3, SIDE, SIDE), 0.25), smooth(5), known))
    assert torch.allclose(made[..., 32:], photo[..., 32:] + 0.25, atol=1e-5) and torch.equal(made[..., :32], smooth(5)[..., :32])


@pytest.fixture
def changing(network):
    """One that says something everywhere."""
    for number, (name, parameter) in enumerate(network.named_parameters()):
        if not parameter.any():
            draw = torch.Generator().manual_seed(number)
            parameter.data.copy_((0.01 if name.startswith("motion") else 0.1) * torch.randn(parameter.shape, generator=draw))
    return network


def test_what_it_says_is_done_to_the_photo_where_it_reaches(changing):
    photo, before, after = (((picture[0].permute(1, 2, 0) + 1) * 127.5).numpy() for picture in (smooth(6), smooth(7, 16), smooth(8, 16)))
    rgb, square = np.rint(photo).astype(np.uint8), Square((SIDE - 1) / 2, (SIDE - 1) / 2, SIDE / 2, 0.0)
    everywhere, nowhere, right = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    right[:, 40:] = 1.0
    whole, none, half = (
        redraw(rgb, square, told(changing, photo, before, after, move=MOVE, reach=reach)) for reach in (everywhere, nowhere, right)
    )
    with torch.inference_mode():
        goal = redrawn(smooth(6), changing(smooth(6), smooth(7, 16), smooth(8, 16), MOVE))[0].permute(1, 2, 0).numpy()
    inner = (slice(8, -8), slice(8, -8))
    wanted = np.clip((goal + 1) * 127.5, 0, 255)
    off, changed = (np.abs(wanted - picture)[inner].mean() for picture in (whole, rgb))
    assert off < 0.1 * changed, "cubic between pixels where the network is linear"
    assert np.array_equal(none, rgb)
    other = redraw(rgb, square, told(changing, photo, before, after, move=-MOVE, reach=everywhere))
    assert np.abs(other.astype(float) - whole).mean() > 1.0, "what the code does is told"
    assert np.array_equal(half[:, :36], rgb[:, :36]) and np.array_equal(half[8:-8, 44:-8], whole[8:-8, 44:-8])


@torch.inference_mode()
def test_what_is_new_is_mixed_of_the_photos_own_colours():
    """Of the cell two below, which is red, and of the brightest of the middle half, which is blue."""
    photo, shares = torch.full((1, 3, SIDE, SIDE), -1.0), torch.zeros(1, 22, SIDE // 2, SIDE // 2)
    photo[0, 0, 24:32], photo[0, 2, 40:44, 20:24] = 0.5, 0.9
    below, brightest = torch.zeros(22), torch.zeros(22)
    below[7 + 4], brightest[-1] = 1.0, 1.0
    shares[:] = (0.25 * below + 0.75 * brightest)[:, None, None]
    made = mixed(photo, shares)[0]
    assert float(made[2].min()) == pytest.approx(0.75 * 1.9) and not made[1].any()
    light = made[0, :, SIDE // 2] - 0.75 * 1.5
    assert 18 <= int(light.argmax()) <= 21, "two cells of four pixels above"
    assert float(light.max()) == pytest.approx(0.25 * 1.5, rel=0.1) and not light[30:].any()


@torch.inference_mode()
def test_light_of_another_colour_changes_a_face_in_that_light(changing):
    """Which changes nothing of motion and of what is new where, and all colours as the photo's own."""
    photo, lamp = smooth(9) / 2, torch.tensor([1.2, 1.0, 0.7])[:, None, None]
    lit = lamp * (photo + 1) - 1
    before, after = smooth(10, 16), smooth(11, 16)
    own, other = changing(photo, before, after, MOVE), changing(lit, before, after, MOVE)
    assert own.motion.any() and float(own.known.std()) > 0.001
    assert torch.allclose(own.motion, other.motion, atol=1e-5) and torch.allclose(own.known, other.known, atol=1e-4)
    made, goal = redrawn(lit, other), lamp * (redrawn(photo, own) + 1) - 1
    assert torch.allclose(made, goal, atol=1e-3) and not torch.allclose(made, redrawn(photo, own), atol=0.05)


def test_motion_that_carries_landmarks_to_where_they_are_is_not_astray():
    here, draw = 0.2 + 0.6 * torch.rand(2, 468, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 3, SIDE, SIDE)
    pair = Redrawing(torch.zeros(2, 2, 3), torch.zeros(2, 4), draw, draw, here, here + torch.tensor([0.03, -0.01]), draw[:, :1])
    motion = torch.tensor([-0.03, 0.01])[None, :, None, None].expand(2, 2, SIDE, SIDE)
    right, none = (Redrawn(each, draw, draw, draw[:, :1]) for each in (motion, 0 * motion))
    assert float(astray(right, pair)) < 1e-6 and float(astray(none, pair)) == pytest.approx(0.001**0.5, rel=1e-3)


@pytest.fixture(scope="module")
def whole_set(networks, tmp_path_factory):
    """A generator with its encoder and a mapper that moves codes far."""
    folder = tmp_path_factory.mktemp("set")
    for path in networks.parent.glob("*.safetensors"):
        shutil.copy(path, folder)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(3)
        mapper = LevelsMapper([len(AXES), 8], 10, tuple(LEVELS), "calibrated", AXES)
    tensors = {name: 30 * tensor for name, tensor in mapper.state_dict().items()}
    weights.save(folder / "auclip.safetensors", tensors, {"kind": "auclip", **mapper.config})
    return folder / "stylegan2.safetensors"


@pytest.fixture
def small(expressions, whole_set, options, monkeypatch):
    monkeypatch.setattr("mien.recipes.redrawer._VALIDATED", 8)
    monkeypatch.setattr("mien.recipes.redrawer._WIDTHS", (16, 16))
    return RedrawerConfig(data=expressions, generator=whole_set, size=SIDE, steps=6, batch=4, memory=4, options=replace(options, every=3))


def test_photos_come_nearer_to_the_other_expression(small, whole_set):
    """The same four pairs again and again, whose landmarks say nothing."""
    found, mapper, _ = choosing.networks(choosing.files(whole_set))
    faces = open_expressions(small.data, "train")
    samples = Redrawings(faces, encoded(faces, found.encoder, launch(small.options)), SIDE, 0)
    pair = Redrawing(*default_collate([samples[number] for number in range(4)]))
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        network = Redrawer(SIDE, (16, 16), 16, *CODE)
    lesson, adam = Lesson(found.generator, mapper, replace(small, motion=0.0, focus=0.0)), torch.optim.Adam(network.parameters(), lr=2e-3)
    drawn = lesson.drawn(pair)
    assert not torch.equal(*drawn[:2])
    for _ in range(80):
        loss = lesson.weighed(lesson(pair, network(pair.photo, *drawn)))
        adam.zero_grad()
        loss.backward()
        adam.step()
    made = redrawn(pair.photo, network(pair.photo, *drawn)).detach()
    assert (made - pair.goal).abs().mean() < 0.5 * (pair.photo - pair.goal).abs().mean()


def test_a_run_leaves_weights_and_pictures(small, tmp_path):
    path = train(replace(small, out=tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line.get("val_left", 0) > 0] == [3, 6]
    assert images.read(tmp_path / "samples" / "faces-00000006.png").rgb.shape == (8 * SIDE, 5 * SIDE, 3)
    kept, stored = redrawing.of(weights.load(path)), weights.load(path)
    assert kept.config["size"] == SIDE and not kept.training
    assert "focus" in stored.recipe and str(small.data) not in stored.recipe


def test_stopped_and_resumed_equals_never_stopped(small, tmp_path):
    train(replace(small, out=tmp_path / "whole"))
    train(replace(small, out=tmp_path / "parts"))
    (tmp_path / "parts" / "step-00000006.ckpt").unlink()
    train(replace(small, out=tmp_path / "parts"))
    one, other = (load_file(tmp_path / name / "step-00000006.ckpt") for name in ("whole", "parts"))
    assert one.keys() == other.keys() and not [name for name in one if not torch.equal(one[name], other[name])]
    before = load_file(tmp_path / "parts" / "step-00000003.ckpt")
    assert any(not torch.equal(before[name], one[name]) for name in one), "the comparison can fail"


def test_it_goes_with_the_generator_that_it_was_made_for_alone(small, whole_set, style_files, tmp_path):
    path = train(replace(small, out=tmp_path / "run"))
    assert weights.made_for(path) == stylegan2.fingerprint(stylegan2.generator(weights.load(whole_set)))
    own, other = tmp_path / "own", tmp_path / "other"
    for folder, origin in ((own, whole_set.parent), (other, style_files)):
        shutil.copytree(origin, folder)
        shutil.copy(path, folder)
    assert choosing.files(own / "stylegan2.safetensors").redrawer == own / "redrawer.safetensors"
    assert choosing.files(other / "stylegan2.safetensors").redrawer is None


def test_what_it_needs_is_said(small, networks, style_files, tmp_path):
    with pytest.raises(WeightsError, match=r"no mapper moves the codes of this generator.*mien train auclip"):
        train(replace(small, generator=networks, out=tmp_path))
    with pytest.raises(UsageError, match="the mapper moves 10 units, not the 38"):
        train(replace(small, generator=style_files / "stylegan2.safetensors", out=tmp_path))
    with pytest.raises(UsageError, match="size = 100 is not allowed"):
        replace(small, size=100)


def test_pictures_that_look_elsewhere_are_not_still(expressions):
    faces = open_expressions(expressions, "train")
    assert faces.still.all()
    assert sum(map(len, faces.of_person(still=True))) == sum(map(len, faces.of_person())) == len(faces)
    eyes = replace(faces, still=np.arange(len(faces)) % 4 != 0)
    assert all(eyes.still[person].all() for person in eyes.of_person(still=True))
    assert sum(map(len, eyes.of_person(still=True))) == int(eyes.still.sum())
